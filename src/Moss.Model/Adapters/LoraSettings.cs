namespace Moss.Model.Adapters;

/// <summary>Which layers a LoRA adapter changes, and how strongly it may.</summary>
public sealed record LoraSettings
{
    /// <summary>Every large matrix of a layer: what tuned best in PEFT's and Thinking Machines' comparisons.</summary>
    public static readonly IReadOnlyList<string> AllLinear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    /// <summary>Width of the narrow middle. vLLM serves 1, 8, 16, 32, 64, 128, 256, 320 and 512.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>The change is multiplied by alpha / rank, or alpha / √rank.</summary>
    public double Alpha { get; init; } = 32;

    /// <summary>alpha / √rank instead of alpha / rank: keeps high ranks learning. Kalajdzievski 2023, arXiv:2312.03732.</summary>
    public bool RankStabilized { get; init; }

    /// <summary>Share of a layer's inputs that the adapter does not see, drawn anew each step; 0 to 0.9.</summary>
    public double Dropout { get; init; }

    /// <summary>Layers by their last name, as PEFT's target_modules.</summary>
    public IReadOnlyList<string> Targets { get; init; } = AllLinear;

    public double Scale => RankStabilized ? Alpha / Math.Sqrt(Rank) : Alpha / Rank;

    /// <exception cref="ArgumentException">Which setting is out of which range.</exception>
    public LoraSettings Checked()
    {
        if (Rank is < 1 or > 4_096) throw new ArgumentException($"{nameof(Rank)} is {Rank}, expected 1 to 4,096.");
        if (!(Alpha is > 0 and <= 65_536)) throw new ArgumentException($"{nameof(Alpha)} is {Alpha}, expected above 0, at most 65,536.");
        if (!(Dropout is >= 0 and <= 0.9)) throw new ArgumentException($"{nameof(Dropout)} is {Dropout}, expected 0 to 0.9.");
        if (Targets.Count == 0) throw new ArgumentException($"{nameof(Targets)} names no layer; expected some of {string.Join(", ", AllLinear)}.");
        return this;
    }
}
