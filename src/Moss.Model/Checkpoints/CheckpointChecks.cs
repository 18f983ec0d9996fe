using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model.Generation;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

/// <summary>checks.json: a few prompts with the trainer's own answers, so that whoever loads the folder can prove it serves what was trained.</summary>
public sealed class CheckpointChecks
{
    public const string FileName = "checks.json";
    public const int PromptCount = 16;
    private const string Format = "moss.checks/1";
    private const int TopCount = 8, GreedyCount = 16;
    private const double Tolerance = 1e-3; // nats

    private sealed record Check(int[] Prompt, (int Id, double LogProb)[] Top, int[] Greedy);

    private readonly IReadOnlyList<Check> _checks;

    private CheckpointChecks(IReadOnlyList<Check> checks) => _checks = checks;

    public int Count => _checks.Count;

    /// <summary>Each prompt with the answer that was recorded for it.</summary>
    internal IEnumerable<(int[] Prompt, int[] Answer)> Texts => _checks.Select(c => (c.Prompt, c.Greedy));

    /// <summary>Asks the network each prompt: the 8 most likely first tokens with their log-probabilities, and up to 16 tokens greedily.</summary>
    public static CheckpointChecks Compute(
        Transformer model, Tokenizer tokenizer, ChatTemplate template, IReadOnlyList<IReadOnlyList<ChatTurn>> prompts, IReadOnlySet<int>? stopIds = null)
    {
        var stops = stopIds ?? new HashSet<int> { template.Terminator };
        var room = model.Config.ContextLength - GreedyCount;
        return new([.. prompts.Take(PromptCount).Select(turns =>
        {
            var prompt = template.Render(template.FitLatest(turns, room).Turns, generationPrompt: true).Tokens;
            return Ask(model, prompt, stops, tokenizer.Size);
        })]);
    }

    /// <summary>The checks of a folder, or null when it has none.</summary>
    public static CheckpointChecks? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement.GetProperty("format").GetString() is var format && format != Format)
                throw new InvalidDataException($"'{path}' has format \"{format}\", expected \"{Format}\".");
            return new([.. document.RootElement.GetProperty("checks").EnumerateArray().Select(c => new Check(
                Ids(c.GetProperty("prompt")),
                [.. c.GetProperty("top").EnumerateArray().Select(t => (t.GetProperty("id").GetInt32(), t.GetProperty("log_prob").GetDouble()))],
                Ids(c.GetProperty("greedy"))))]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException($"'{path}' cannot be read: {e.Message} The checkpoint is damaged; use another copy.", e);
        }
    }

    /// <summary>Asks again and compares: log-probabilities to 0.001 nats, greedy tokens exactly.</summary>
    public void Verify(Transformer model, string folder, IReadOnlySet<int> stopIds, int tokenizerSize)
    {
        for (var i = 0; i < _checks.Count; i++)
        {
            var trained = _checks[i];
            if (trained.Prompt.Length == 0 || trained.Prompt.Any(id => id < 0 || id >= tokenizerSize)) throw new InvalidDataException(
                $"'{Path.Combine(folder, FileName)}': check {i + 1} holds ids that the tokenizer does not know. The files come from different checkpoints.");
            var served = Ask(model, trained.Prompt, stopIds, tokenizerSize, [.. trained.Top.Select(t => t.Id)]);
            var apart = trained.Top.Zip(served.Top, (a, b) => Math.Abs(a.LogProb - b.LogProb)).DefaultIfEmpty(0).Max();
            if (!(apart <= Tolerance)) throw Differs($"the log-probabilities of its first token differ by {apart:G3} nats, more than {Tolerance}");
            if (!trained.Greedy.SequenceEqual(served.Greedy)) throw Differs(
                $"it answers [{string.Join(", ", served.Greedy)}] where the trainer recorded [{string.Join(", ", trained.Greedy)}]");

            InvalidDataException Differs(string how) => new(
                $"'{folder}' does not serve what was trained: asked check {i + 1} of {_checks.Count}, {how}. " +
                "The weights, the program or the machine differ from the trainer's. It is not put into service; train or export it again.");
        }
    }

    internal JsonObject ToJson() => new()
    {
        ["format"] = Format,
        ["checks"] = new JsonArray([.. _checks.Select(c => (JsonNode)new JsonObject
        {
            ["prompt"] = new JsonArray([.. c.Prompt.Select(id => (JsonNode)id)]),
            ["top"] = new JsonArray([.. c.Top.Select(t => (JsonNode)new JsonObject { ["id"] = t.Id, ["log_prob"] = t.LogProb })]),
            ["greedy"] = new JsonArray([.. c.Greedy.Select(id => (JsonNode)id)]),
        })]),
    };

    private static Check Ask(Transformer model, int[] prompt, IReadOnlySet<int> stopIds, int tokenizerSize, int[]? which = null)
    {
        float[] first;
        using (no_grad())
        using (NewDisposeScope())
        {
            var logits = model.NextLogits(tensor(prompt.Select(id => (long)id).ToArray(), [1, prompt.Length], int64, model.Device));
            first = logits.narrow(0, 0, tokenizerSize).log_softmax(0).cpu().data<float>().ToArray();
        }
        which ??= [.. Enumerable.Range(0, first.Length).OrderByDescending(id => first[id]).ThenBy(id => id).Take(TopCount)];
        using var generation = new Generation.Generation(model, prompt, SamplingOptions.Greedy with { MaxNewTokens = GreedyCount }, stopIds, tokenizerSize, null);
        while (generation.Step(out _)) { }
        return new(prompt, [.. which.Select(id => (id, (double)first[id]))], [.. generation.Ids]);
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];
}
