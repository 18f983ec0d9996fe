using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;
using Moss.Model.Families;
using TorchSharp;
using static TorchSharp.torch;
using IoPath = System.IO.Path;

namespace Moss.Model.Adapters;

/// <summary>An adapter on disk in PEFT's format: adapter_config.json and adapter_model.safetensors.</summary>
public static class AdapterFolder
{
    /// <summary>
    /// Where a checkpoint keeps the adapter that is merged into its weights already. Not beside the weights: whoever finds adapter_config.json there
    /// (transformers does) takes the folder for an adapter alone and looks for the base elsewhere.
    /// </summary>
    public const string SubFolder = "adapter";

    public const string ConfigFile = "adapter_config.json", WeightsFile = "adapter_model.safetensors";
    private const string Prefix = "base_model.model.", ForA = ".lora_A.weight", ForB = ".lora_B.weight";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>The folder itself, or the one inside a checkpoint that an adapter was merged into.</summary>
    public static string Of(string folder) => !Exists(folder) && IoPath.Combine(folder, SubFolder) is var inside && Exists(inside) ? inside : folder;

    public static bool Exists(string folder) => File.Exists(IoPath.Combine(folder, ConfigFile));

    /// <summary>Writes both files into an existing folder and flushes them.</summary>
    /// <param name="baseName">Where the base came from; PEFT keeps it for people to read.</param>
    /// <remarks>
    /// Where a family's file packs several of our layers into one matrix (GPT-2's c_attn, MOSS's qkv_proj), their adapters become one of the summed
    /// rank: A stacked, B with each layer's rows in its own columns. The product is the same.
    /// </remarks>
    public static void Write(string folder, LoraAdapter adapter, Transformer model, string baseName, ScalarType type = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        var (tensors, ranks) = (new List<(string, Tensor)>(), new SortedDictionary<string, int>(StringComparer.Ordinal));
        foreach (var (module, stored) in Modules(model))
        {
            var parts = stored.Parts.Where(p => adapter.Layers.ContainsKey(Path(p))).ToList();
            if (parts.Count == 0) continue;
            var (a, b) = stored.Parts is [{ Rows.Count: 0 }] ? (adapter.Layers[Path(parts[0])].A.alias(), adapter.Layers[Path(parts[0])].B.alias()) : Pack(stored, parts, adapter);
            tensors.Add((Prefix + module + ForA, a));
            tensors.Add((Prefix + module + ForB, b));
            ranks[module[(module.LastIndexOf('.') + 1)..]] = (int)a.shape[0];
        }
        Safetensors.Save(IoPath.Combine(folder, WeightsFile), tensors, type);
        DurableFiles.WriteText(IoPath.Combine(folder, ConfigFile), Describe(adapter.Settings, ranks, model.Config.Family == "gpt2", baseName).ToJsonString(Indented) + "\n");
    }

    /// <summary>Writes the adapter into a checkpoint that is being written, in its <see cref="SubFolder"/>.</summary>
    public static void WriteInto(string checkpoint, LoraAdapter adapter, Transformer model, string baseName)
    {
        var inside = Directory.CreateDirectory(IoPath.Combine(checkpoint, SubFolder)).FullName;
        Write(inside, adapter, model, baseName);
        DurableFiles.FlushFolder(inside);
    }

