-- What the tables promise about the sides of a dataset version. PostgreSQL 15 or newer.

-- Conversations that begin alike (one cluster) are learned or examined with, never both in one version. Versions older than this promise have no clusters.
CREATE FUNCTION moss_cluster_has_one_side() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE both_sides record;
BEGIN
    IF EXISTS (SELECT FROM added WHERE cluster IS NULL) THEN
        RAISE EXCEPTION 'An example names the cluster of conversations that it belongs to: without it nothing can tell whether it is both learned and held out.'
            USING ERRCODE = '23514';
    END IF;
    SELECT v.name, e.cluster INTO both_sides
    FROM (SELECT DISTINCT version_id FROM added) a
    JOIN dataset_versions v ON v.id = a.version_id
    JOIN dataset_examples e ON e.version_id = a.version_id
    GROUP BY v.name, e.cluster HAVING count(DISTINCT e.split) > 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Dataset version % both learns and holds out conversations that begin alike (cluster %): what examines a model must never teach it.',
            both_sides.name, both_sides.cluster USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER one_side AFTER INSERT ON dataset_examples REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION moss_cluster_has_one_side();

-- What a version held out is not learned in a later one. Versions made after the time of the cut do not count: a version can be rebuilt whatever came after it.
CREATE FUNCTION moss_held_out_never_teaches() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE earlier record;
BEGIN
    SELECT v.name, o.name AS held_out_in INTO earlier
    FROM added a
    JOIN dataset_versions v ON v.id = a.version_id
    JOIN dataset_examples e ON e.content_sha256 = a.content_sha256 AND e.split = 'Eval'
    JOIN dataset_versions o ON o.id = e.version_id
    WHERE a.split = 'Train' AND o.id <> v.id AND o.project_id = v.project_id
      AND o.created_at <= COALESCE((v.query ->> 'until')::timestamptz, v.created_at) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Dataset version % would learn an example that version % holds out: what examines a model must never teach it.',
            earlier.name, earlier.held_out_in USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER held_out_never_teaches AFTER INSERT ON dataset_examples REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION moss_held_out_never_teaches();

-- A comparison speaks of two replies; neither may be of an examination.
CREATE OR REPLACE FUNCTION moss_only_train_teaches() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE run record;
BEGIN
    SELECT r.scenario_name, r.split INTO run
    FROM added a
    LEFT JOIN judgements j ON j.id = a.judgement_id
    CROSS JOIN LATERAL (VALUES (a.message_id), (j.message_id), (j.other_message_id)) AS named (id)
    JOIN messages m ON m.id = named.id
    JOIN conversations c ON c.id = m.conversation_id
    JOIN agent_runs r ON r.id = c.agent_run_id
    WHERE r.split <> 'Train' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'A conversation of the scenario % (split %) cannot enter a dataset: what examines a model must never teach it.',
            run.scenario_name, run.split USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
