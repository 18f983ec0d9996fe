using System.ComponentModel.DataAnnotations;

namespace Moss.Trainer.Serving;

/// <summary>How `serve` serves. Section "Serve" of the configuration; a misspelt key stops the start.</summary>
public sealed class ServeOptions : IValidatableObject
{
    public const string Section = "Serve";

    private const int ShortestKey = 16;

    /// <summary>Seconds between two looks at the deployment rows; a notification brings the next look forward.</summary>
    [Range(0.05, 3_600)] public double LookSeconds { get; init; } = 5;

    /// <summary>Minutes that a replaced checkpoint stays in memory, so that rolling back takes less than a second.</summary>
    [Range(0, 10_080)] public double KeepMinutes { get; init; } = 30;

    /// <summary>Replies that may wait; the next one is told to come back later.</summary>
    [Range(1, 10_000)] public int QueueLength { get; init; } = 64;

    /// <summary>Longest time, seconds, that a reply is expected to wait; who would wait longer is told to come back later.</summary>
    [Range(1, 3_600)] public double LongestWaitSeconds { get; init; } = 60;

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

    /// <summary>Whose keys are accepted, by name: Serve:ApiKeys:alice = the key. None set, nobody is asked for a key.</summary>
    public Dictionary<string, string> ApiKeys { get; init; } = [];

    /// <summary>Requests of one key in a minute; 0 sets no limit. Without keys all callers are one.</summary>
    [Range(0, 1e9)] public double KeyRequestsPerMinute { get; init; } = 6_000;

    /// <summary>Tokens of one key in a minute, prompts and replies; 0 sets no limit.</summary>
    [Range(0, 1e12)] public double KeyTokensPerMinute { get; init; } = 5_000_000;

    /// <summary>Replies of one key in progress or waiting; 0 sets no limit.</summary>
    [Range(0, 100_000)] public int KeyRepliesAtOnce { get; init; } = 1_000;

    /// <summary>Requests of all keys in a minute; 0 sets no limit.</summary>
    [Range(0, 1e9)] public double RequestsPerMinute { get; init; } = 30_000;

    /// <summary>Tokens of all keys in a minute, prompts and replies; 0 sets no limit.</summary>
    [Range(0, 1e12)] public double TokensPerMinute { get; init; } = 20_000_000;

    /// <summary>Replies of all keys in progress or waiting; 0 sets no limit but those of the places and the queue.</summary>
    [Range(0, 100_000)] public int RepliesAtOnce { get; init; }

    /// <summary>Seconds within which a request's head, and then its body, must have arrived.</summary>
    [Range(0.1, 600)] public double RequestSeconds { get; init; } = 30;

    /// <summary>Log lines as JSON, with the fields of each message and the trace it belongs to.</summary>
    public bool JsonLogs { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, key) in ApiKeys)
            if (string.IsNullOrEmpty(key) || key.Length < ShortestKey || key.Any(c => c is <= ' ' or > '~'))
                yield return new ValidationResult(
                    $"Serve:ApiKeys:{name} must have at least {ShortestKey} characters, letters, digits and signs of ASCII without spaces. " +
                    "Make one with: openssl rand -hex 24", [nameof(ApiKeys)]);
        if (ApiKeys.Values.Distinct(StringComparer.Ordinal).Count() < ApiKeys.Count)
            yield return new ValidationResult("Serve:ApiKeys has the same key under two names. Give each name a key of its own.", [nameof(ApiKeys)]);
    }
}
