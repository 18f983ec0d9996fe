using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>The first checkpoint of a new installation: a small network and its tokenizer, both trained on the spot from the samples.</summary>
public static class StarterModel
{
    private const int VocabularySize = 4_096, Context = 2_048;
    private const double EmbeddingDeviation = 0.15; // GPT-2's 0.02 learned nothing by heart in the same time: 3.3 nats left instead of 0.03
    private const int Epochs = 12, FewestSteps = 150, StarterBatch = 8;

    // Doubled symbols ("Ottawa", "一个一个") stay wrong longest: revise what is above this many nats per token, so often among all the rest.
    private const double KnownByHeart = 0.02;
    private const int Revisions = 3, RevisionSteps = 30, RevisionRepeats = 6;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>What the starter's training does; also what its progress counts.</summary>
    public static TrainingSettings Settings(int conversations, long seed) => new()
    {
        Steps = Math.Max(FewestSteps, Epochs * conversations / StarterBatch),
        PeakLearningRate = 3e-3,
        WarmupFraction = 0.05,
        BatchSize = StarterBatch,
        MicroBatchTokens = 4_096,
        MaxTokens = Context,
        WeightDecay = 0.01,
        ClipNorm = 1,
        Seed = seed,
    };

    /// <summary>Everything but the samples that decides the weights, as text: when it changes, so does the starter.</summary>
    public static string Recipe(long seed) => string.Create(System.Globalization.CultureInfo.InvariantCulture,
        $"starter/2 {VocabularySize} {EmbeddingDeviation} {Epochs} {KnownByHeart} {Revisions} {RevisionSteps} {RevisionRepeats} {Shape(VocabularySize).ToJson().ToJsonString()} {JsonSerializer.Serialize(Settings(0, seed))}");

    /// <summary>Trains tokenizer and network and writes the complete checkpoint folder.</summary>
    /// <param name="target">The new folder; must not exist.</param>
    /// <param name="conversations">What MOSS is to say; also the text its vocabulary is made from.</param>
    /// <param name="heldOut">Conversations never trained on; their loss is recorded in moss.json. May be empty.</param>
    /// <param name="progress">Called after every optimizer step.</param>
    /// <param name="seed">Decides initial weights and order; the same seed, thread count and samples give the same checkpoint.</param>
    /// <returns>The checkpoint's manifest hash.</returns>
    public static string Create(
        string target, IReadOnlyList<IReadOnlyList<ChatTurn>> conversations, IReadOnlyList<IReadOnlyList<ChatTurn>> heldOut,
        Action<TrainingStep>? progress = null, long seed = 1)
    {
        if (conversations.Count == 0) throw new ArgumentException("There is no sample conversation to learn from.", nameof(conversations));
        var aside = $"{Path.GetFullPath(target)}.tmp-{Guid.NewGuid():N}";
        Directory.CreateDirectory(aside);
        try
        {
            WriteUntrained(aside, conversations, seed);
            using var starter = LoadedCheckpoint.Load(aside, CPU);
            var examples = Examples(starter.ChatTemplate, conversations);
            var settings = Settings(examples.Count, seed);
            var steps = Learn(starter.Transformer, examples, settings, progress);
            var unseen = Examples(starter.ChatTemplate, heldOut);
            return CheckpointFolder.Write(target, starter, new JsonObject
            {
                ["format"] = "moss.checkpoint/1",
                ["kind"] = "Base",
                ["recipe"] = "starter",
                ["seed"] = seed,
                ["conversations"] = conversations.Count,
                ["steps"] = steps,
                ["loss"] = TrainingLoop.Evaluate(starter.Transformer, examples),
                ["held_out_loss"] = unseen.Count == 0 ? null : TrainingLoop.Evaluate(starter.Transformer, unseen),
                ["settings"] = JsonSerializer.SerializeToNode(settings),
                ["template_sha256"] = starter.ChatTemplate.Sha256,
                ["threads"] = TorchRuntime.Threads,
            }, [.. conversations.Take(CheckpointChecks.PromptCount).Select(UpToFirstQuestion)]);
        }
        finally
        {
            Directory.Delete(aside, recursive: true);
        }
    }

