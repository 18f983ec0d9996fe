-- What the tables promise beyond their columns. PostgreSQL 15 or newer.
-- Every refusal says what was tried, why it is refused, and what to do instead (ERRCODE 23514: check violation).

CREATE FUNCTION moss_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are only ever added: % is refused, because what taught a model must stay as it was. %',
        TG_TABLE_NAME, TG_OP, COALESCE(TG_ARGV[0], 'Add a new row instead.') USING ERRCODE = '23514';
END $$;

-- Append-only tables -------------------------------------------------------------------------------------------------

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON judgements FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('Add a judgement that supersedes it.');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dataset_versions FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('Freeze a new version.');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dataset_examples FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('Freeze a new version.');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dataset_example_sources FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('Freeze a new version.');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON deployments FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('Deploy again, or roll back: both add a row.');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON messages FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('Add an answer as a sibling.');
CREATE TRIGGER never_deleted BEFORE DELETE ON generations FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('It says which checkpoint spoke.');
CREATE TRIGGER never_deleted BEFORE DELETE ON checkpoints FOR EACH ROW
    EXECUTE FUNCTION moss_refuse_change('Set its state to Retired.');

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['judgements', 'dataset_versions', 'dataset_examples', 'dataset_example_sources', 'deployments',
                                'audit_log', 'messages', 'generations', 'checkpoints'] LOOP
        EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION moss_refuse_change()', name);
    END LOOP;
END $$;

-- Messages: only a reply under way changes, and it only grows -----------------------------------------------------------

CREATE FUNCTION moss_reply_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (OLD.state = 'CutShort' AND EXISTS (
            SELECT FROM generations g WHERE g.message_id = OLD.id AND g.total_ms IS NULL AND g.stop_reason IS NULL)) THEN
        RAISE EXCEPTION 'Message % is finished and never changes. Add an answer as a sibling instead.', OLD.id USING ERRCODE = '23514';
    END IF;
    IF NOT starts_with(NEW.text, OLD.text) THEN
        RAISE EXCEPTION 'The reply % is under way and may only grow, but the new text does not begin with what was stored (% characters). Nothing was changed.',
            OLD.id, length(OLD.text) USING ERRCODE = '23514';
    END IF;
    IF (to_jsonb(NEW) - 'text' - 'state') IS DISTINCT FROM (to_jsonb(OLD) - 'text' - 'state') THEN
        RAISE EXCEPTION 'Only the text and the state of the reply % may change while it is under way.', OLD.id USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_grows BEFORE UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION moss_reply_only_grows();

CREATE FUNCTION moss_generation_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.total_ms IS NOT NULL OR OLD.stop_reason IS NOT NULL THEN
        RAISE EXCEPTION 'The reply % has ended: how it came about never changes.', OLD.message_id USING ERRCODE = '23514';
    END IF;
    IF NEW.message_id <> OLD.message_id OR NEW.checkpoint_id <> OLD.checkpoint_id OR NEW.sampling <> OLD.sampling THEN
        RAISE EXCEPTION 'The checkpoint and sampling of the reply % never change.', OLD.message_id USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ends_once BEFORE UPDATE ON generations FOR EACH ROW EXECUTE FUNCTION moss_generation_ends_once();

CREATE FUNCTION moss_reply_has_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM generations WHERE message_id = NEW.id)
       AND (SELECT origin FROM conversations WHERE id = NEW.conversation_id) <> 'Import' THEN
        RAISE EXCEPTION 'The Moss message % has no generation: every reply that is neither imported nor a correction names the checkpoint that said it. Insert both in one transaction.',
            NEW.id USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER has_generation AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.role = 'Moss' AND NEW.corrects_id IS NULL) EXECUTE FUNCTION moss_reply_has_generation();

-- Judgements: a later one supersedes only its own kind, by the same annotator, of the same message -----------------------

