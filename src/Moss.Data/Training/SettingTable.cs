using System.Text.Json;

namespace Moss.Data.Training;

/// <summary>Unit, range, meaning and source of every setting. Defaults are read from the recipes' records: said once.</summary>
internal static class SettingTable
{
    private static readonly SettingDescription
        Epochs = new("epochs", "passes", 0.01, 1_000,
            "Times each example is seen.", "chosen; published runs: 1 to 3"),
        Steps = new("steps", "optimizer steps", 1, 1_000_000,
            "Exactly so many steps, whatever epochs says.", "none: epochs decides"),
        MaxSteps = new("max_steps", "optimizer steps", 1, 1_000_000,
            "Most steps, whatever epochs says: bounds the time of a run.", "chosen, not measured"),
        Rate = new("peak_learning_rate", "per step", 1e-8, 0.1,
            "Highest learning rate, reached at the end of warm-up.", AutomaticLearningRate.Source),
        Warmup = new("warmup_fraction", "share of steps", 0, 0.5,
            "Share of the steps in which the learning rate rises.", "chosen; published runs: 5 % to 10 %"),
        Batch = new("batch_size", "examples", 1, 4_096,
            "Examples per optimizer step; pairs where replies are compared.", "chosen for small datasets; published runs: below 32 with LoRA, 128 without"),
        Micro = new("micro_batch_size", "examples", 1, 4_096,
            "Examples per forward pass: changes memory, not the result.", "the batch, up to 16 documents"),
        Tokens = new("max_tokens", "tokens", 16, 1_048_576,
            "Longest example; longer ones lose whole turns.", "TRL: 1,024"),
        Decay = new("weight_decay", "per unit of learning rate", 0, 1,
            "AdamW's decay of matrices.", "PyTorch: 0.01"),
        Clip = new("clip_norm", "gradient norm", 1e-3, 1_000,
            "Longer gradients are scaled down to this.", "transformers: 1"),
        Every = new("checkpoint_every", "optimizer steps", 1, 10_000,
            "Steps between saved states: the most work a crash can cost.", "chosen, not measured"),
        Rank = new("lora_rank", "columns", 0, 4_096,
            "Width of a LoRA adapter on all matrices, with alpha twice the rank; 0 tunes all weights.", "0: all weights fit where the starter runs; NeMo AutoModel: 16"),
        Beta = new("beta", "per nat", 1e-4, 10,
            "Hold on the checkpoint the run starts from; small lets go.", "TRL: 0.1; alignment-handbook: 0.01"),
        Smoothing = new("label_smoothing", "share of pairs", 0, 0.49,
            "Share of preferences taken to be the wrong way round (conservative DPO).", "0: annotators' disagreement is in the dataset already"),
        Nll = new("nll_weight", "per nat per token", 0, 100,
            "Weight of learning corrections word by word as well (RPO).", "0; Pang et al. 2024: 1"),
        Centering = new("centering", "per squared score", 0, 10,
            "Pull of a pair's scores towards a sum of zero.", "0.01: as TRL suggests; not verified here");

    /// <summary>The settings of a recipe, without their defaults.</summary>
    public static IReadOnlyList<SettingDescription> Rows(string recipe) => recipe switch
    {
        Recipes.Dpo => [.. Compared, Beta, Smoothing, Nll],
        Recipes.Kto => [.. Compared, Beta],
        Recipes.Reward => [.. Compared, Centering],
        _ => [Epochs, Steps, MaxSteps, Rate, Warmup, Batch, Micro, Tokens, Rank, Decay, Clip, Every],
    };

    public static IReadOnlyList<SettingDescription> Of(TuningSettings defaults)
    {
        var values = JsonSerializer.SerializeToElement(defaults, defaults.GetType(), Json.SnakeCase);
        return [.. Rows(defaults.RecipeName()).Select(row => values.TryGetProperty(row.Name, out var value) ? row with { Default = value.GetRawText() } : row)];
    }

    private static SettingDescription[] Compared => [Epochs, MaxSteps, Rate, Batch, Micro, Tokens, Rank, Clip, Every];
}
