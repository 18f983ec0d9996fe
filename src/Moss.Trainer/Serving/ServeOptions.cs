using System.ComponentModel.DataAnnotations;

namespace Moss.Trainer.Serving;

/// <summary>How `serve` serves. Section "Serve" of the configuration; a misspelt key stops the start.</summary>
public sealed class ServeOptions
{
    public const string Section = "Serve";

    /// <summary>Seconds between two looks at the deployment rows; a notification brings the next look forward.</summary>
    [Range(0.05, 3_600)] public double LookSeconds { get; init; } = 5;

    /// <summary>Minutes that a replaced checkpoint stays in memory, so that rolling back takes less than a second.</summary>
    [Range(0, 10_080)] public double KeepMinutes { get; init; } = 30;

    /// <summary>Requests that may wait; the next one is told to come back later.</summary>
    [Range(1, 10_000)] public int QueueLength { get; init; } = 64;

    /// <summary>Replies generated at the same time, each with keys and values of its own in memory.</summary>
    [Range(1, 256)] public int ActiveReplies { get; init; } = 16;

    /// <summary>Megabytes for keys and values of all replies together; 0 takes a quarter of the memory that is there at the start.</summary>
    [Range(0, 100_000_000)] public long KvMegabytes { get; init; }

    /// <summary>Bits that weights are read with: full (32), half (16), quarter (8), or auto for the fewest that still answer as trained.</summary>
    [AllowedValues("auto", "full", "half", "quarter")] public string Precision { get; init; } = "auto";

    /// <summary>What <see cref="KvMegabytes"/> comes to, in bytes.</summary>
    internal long KvBytes => KvMegabytes > 0 ? KvMegabytes << 20 : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>Threads of libtorch; 0 takes one per core.</summary>
    [Range(0, 512)] public int Threads { get; init; }
}
