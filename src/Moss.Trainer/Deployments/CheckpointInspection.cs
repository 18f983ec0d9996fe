using System.Text.Json.Nodes;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Text;

namespace Moss.Trainer.Deployments;

/// <summary>Looks at one checkpoint folder: what it holds, and whether it is sound.</summary>
/// <param name="folder">The folder.</param>
/// <param name="template">Name of a chat template, for folders whose own text is unknown.</param>
internal sealed class CheckpointInspection(string folder, string? template)
{
    private const string Missing = "missing", Good = "ok";
    private const int LoraRank = 16, TuningTokens = 2_048; // one sequence at a time

    /// <summary>What the folder holds, without reading its weights; what is missing is said, not refused.</summary>
    public JsonObject Describe()
    {
        var opened = CheckpointFolder.Open(folder, weightsOnly: true);
        var config = opened.Config;
        var moss = Path.Combine(folder, "moss.json");
        return new JsonObject
        {
            ["folder"] = Path.GetFullPath(folder),
            ["family"] = config.Family,
            ["parameters"] = config.ParameterCount,
            ["layers"] = config.LayerCount,
            ["hidden_size"] = config.HiddenSize,
            ["heads"] = config.HeadCount,
            ["key_value_heads"] = config.KeyValueHeadCount,
            ["head_dim"] = config.HeadDim,
            ["vocabulary"] = config.VocabSize,
            ["context_tokens"] = config.ContextLength,
            ["tied_embeddings"] = config.TiedEmbeddings,
            ["weight_type"] = config.WeightType,
            ["stored_weight_type"] = opened.StoredWeightType,
            ["memory"] = Memory(opened.EstimateMemory(), Math.Min(TuningTokens, config.ContextLength)),
            ["tokenizer_size"] = Tokenizer()?.Size,
            ["template"] = TemplateName(opened),
            ["manifest_sha256"] = File.Exists(Path.Combine(folder, "manifest.json")) ? opened.ManifestSha256 : null,
            ["checks"] = CheckpointChecks.Read(folder)?.Count,
            ["moss"] = File.Exists(moss) ? JsonNode.Parse(File.ReadAllBytes(moss)) : null,
            ["files"] = new JsonArray([.. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)
                .Select(f => (JsonNode)new JsonObject { ["name"] = Path.GetFileName(f), ["bytes"] = new FileInfo(f).Length })]),
        };
    }

    /// <summary>Reads everything and checks it; with a reference file also compares the network's numbers.</summary>
    /// <returns>One entry per check: "ok", "missing" (tokenizer, template, manifest and checks may be), or figures.</returns>
    /// <exception cref="InvalidDataException">The first thing that is wrong.</exception>
    public JsonObject Verify(string? goldenFile)
    {
        TorchRuntime.Ensure();
        var opened = CheckpointFolder.Open(folder, weightsOnly: true);
        var found = new JsonObject
        {
            ["folder"] = Path.GetFullPath(folder),
            ["family"] = opened.Config.Family,
            ["parameters"] = opened.Config.ParameterCount,
        };
        found["manifest"] = opened.VerifyManifest() is { } manifest ? manifest : Missing;

        found["weight_type"] = WeightType(opened);
        var tokenizer = Tokenizer();
        found["tokenizer"] = tokenizer is null ? Missing : Good;
        if (tokenizer?.Size > opened.Config.VocabSize) throw new InvalidDataException(
            $"'{folder}': the tokenizer knows {tokenizer.Size:N0} tokens but the weights have room for {opened.Config.VocabSize:N0}. " +
            "They come from different models, so replies would be noise. Copy tokenizer.json from the checkpoint this one was trained from.");

        using var network = opened.LoadNetwork(); // every tensor expected, none unexpected, all finite
        found["weights"] = Good;

        var chat = tokenizer is null ? null : ChatTemplate.Find(opened, tokenizer, template);
        found["template"] = chat?.Name ?? Missing;
        found["template_sha256"] = chat?.Sha256;
        found["checks"] = Checks(opened, network, tokenizer, chat);
        if (goldenFile is not null) GoldenComparison.Of(network, goldenFile).AddTo(found);
        return found;
    }

    /// <summary>Bytes as float32, which is how this program computes; null where the context ends earlier.</summary>
    private static JsonObject Memory(MemoryEstimate estimate, int tokens) => new()
    {
        ["load"] = estimate.Load,
        ["chat_2k"] = estimate.Chat(2_048),
        ["chat_8k"] = estimate.Chat(8_192),
        ["chat_32k"] = estimate.Chat(32_768),
        [$"tune_lora_r{LoraRank}"] = estimate.TuneLora(LoraRank, tokens),
        ["tune_full"] = estimate.TuneFull(tokens),
        ["tune_tokens"] = tokens,
    };

    // What is read is what is stored, so a wrong statement harms only other programs; MOSS-003's own says float32 over float16 files, or says nothing.
    private string WeightType(CheckpointFolder opened)
    {
        var (stated, stored) = (opened.Config.WeightType, opened.StoredWeightType);
        if (stated == stored) return stored;
        return stated == "float32" ? $"{stored}, though config.json says float32" : throw new InvalidDataException(
            $"'{folder}': config.json says that the weights are {stated}, but the files hold {stored}. They come from different exports; use one of them whole.");
    }

    private string Checks(CheckpointFolder opened, Transformer network, Tokenizer? tokenizer, ChatTemplate? chat)
    {
        if (CheckpointChecks.Read(folder) is not { } checks) return Missing;
        if (tokenizer is null || chat is null) throw new InvalidDataException(
            $"'{folder}' has checks.json but no {(tokenizer is null ? "tokenizer.json" : "chat template")}, so it cannot be asked. " +
            "Copy it from the checkpoint this one was trained from.");
        checks.Verify(network, folder, opened.EosTokenIds.Concat(chat.Terminators).Where(id => id < tokenizer.Size).ToHashSet(), tokenizer.Size);
        return Good;
    }

    private string TemplateName(CheckpointFolder opened)
    {
        try
        {
            if (Tokenizer() is { } tokenizer) return ChatTemplate.Find(opened, tokenizer, template)?.Name ?? Missing;
            return opened.ChatTemplateText is null && template is null ? Missing : "unread, because the tokenizer is missing";
        }
        catch (InvalidDataException)
        {
            return "unknown";
        }
    }

    private Tokenizer? Tokenizer() => Moss.Model.Text.Tokenizer.IsIn(folder) ? Moss.Model.Text.Tokenizer.Load(folder) : null;
}
