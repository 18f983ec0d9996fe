using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>A run with the names of what it uses and made, its held-out losses, and how long it still takes.</summary>
public sealed record RunRow(
    TrainingRun Run, string Version, string Base, string? Output, string? By, LossChange? EvalLoss, double? Loss, TimeSpan? Left)
{
    /// <summary>Newest numbers by metric; empty unless it runs.</summary>
    public IReadOnlyDictionary<string, double> Now { get; init; } = new Dictionary<string, double>();

    public bool UnderWay => Run.State is RunState.Queued or RunState.Running;

    public bool Canceling => UnderWay && Run.CancelRequestedAt is not null;

    /// <summary>0 to 1.</summary>
    public double Progress => Run.TotalSteps is > 0 and var total ? Math.Min(1, (double)Run.Step / total) : 0;

    /// <summary>How people call a run: by what it made, until then by the end of its id.</summary>
    public string Name => Output ?? $"run-{Run.Id.ToString("N")[^6..]}";
}

/// <summary>Held-out loss, nats per token: before the first step, and the newest one measured after it.</summary>
public sealed record LossChange(double Before, double? After);
