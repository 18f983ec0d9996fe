using System.Text.Json;
using Moss.Model.Families;
using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

/// <summary>A checkpoint on disk in the Hugging Face layout: weights, config.json and the tokenizer, in one folder.</summary>
public sealed partial class CheckpointFolder
{
    internal const string WeightsFile = WeightShards.Single, IndexFile = WeightShards.Index, MossFile = "moss.json";

    /// <summary>Of moss.json: <see cref="AskedQuality"/>.</summary>
    public const string QualityField = "quality_tag";

    private CheckpointFolder(string path, ModelConfig config, IReadOnlyList<string> weightFiles, IReadOnlyDictionary<string, string>? index) =>
        (Path, Config, WeightFiles, _index) = (path, config, weightFiles, index);

    private readonly IReadOnlyDictionary<string, string>? _index; // tensor → file, when sharded

    public string Path { get; }
    public ModelConfig Config { get; }

    /// <summary>Names of the safetensors files, one or several shards.</summary>
    public IReadOnlyList<string> WeightFiles { get; }

    /// <summary>The Jinja text of the chat template, from its own file or from tokenizer_config.json; null when there is none.</summary>
    public string? ChatTemplateText { get; private init; }

    /// <summary>The quality that replies are asked for, of a checkpoint that was tuned with tags or descends from one; see <see cref="Text.QualityTag"/>.</summary>
    public string? AskedQuality { get; private init; }

    /// <summary>Ids at which generation ends: those of config.json and of generation_config.json together.</summary>
    public IReadOnlyList<int> EosTokenIds { get; private init; } = [];

    /// <summary>Number format that most of the stored weights have, whatever config.json says: MOSS-003's says float32 over float16 files.</summary>
    public string StoredWeightType => WeightFiles.SelectMany(file => SafetensorsHeader.Read(In(file)).Tensors)
        .GroupBy(t => t.Type).OrderByDescending(type => type.Sum(t => t.End - t.Begin)).Select(type => type.Key switch
        {
            "F32" => "float32",
            "F16" => "float16",
            "BF16" => "bfloat16",
            var other => other,
        }).FirstOrDefault() ?? "none";

    /// <summary>SHA-256 of manifest.json, the checkpoint's identity; without a manifest, of the one that would be written.</summary>
    public string ManifestSha256 => _manifestSha256 ??= File.Exists(In(Manifest.FileName))
        ? Manifest.HashFile(In(Manifest.FileName)) : Manifest.HashText(Manifest.Describe(Path));

    private string? _manifestSha256;

    /// <summary>Looks at the folder without reading weights.</summary>
    /// <param name="weightsOnly">Accept a folder without a tokenizer, which can be compared with a reference but not talked with.</param>
    /// <exception cref="InvalidDataException">What is missing or not understood.</exception>
    public static CheckpointFolder Open(string path, bool weightsOnly = false)
    {
        if (!Directory.Exists(path)) throw new InvalidDataException($"There is no checkpoint folder '{path}'. It was moved or deleted; deploy another checkpoint.");
        string In(string file) => System.IO.Path.Combine(path, file);
        var config = ModelConfig.Load(In("config.json"));
        var index = File.Exists(In(WeightsFile)) ? null : File.Exists(In(IndexFile)) ? ShardIndex.Read(In(IndexFile)) : throw new InvalidDataException(
            $"'{path}' has neither {WeightsFile} nor {IndexFile}. Weights in .bin files are never read here; convert them first: ./moss checkpoint convert DIR OUT.");
        IReadOnlyList<string> files = index is null ? [WeightsFile] : [.. index.Values.Distinct().Order(StringComparer.Ordinal)];
        foreach (var file in files)
            if (!File.Exists(In(file))) throw new InvalidDataException(
                $"'{In(file)}' is missing: the index says that '{index!.First(t => t.Value == file).Key}' and others are in it. Copy it from the original checkpoint.");
        if (!weightsOnly && !Text.Tokenizer.IsIn(path)) throw new InvalidDataException(
            $"'{path}' has neither tokenizer.json nor vocab.json with merges.txt, so text cannot become tokens. Copy it from the checkpoint this one was trained from.");
        return new(path, config, files, index)
        {
            ChatTemplateText = ReadTemplate(path),
            EosTokenIds = [.. config.EosTokenIds.Union(ReadEos(In("generation_config.json")))],
            AskedQuality = ReadQuality(In(MossFile)),
        };
    }

    /// <summary>Compares every file's size and SHA-256 with manifest.json.</summary>
    /// <returns>The manifest's hash, or null when the folder has no manifest (a folder from elsewhere).</returns>
    /// <exception cref="InvalidDataException">Names the first file that differs.</exception>
    public string? VerifyManifest() => Manifest.Verify(Path);

    /// <summary>True for a file name without any way out of the folder.</summary>
    public static bool IsPlainName(string name) =>
        name.Length > 0 && name != "." && !name.Contains("..", StringComparison.Ordinal) && name.IndexOfAny(['/', '\\', ':', '\0']) < 0;

    /// <summary>Builds the network and reads its weights straight into it; takes no memory before the files are known to fit.</summary>
    /// <param name="type">Number format to keep the weights in.</param>
    /// <exception cref="InvalidDataException">What does not fit, in which file and tensor.</exception>
    public Transformer LoadNetwork(Device? device = null, ScalarType type = ScalarType.Float32)
    {
        RefuseTooManyLayers();
        using (var shapes = new Transformer(Config, META)) EveryTensor(shapes, Safetensors.Check); // libtorch's device that has shapes but no numbers
        var network = new Transformer(Config, device, type);
        try
        {
            LoadWeights(network);
        }
        catch
        {
            network.Dispose();
            throw;
        }
        network.eval();
        return network;
    }