CREATE FUNCTION moss_judgement_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.supersedes_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM judgements j WHERE j.id = NEW.supersedes_id AND j.kind = NEW.kind AND j.annotator_id = NEW.annotator_id
               AND j.message_id = NEW.message_id AND j.attribute IS NOT DISTINCT FROM NEW.attribute) THEN
        RAISE EXCEPTION 'Judgement % cannot supersede %: only the same annotator''s earlier % of the same message can be superseded.',
            NEW.id, NEW.supersedes_id, NEW.kind USING ERRCODE = '23514';
    END IF;
    IF NEW.kind = 'Correction' AND NOT EXISTS (
            SELECT FROM messages m WHERE m.id = NEW.correction_message_id AND m.corrects_id = NEW.message_id) THEN
        RAISE EXCEPTION 'Judgement % says that message % corrects %, but that message does not say so (corrects_id).',
            NEW.id, NEW.correction_message_id, NEW.message_id USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fits BEFORE INSERT ON judgements FOR EACH ROW
    WHEN (NEW.supersedes_id IS NOT NULL OR NEW.kind = 'Correction') EXECUTE FUNCTION moss_judgement_fits();

-- Checkpoints: only the state may change ---------------------------------------------------------------------------------

CREATE FUNCTION moss_checkpoint_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'state') IS DISTINCT FROM (to_jsonb(OLD) - 'state') THEN
        RAISE EXCEPTION 'Checkpoint % never changes; only its state may. Publish a new checkpoint instead.', OLD.name USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_fixed BEFORE UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION moss_checkpoint_is_fixed();

-- Datasets: a version is written whole or not at all, and never holds an examination's conversations ----------------------

-- True when this very transaction (or a savepoint of it) wrote the row with this xmin. An xid has 32 bits, an xid8 64:
-- the missing ones are those of the nearest transaction to the current one.
CREATE FUNCTION moss_is_mine(writer xid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    epoch CONSTANT numeric := 4294967296;
    mine CONSTANT numeric := pg_current_xact_id()::text::numeric;
    whole numeric := div(mine, epoch) * epoch + writer::text::numeric;
BEGIN
    IF whole - mine > epoch / 2 THEN whole := whole - epoch; ELSIF mine - whole > epoch / 2 THEN whole := whole + epoch; END IF;
    -- Nobody else's unfinished row is ever visible, so "in progress" means our own.
    RETURN whole > 0 AND pg_xact_status(trunc(whole)::text::xid8) IS NOT DISTINCT FROM 'in progress';
END $$;

CREATE FUNCTION moss_version_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE old_version text;
BEGIN
    SELECT v.name INTO old_version FROM (SELECT DISTINCT version_id FROM added) a JOIN dataset_versions v ON v.id = a.version_id
    WHERE NOT moss_is_mine(v.xmin) LIMIT 1;
    IF old_version IS NOT NULL THEN
        RAISE EXCEPTION 'Dataset version % is frozen: nothing can be added to %. Freeze a new version.', old_version, TG_TABLE_NAME USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER is_frozen AFTER INSERT ON dataset_examples REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION moss_version_is_frozen();
CREATE TRIGGER is_frozen AFTER INSERT ON dataset_example_sources REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION moss_version_is_frozen();

CREATE FUNCTION moss_only_train_teaches() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE run record;
BEGIN
    SELECT r.scenario_name, r.split INTO run
    FROM added a
    LEFT JOIN judgements j ON j.id = a.judgement_id
    JOIN messages m ON m.id = COALESCE(a.message_id, j.message_id)
    JOIN conversations c ON c.id = m.conversation_id
    JOIN agent_runs r ON r.id = c.agent_run_id
    WHERE r.split <> 'Train' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'A conversation of the scenario % (split %) cannot enter a dataset: what examines a model must never teach it.',
            run.scenario_name, run.split USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER only_train_teaches AFTER INSERT ON dataset_example_sources REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION moss_only_train_teaches();

-- A conversation that began in an examination stays there.
CREATE FUNCTION moss_agent_run_split_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The split and scenario of agent run % never change. Queue a new run.', OLD.id USING ERRCODE = '23514';
END $$;
CREATE TRIGGER split_is_fixed BEFORE UPDATE ON agent_runs FOR EACH ROW
    WHEN (OLD.split <> NEW.split OR OLD.scenario <> NEW.scenario OR OLD.scenario_sha256 <> NEW.scenario_sha256)
    EXECUTE FUNCTION moss_agent_run_split_is_fixed();
CREATE FUNCTION moss_conversation_stays_put() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Only the title of conversation % may change.', OLD.id USING ERRCODE = '23514';
END $$;
CREATE TRIGGER stays_put BEFORE UPDATE ON conversations FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'title') IS DISTINCT FROM (to_jsonb(NEW) - 'title')) EXECUTE FUNCTION moss_conversation_stays_put();