    /// <summary>Reads an adapter made here or by PEFT, or the one that a checkpoint was merged from; it is not attached yet.</summary>
    /// <exception cref="InvalidDataException">What is not supported or does not fit the network, in which file.</exception>
    public static LoraAdapter Load(string folder, Transformer model)
    {
        folder = Of(folder);
        var config = PeftConfig.Read(IoPath.Combine(folder, ConfigFile));
        var file = IoPath.Combine(folder, WeightsFile);
        if (!File.Exists(file)) throw new InvalidDataException($"'{file}' is missing. An adapter is both files; copy it from where the adapter was made.");
        using var scope = NewDisposeScope();
        var (modules, read) = (Modules(model).ToDictionary(m => m.Module, m => m.Stored), new Dictionary<string, (Tensor? A, Tensor? B)>());
        foreach (var entry in SafetensorsHeader.Read(file).Tensors)
        {
            var (module, isA) = Split(entry, file);
            if (!modules.ContainsKey(module)) throw new InvalidDataException(
                $"'{file}' changes '{module}', which a {model.Config.Family} network of this config does not have. The adapter belongs to another model.");
            var tensor = empty(entry.Shape, float32);
            read[module] = isA ? (tensor, read.GetValueOrDefault(module).B) : (read.GetValueOrDefault(module).A, tensor);
        }
        var layers = read.SelectMany(r => Unpack(r.Key, modules[r.Key], r.Value.A, r.Value.B, config, model, file)).ToList();
        Safetensors.Load(file, name => name.EndsWith(ForA, StringComparison.Ordinal) ? read[Trim(name, ForA)].A : read[Trim(name, ForB)].B);
        return new(config.Settings with { Targets = [.. layers.Select(l => l.Path[(l.Path.LastIndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal)] },
            [.. layers.Select(l => (l.Path, l.Make()))]);
    }

    /// <summary>Checks shapes at once and makes the parameters later, when the numbers are read.</summary>
    private static IEnumerable<(string Path, Func<LowRank> Make)> Unpack(
        string module, StoredTensor stored, Tensor? a, Tensor? b, PeftConfig config, Transformer model, string file)
    {
        if (a is null || b is null) throw new InvalidDataException($"'{file}' has only one of the two matrices of '{module}'. Copy the file again.");
        var layers = LoraAdapter.LinearLayers(model).ToDictionary(l => l.Path, l => l.Layer);
        var (output, input) = (stored.Parts.Sum(p => layers[Path(p)].Weight.shape[0]), layers[Path(stored.Parts[0])].Weight.shape[1]);
        var rank = config.RankOf(module);
        if (!a.shape.SequenceEqual([rank, input]) || !b.shape.SequenceEqual([output, rank])) throw new InvalidDataException(
            $"'{file}': the matrices of '{module}' are [{string.Join(", ", a.shape)}] and [{string.Join(", ", b.shape)}], expected [{rank}, {input}] and [{output}, {rank}]. " +
            "The adapter belongs to another model, or its config is another's.");
        foreach (var part in stored.Parts) yield return (Path(part), () =>
        {
            using var scope = NewDisposeScope();
            var rows = part.Rows.Count == 0 ? b : cat([.. part.Rows.Select(r => b.narrow(0, r.Start, r.Count))], 0);
            return new(LoraAdapter.Keep(a, model.Device), LoraAdapter.Keep(rows, model.Device), config.ScaleOf(module));
        }
            );
    }

    private static (Tensor A, Tensor B) Pack(StoredTensor stored, List<StoredPart> parts, LoraAdapter adapter)
    {
        using var mode = no_grad();
        var changes = parts.Select(p => adapter.Layers[Path(p)]).ToList();
        var a = cat([.. changes.Select(c => (Tensor)c.A)], 0);
        var b = zeros([stored.Parts.Sum(p => p.Rows.Sum(r => r.Count)), a.shape[0]], float32, a.device);
        var column = 0L;
        foreach (var (part, change) in parts.Zip(changes))
        {
            var from = 0L;
            foreach (var (start, count) in part.Rows)
            {
                b.narrow(0, start, count).narrow(1, column, change.B.shape[1]).copy_(change.B.narrow(0, from, count));
                from += count;
            }
            column += change.B.shape[1];
        }
        return (a, b);
    }

    /// <summary>The matrices of a published file that hold layers an adapter can change, by module name.</summary>
    private static IEnumerable<(string Module, StoredTensor Stored)> Modules(Transformer model)
    {
        var paths = LoraAdapter.LinearLayers(model).Select(l => l.Path).ToHashSet();
        return from stored in WeightLayout.Of(model.Config, model.named_parameters().ToDictionary(p => p.name, p => p.parameter)).Values
               where stored.Parts.All(p => p.Parameter.EndsWith(".weight", StringComparison.Ordinal) && paths.Contains(Path(p)))
               orderby stored.Name
               select (stored.Name[..^".weight".Length], stored);
    }

    private static string Path(StoredPart part) => part.Parameter[..^".weight".Length];

    private static string Trim(string name, string end) => name[Prefix.Length..^end.Length];

    private static (string Module, bool IsA) Split(TensorEntry entry, string file)
    {
        var end = ((string[])[ForA, ForB]).FirstOrDefault(e => entry.Name.EndsWith(e, StringComparison.Ordinal));
        if (end is null || !entry.Name.StartsWith(Prefix, StringComparison.Ordinal) || entry.Name.Length <= Prefix.Length + end.Length) throw new InvalidDataException(
            $"'{file}' holds '{entry.Name}'; names are {Prefix}MODULE{ForA} and {ForB}. Only plain LoRA of linear layers is supported.");
        if (entry.Shape.Length != 2) throw new InvalidDataException($"'{file}': '{entry.Name}' has shape {entry.Dimensions}, expected a matrix.");
        return (Trim(entry.Name, end), end == ForA);
    }

    private static JsonObject Describe(LoraSettings settings, SortedDictionary<string, int> ranks, bool fanInFanOut, string baseName)
    {
        var packed = ranks.Where(r => r.Value != settings.Rank).ToList();
        double AlphaFor(int rank) => settings.RankStabilized ? settings.Scale * Math.Sqrt(rank) : settings.Scale * rank;
        return new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = "CAUSAL_LM",
            ["base_model_name_or_path"] = baseName,
            ["revision"] = null,
            ["inference_mode"] = true,
            ["r"] = settings.Rank,
            ["lora_alpha"] = settings.Alpha,
            ["lora_dropout"] = settings.Dropout,
            ["target_modules"] = new JsonArray([.. ranks.Keys.Select(m => (JsonNode)m)]),
            ["bias"] = "none",
            ["fan_in_fan_out"] = fanInFanOut,
            ["modules_to_save"] = null,
            ["use_rslora"] = settings.RankStabilized,
            ["use_dora"] = false,
            ["init_lora_weights"] = true,
            ["rank_pattern"] = new JsonObject(packed.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
            ["alpha_pattern"] = new JsonObject(packed.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)AlphaFor(p.Value)))),
            ["layers_to_transform"] = null,
            ["layers_pattern"] = null,
        };
    }
}
