using System.Text.Json;

namespace Moss.Data.Training;

/// <summary>What a run would do, before it is started. Times and memory are estimates; counts are exact unless the run is very long.</summary>
public sealed record PlanResult
{
    public required string Recipe { get; init; }

    /// <summary>Things to learn in the version, repeats counted: conversations, pairs, or judged replies.</summary>
    public required int Examples { get; init; }

    /// <summary>Examples held out, on which the loss is measured before and after.</summary>
    public required int HeldOut { get; init; }

    /// <summary>Examples of which nothing fits into max_tokens: left out.</summary>
    public required int TooLong { get; init; }

    public required long TokensPerEpoch { get; init; }
    public required int LongestTokens { get; init; }
    public required int Steps { get; init; }

    /// <summary>Examples per optimizer step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Most tokens of one forward pass.</summary>
    public required int MicroBatchTokens { get; init; }

    /// <summary>Tokens read in all steps.</summary>
    public required long Tokens { get; init; }

    /// <summary>Those of them that count in the loss.</summary>
    public required long LearnedTokens { get; init; }

    public required long Parameters { get; init; }
    public required long TrainedParameters { get; init; }

    /// <summary>0 when all weights are trained.</summary>
    public required int LoraRank { get; init; }

    /// <summary>Whether layers are computed again on the way back instead of being kept.</summary>
    public required bool Checkpointing { get; init; }

    /// <summary>"cpu" or "cuda".</summary>
    public required string Device { get; init; }

    /// <summary>Number format of matrix products: "fp32" or "bf16".</summary>
    public required string Compute { get; init; }

    /// <summary>Null where nothing could be measured.</summary>
    public required double? SecondsPerStep { get; init; }

    /// <summary>From the first byte read to the published checkpoint.</summary>
    public required double? Seconds { get; init; }

    public required PlanMemory Memory { get; init; }

    /// <summary>Most the run may take: the machine's memory, or what its container or device has.</summary>
    public required long MemoryLimitBytes { get; init; }

    /// <summary>Free now.</summary>
    public required long MemoryFreeBytes { get; init; }

    public required long DiskBytes { get; init; }
    public required long DiskFreeBytes { get; init; }

    /// <summary>What would take less, most harmless first; empty when the run fits.</summary>
    public required IReadOnlyList<PlanOption> Options { get; init; }

    public bool FitsMemory => Memory.Total <= MemoryLimitBytes;

    public bool FitsDisk => DiskBytes <= DiskFreeBytes;

    public bool Fits => FitsMemory && FitsDisk;

    public string ToJson() => JsonSerializer.Serialize(this, Written);

    public static PlanResult Parse(string json) => JsonSerializer.Deserialize<PlanResult>(json, Written) ?? throw new MossInputException("A plan is empty.");

    // What is derived is written too, for scripts; reading passes over it.
    private static readonly JsonSerializerOptions Written = new(Json.SnakeCase)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Skip,
    };
}

/// <summary>Where the peak goes, bytes.</summary>
/// <param name="Program">The runtime, libtorch and the examples.</param>
/// <param name="Weights">As they are kept.</param>
/// <param name="Learning">Gradients and both moments of what is trained.</param>
/// <param name="Pass">What a forward pass keeps for the way back, and the scores of one chunk of rows.</param>
public sealed record PlanMemory(long Program, long Weights, long Learning, long Pass)
{
    public long Total => Program + Weights + Learning + Pass;
}

/// <summary>Another way to do the run, and what it would take.</summary>
/// <param name="Settings">JSON object: what to change.</param>
/// <param name="MemoryBytes">Its peak.</param>
/// <param name="Fits">Whether that is within the limit.</param>
public sealed record PlanOption(string Settings, long MemoryBytes, long DiskBytes, double? Seconds, bool Fits);
