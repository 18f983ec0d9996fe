namespace Moss.Trainer.Bench;

/// <summary>What became of one request: when it ended since the load began, and, in milliseconds since it was sent, its first token or its refusal.</summary>
/// <param name="Status">HTTP status; 0 when there was none.</param>
internal sealed record AskedOnce(int Status, double EndedSeconds, double? FirstMs, double? RefusedMs, double? RetryAfter, int Tokens, string? Failure);

/// <summary>Milliseconds; null where there was nothing to measure.</summary>
internal sealed record Percentiles(double P50, double P95, double P99, double Max)
{
    public static Percentiles? Of(IEnumerable<double?> times)
    {
        var sorted = times.OfType<double>().Order().ToList();
        return sorted.Count == 0 ? null : new(At(0.5), At(0.95), At(0.99), At(1));
        double At(double share) => Math.Round(sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))], 2);
    }
}

/// <summary>What a load came to.</summary>
internal sealed record LoadFigures(
    int Arrived, int Answered, int Refused, int Failed, string? FirstFailure, double AnsweredPerSecond, double TokensPerSecond,
    Percentiles? FirstToken, Percentiles? Refusal, Percentiles? RetryAfter)
{
    /// <param name="seconds">Length of the load. What ends later counts as answered, but not in what was made a second.</param>
    public static LoadFigures Of(IReadOnlyCollection<AskedOnce> asked, double seconds)
    {
        var answered = asked.Where(a => a is { Status: 200, Failure: null }).ToList();
        var within = answered.Where(a => a.EndedSeconds <= seconds).ToList();
        return new(asked.Count, answered.Count, asked.Count(a => a.Status == 429), asked.Count(a => a.Failure is not null),
            asked.FirstOrDefault(a => a.Failure is not null)?.Failure, within.Count / seconds, within.Sum(a => a.Tokens) / seconds,
            Percentiles.Of(answered.Select(a => a.FirstMs)), Percentiles.Of(asked.Select(a => a.RefusedMs)), Percentiles.Of(asked.Select(a => a.RetryAfter)));
    }
}