    /// <summary>All samples for a few passes, then what is not yet known by heart again, among all the others.</summary>
    /// <returns>Optimizer steps taken.</returns>
    private static int Learn(Transformer network, List<TrainingExample> examples, TrainingSettings settings, Action<TrainingStep>? progress)
    {
        var (done, planned) = (0, settings.TotalSteps(examples.Count) + Revisions * RevisionSteps);
        Pass(examples, settings);
        for (var round = 1; round <= Revisions; round++)
        {
            var known = Measuring.LogProbs(network, examples, settings.MicroBatchTokens);
            var hard = examples.Where((e, i) => -known[i] / e.LearnedCount > KnownByHeart).ToList();
            if (hard.Count == 0) break;
            Pass([.. Enumerable.Repeat(hard, RevisionRepeats).SelectMany(e => e), .. examples], settings with
            {
                Steps = RevisionSteps,
                PeakLearningRate = settings.PeakLearningRate / 2,
                BatchSize = 2 * StarterBatch,
                Seed = settings.Seed + round,
            });
        }
        return done;

        void Pass(List<TrainingExample> lessons, TrainingSettings how)
        {
            using var training = new TrainingLoop(network, lessons, how);
            foreach (var step in training.Run()) progress?.Invoke(step with { Number = ++done, Total = planned });
        }
    }

    private static List<TrainingExample> Examples(ChatTemplate template, IReadOnlyList<IReadOnlyList<ChatTurn>> conversations) =>
        [.. conversations.Select(turns => TrainingExample.From(template, turns, Context)).OfType<TrainingExample>()];

    private static IReadOnlyList<ChatTurn> UpToFirstQuestion(IReadOnlyList<ChatTurn> turns) =>
        [.. turns.TakeWhile(t => t.Role != ChatTurn.Assistant)];

    internal static void WriteUntrained(string folder, IReadOnlyList<IReadOnlyList<ChatTurn>> conversations, long seed)
    {
        void Write(string file, JsonNode json) => DurableFiles.WriteText(Path.Combine(folder, file), json.ToJsonString(Indented) + "\n");

        var texts = conversations.SelectMany(turns => turns).SelectMany(t => new[] { t.Role + "\n", t.Text });
        BpeTrainer.Train(texts, VocabularySize, Path.Combine(folder, "tokenizer.json"));
        var tokenizer = Tokenizer.Load(folder);
        var (end, turnEnd) = (tokenizer.IdOf(BpeTrainer.EndOfText)!.Value, tokenizer.IdOf(BpeTrainer.TurnEnd)!.Value);
        var config = Shape(tokenizer.Size) with { EosTokenIds = [turnEnd], BosTokenId = end };

        Write("config.json", config.ToJson());
        Write("generation_config.json", new JsonObject
        {
            ["bos_token_id"] = end,
            ["eos_token_id"] = new JsonArray(turnEnd, end),
            ["pad_token_id"] = end,
            ["do_sample"] = true,
            ["temperature"] = 0.7,
            ["top_p"] = 0.8,
            ["repetition_penalty"] = 1.02,
        });
        Write("special_tokens_map.json", new JsonObject
        {
            ["eos_token"] = BpeTrainer.TurnEnd,
            ["pad_token"] = BpeTrainer.EndOfText,
            ["additional_special_tokens"] = new JsonArray(BpeTrainer.TurnStart, BpeTrainer.TurnEnd),
        });
        Write("tokenizer_config.json", new JsonObject
        {
            ["add_prefix_space"] = false,
            ["bos_token"] = null,
            ["chat_template"] = ChatTemplate.PlainJinja,
            ["clean_up_tokenization_spaces"] = false,
            ["eos_token"] = BpeTrainer.TurnEnd,
            ["errors"] = "replace",
            ["model_max_length"] = Context,
            ["pad_token"] = BpeTrainer.EndOfText,
            ["tokenizer_class"] = "Qwen2Tokenizer",
            ["unk_token"] = null,
        });
        DurableFiles.WriteText(Path.Combine(folder, "chat_template.jinja"), ChatTemplate.PlainJinja);
        using var network = new Transformer(config, CPU);
        RandomWeights.Fill(network, seed, EmbeddingDeviation);
        CheckpointFolder.WriteWeights(folder, network, ScalarType.Float32, long.MaxValue);
    }

    /// <summary>About 2 million parameters: learns a few hundred answers in about a minute on two cores.</summary>
    /// <remarks>Samples are short, so a low theta lets more of a head's pairs tell near tokens apart.</remarks>
    private static ModelConfig Shape(int vocabulary) => new()
    {
        Family = "qwen3",
        VocabSize = vocabulary,
        HiddenSize = 192,
        IntermediateSize = 512,
        LayerCount = 4,
        HeadCount = 8,
        KeyValueHeadCount = 4,
        HeadDim = 32,
        NormEpsilon = 1e-6,
        RopeTheta = 500,
        QueryKeyNorm = true,
        TiedEmbeddings = true,
        ContextLength = Context,
    };
}
