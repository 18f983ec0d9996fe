using System.Text.Json;
using Moss.Model.Families;

namespace Moss.Model.Adapters;

/// <summary>adapter_config.json as PEFT writes it; what would change the result and is not computed here is refused by name.</summary>
internal sealed class PeftConfig
{
    private IReadOnlyDictionary<string, double> Ranks { get; init; } = new Dictionary<string, double>();
    private IReadOnlyDictionary<string, double> Alphas { get; init; } = new Dictionary<string, double>();

    public required LoraSettings Settings { get; init; }

    public int RankOf(string module) => (int)Of(Ranks, module, Settings.Rank);

    public double ScaleOf(string module) =>
        (Settings with { Rank = RankOf(module), Alpha = Of(Alphas, module, Settings.Alpha) }).Scale;

    public static PeftConfig Read(string path)
    {
        var config = ConfigFields.Open(path);
        if (config.Text("peft_type") is var type && type != "LORA") throw config.Refuse($"peft_type \"{type}\" is not supported; \"LORA\" is");
        if (config.Text("bias") is { } bias && bias != "none") throw config.Refuse($"bias \"{bias}\" is not supported; \"none\" is");
        if (config.Flag("use_dora")) throw config.Refuse("use_dora is true; DoRA is not supported");
        foreach (var other in (string[])["modules_to_save", "layer_replication", "trainable_token_indices", "target_parameters"])
            if (config.Has(other)) throw config.Refuse($"{other} is set, which is not supported; plain LoRA of linear layers is");
        // These begin with another base than the one that was published; only plain beginnings leave it alone.
        if (config.All().FirstOrDefault(f => f.Name == "init_lora_weights").Value is { ValueKind: JsonValueKind.String } init
            && init.GetString() is not ("gaussian" or "orthogonal" or "eva"))
            throw config.Refuse($"init_lora_weights {init.GetRawText()} changes the base's own weights, which is not computed here");
        if (config.OptionalDouble("lora_alpha") is null) throw config.Refuse("lora_alpha is missing, so the adapter's strength is unknown");
        var settings = new LoraSettings
        {
            Rank = config.Positive("r"),
            Alpha = config.Double("lora_alpha"),
            RankStabilized = config.Flag("use_rslora"),
            Dropout = config.OptionalDouble("lora_dropout") ?? 0,
        };
        try
        {
            settings.Checked();
        }
        catch (ArgumentException e)
        {
            throw config.Refuse(e.Message.TrimEnd('.'));
        }
        return new() { Settings = settings, Ranks = Pattern(config, "rank_pattern"), Alphas = Pattern(config, "alpha_pattern") };
    }

    // PEFT's keys are regular expressions; in published files they are names, and only those are read.
    private static Dictionary<string, double> Pattern(ConfigFields config, string name)
    {
        var found = new Dictionary<string, double>();
        foreach (var (key, value) in config.Section(name)?.All() ?? [])
        {
            if (key.Any(c => !char.IsLetterOrDigit(c) && c is not ('_' or '.'))) throw config.Refuse($"{name} holds \"{key}\"; only plain names of layers are supported");
            if (value.ValueKind != JsonValueKind.Number || !(value.GetDouble() is var number and > 0)) throw config.Refuse($"{name}: \"{key}\" is {value.GetRawText()}, expected a positive number");
            if (name == "rank_pattern" && (number > 65_536 || number != Math.Floor(number))) throw config.Refuse($"{name}: \"{key}\" is {number}, expected a whole number");
            found[key] = number;
        }
        return found;
    }

    private static double Of(IReadOnlyDictionary<string, double> pattern, string module, double otherwise) =>
        pattern.Where(p => module == p.Key || module.EndsWith("." + p.Key, StringComparison.Ordinal)).Select(p => (double?)p.Value).FirstOrDefault() ?? otherwise;
}
