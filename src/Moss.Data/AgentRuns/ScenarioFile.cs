using System.Text;
using System.Text.RegularExpressions;

namespace Moss.Data.AgentRuns;

/// <summary>Reads moss.scenario/v1: the scripted kind (turns with checks). Everything it does not carry out is refused by name and place.</summary>
public static class ScenarioFile
{
    public const string Schema = "moss.scenario/v1";
    public const int MaxBytes = 256 * 1024;

    public static Scenario Read(string text)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > MaxBytes) throw new MossInputException($"The scenario has {bytes:N0} bytes; {MaxBytes:N0} are allowed. Split it.");

        var root = new ScenarioFields(YamlTree.Read(text), "a scenario");
        if (!root.Has("schema")) throw root.Error($"a scenario begins with `schema: {Schema}`.");
        root.OneOf("schema", Schema);
        root.NotYet("matrix", "Write one file per combination.");
        root.NotYet("stop", "Loops and empty replies always stop a dialogue.");
        root.NotYet("filters", "Take the key out.");
        root.NotYet("judges", "Take the key out; checks and people judge the replies.");
        root.NotYet("review", "Take the key out; every dialogue can be read and rated in the portal.");

        var id = root.Require("id") is YamlScalar idNode && Regex.IsMatch(idNode.Text, "^[a-z0-9]+(-[a-z0-9]+)*$") && idNode.Text.Length <= 64
            ? idNode.Text : throw root.Error("'id' must be a slug of at most 64 characters: small letters, digits and single hyphens.");
        root.Canonical["id"] = id;
        var version = (int)(root.Integer("version", 1, int.MaxValue) ?? throw root.Error("a scenario has no 'version', which is required."));
        var description = root.Text("description") ?? "";
        root.Texts("tags");
        var split = root.OneOf("split", "train", "eval", "diagnostic") ?? throw root.Error("a scenario has no 'split', which is required: train, eval or diagnostic.");
        var languages = root.Texts("languages");
        if (languages is null or []) throw root.Error("'languages' is required: a list such as [en, zh].");
        var seed = root.Integer("seed", long.MinValue, long.MaxValue) ?? 0;
        if (root.Has("runs")) root.Integer("runs", 1, 1);
        var target = Participants(root);
        var turns = root.Items("turns", Turn);
        if (turns.Count == 0) throw root.Error("a scripted scenario needs 'turns': a list of what the user says, each with its checks.");
        var limits = Limits(root);
        Provenance(root, split);
        root.End();
        return new Scenario
        {
            Id = id,
            Version = version,
            Description = description,
            Split = split,
            Languages = languages,
            Seed = seed,
            Target = target,
            Turns = turns,
            Limits = limits,
            Sha256 = CanonicalJson.Sha256(root.Canonical),
        };
    }

    private static ScenarioTarget Participants(ScenarioFields root)
    {
        var participants = new ScenarioFields(root.Require("participants"), "participants");
        participants.NotYet("user", "Simulated users come later; write what the user says under 'turns'.");
        var target = new ScenarioFields(participants.Require("target"), "the target");
        target.NotYet("samples", "Take the key out: one reply per turn.");
        var agent = target.RequireText("agent");
        if (!agent.StartsWith("moss@", StringComparison.Ordinal) || agent.Length == 5)
            throw target.Error($"the agent '{agent}' is not one that can be asked here: moss@champion, moss@challenger or moss@<checkpoint>.");
        var system = target.Text("system");
        var sampling = new ScenarioSampling(null, null, null, null, null);
        if (target.Take("sampling") is { } node)
        {
            var fields = new ScenarioFields(node, "sampling");
            sampling = new ScenarioSampling(
                fields.Number("temperature", 0, 2), fields.Number("top_p", 0, 1), (int?)fields.Integer("top_k", 0, int.MaxValue),
                (int?)fields.Integer("max_output_tokens", 1, 1 << 20), fields.Texts("stop"));
            fields.End();
            target.Canonical["sampling"] = fields.Canonical;
        }
        target.End();
        participants.Canonical["target"] = target.Canonical;
        participants.End();
        root.Canonical["participants"] = participants.Canonical;
        return new ScenarioTarget(agent[5..], system, sampling);
    }

    private static (ScenarioTurn, object?) Turn(YamlNode node)
    {
        var turn = new ScenarioFields(node, "a turn");
        var user = turn.RequireText("user");
        if (user.Contains("{{", StringComparison.Ordinal))
            throw turn.Error("'{{…}}' takes its value from a matrix, and matrices are not carried out here. Write the text out.");
        if (Encoding.UTF8.GetByteCount(user) > Conversations.Message.MaxBytes)
            throw turn.Error($"'user' is longer than a message may be ({Conversations.Message.MaxBytes / 1024} KB).");
        var expect = turn.Items("expect", ScenarioChecks.Read);
        var stop = turn.OneOf("on_fail", "continue", "stop") == "stop";
        turn.End();
        return (new ScenarioTurn(user, expect, stop), turn.Canonical);
    }

    private static ScenarioLimits Limits(ScenarioFields root)
    {
        var limits = new ScenarioLimits();
        if (root.Take("limits") is not { } node) return limits;
        var fields = new ScenarioFields(node, "limits");
        fields.NotYet("target_turns", "It is for simulated users.");
        limits = new ScenarioLimits(
            (int)(fields.Integer("max_turns", 1, 10_000) ?? limits.MaxTurns),
            (int)(fields.Integer("max_tokens", 1, int.MaxValue) ?? limits.MaxTokens),
            fields.Number("wall_seconds", 0.001, 86_400) ?? limits.WallSeconds);
        fields.Number("cost_usd", 0); // MOSS itself costs nothing, so any cap holds
        fields.End();
        root.Canonical["limits"] = fields.Canonical;
        return limits;
    }

    private static void Provenance(ScenarioFields root, string split)
    {
        if (root.Take("provenance") is not { } node)
        {
            if (split == "train") throw root.Error("'provenance' (license, purpose) is required when split is train: its replies can reach a dataset.");
            return;
        }
        var fields = new ScenarioFields(node, "provenance");
        fields.RequireText("license");
        foreach (var purpose in fields.Texts("purpose") ?? throw fields.Error("provenance has no 'purpose', which is required: a list of sft, dpo, kto, rm."))
        {
            if (purpose is not ("sft" or "dpo" or "kto" or "rm"))
                throw fields.Error($"the purpose '{purpose}' is unknown; it must be one of sft, dpo, kto, rm.");
        }
        fields.End();
        root.Canonical["provenance"] = fields.Canonical;
    }
}