    /// <summary>Fills the network with the weights of this folder; all expected tensors, none unexpected, all finite.</summary>
    public void LoadWeights(Transformer network)
    {
        EveryTensor(network, Safetensors.Read);
    }

    /// <summary>What the network takes in memory to load, to talk and to be tuned.</summary>
    /// <param name="weightBytes">Of a number in memory: 4 as this program computes on CPUs, 2 for bfloat16.</param>
    public MemoryEstimate EstimateMemory(int weightBytes = 4)
    {
        RefuseTooManyLayers();
        return new(Config, weightBytes);
    }

    // Before a layer is built, even one without weights.
    private void RefuseTooManyLayers()
    {
        var held = WeightFiles.Sum(file => (long)SafetensorsHeader.Read(In(file)).Tensors.Count);
        if (Config.LayerCount > held) throw new InvalidDataException(
            $"'{Path}': config.json asks for {Config.LayerCount:N0} layers but the weight files hold {held:N0} tensors in all. Weights and config come from different models.");
    }

    private void EveryTensor(Transformer network, Func<string, Func<string, TensorTarget?>, IReadOnlyList<string>> meet)
    {
        var parameters = network.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var layout = WeightLayout.Of(Config, parameters);
        var missing = layout.Values.ToHashSet();
        foreach (var file in WeightFiles) meet(In(file), name =>
        {
            if (Wanted(name, file, layout) is not { } stored) return null;
            if (!missing.Remove(stored)) throw new InvalidDataException($"'{In(file)}' holds tensor '{name}', which was read already under another spelling.");
            return stored.Whole is { } whole ? new(parameters[whole])
                : new(stored.Shape(parameters), () => empty(stored.Shape(parameters), network.WeightType), read => stored.TakeApart(read, parameters));
        });
        if (missing.Count > 0) throw new InvalidDataException(
            $"'{Path}': {missing.Count} tensors that config.json asks for are in no weight file, among them '{missing.Select(s => s.Name).Order().First()}'. " +
            "Weights and config come from different models.");
    }

    private StoredTensor? Wanted(string name, string file, IReadOnlyDictionary<string, StoredTensor> layout)
    {
        if (_index is not null && _index.GetValueOrDefault(name) != file) throw new InvalidDataException(
            $"'{In(file)}' holds tensor '{name}', which {IndexFile} does not place there. The shards come from different checkpoints.");
        if (WeightLayout.Find(layout, name) is { } stored) return stored;
        return WeightLayout.IsIgnorable(Config, name) ? null : throw new InvalidDataException(
            $"'{In(file)}' holds tensor '{name}', which a {Config.Family} network of this config does not have. Weights and config come from different models.");
    }

    private string In(string file) => System.IO.Path.Combine(Path, file);

    /// <summary>model_type of a folder's config.json, or null when it says none.</summary>
    internal static string? ReadFamily(string folder)
    {
        var path = System.IO.Path.Combine(folder, "config.json");
        if (!File.Exists(path)) return null;
        using var document = Json(path);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("model_type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null;
    }

    /// <summary>The Jinja text of a folder's chat template, or null when it has none.</summary>
    internal static string? ReadTemplate(string folder)
    {
        var (jinja, tokenizerConfig) = (System.IO.Path.Combine(folder, "chat_template.jinja"), System.IO.Path.Combine(folder, "tokenizer_config.json"));
        if (File.Exists(jinja)) return File.ReadAllText(jinja);
        if (!File.Exists(tokenizerConfig)) return null;
        using var document = Json(tokenizerConfig);
        if (!document.RootElement.TryGetProperty("chat_template", out var template)) return null;
        // Newer files may list several, by name.
        if (template.ValueKind == JsonValueKind.Array)
            return template.EnumerateArray().Where(t => t.GetProperty("name").GetString() == "default")
                .Select(t => t.GetProperty("template").GetString()).FirstOrDefault();
        return template.ValueKind == JsonValueKind.String ? template.GetString() : null;
    }

    internal static string? ReadQuality(string moss)
    {
        if (!File.Exists(moss)) return null;
        using var document = Json(moss);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty(QualityField, out var quality)) return null;
        return quality.ValueKind is JsonValueKind.String ? quality.GetString() : quality.ValueKind is JsonValueKind.Null ? null
            : throw new InvalidDataException($"'{moss}': {QualityField} is {quality.GetRawText()}, expected a word. The checkpoint is damaged; use another copy.");
    }

    private static IReadOnlyList<int> ReadEos(string path)
    {
        if (!File.Exists(path)) return [];
        using var document = Json(path);
        if (!document.RootElement.TryGetProperty("eos_token_id", out var eos)) return [];
        return eos.ValueKind switch
        {
            JsonValueKind.Number => [eos.GetInt32()],
            JsonValueKind.Array => [.. eos.EnumerateArray().Select(e => e.GetInt32())],
            JsonValueKind.Null => [],
            _ => throw new InvalidDataException($"'{path}': eos_token_id is {eos.GetRawText()}, expected a token id or a list of them."),
        };
    }

    private static JsonDocument Json(string path)
    {
        try { return JsonDocument.Parse(File.ReadAllBytes(path)); }
        catch (JsonException e) { throw new InvalidDataException($"'{path}' is not valid JSON: {e.Message} Copy it again from the original checkpoint.", e); }
    }
}
