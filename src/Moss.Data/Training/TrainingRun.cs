namespace Moss.Data.Training;

public enum RunState { Queued, Running, Succeeded, Failed, Canceled }

/// <summary>A request to train, and the record of what came of it. The row, not the queue, is the truth.</summary>
public sealed class TrainingRun
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid ProjectId { get; init; }
    public RunState State { get; set; } = RunState.Queued;
    public required string Recipe { get; init; }

    /// <summary>JSON object of the settings that differ from the recipe's defaults.</summary>
    public required string Settings { get; init; }

    public required Guid DatasetVersionId { get; init; }
    public required Guid BaseCheckpointId { get; init; }
    public required long Seed { get; init; }

    /// <summary>The fencing number: one more at every claim; only the newest may write.</summary>
    public int Attempt { get; set; }

    public DateTimeOffset? LeaseUntil { get; set; }
    public int Step { get; set; }
    public int? TotalSteps { get; set; }
    public string? Error { get; set; }

    /// <summary>What the worker wants people to know while it runs ("resumed at step 40").</summary>
    public string? Note { get; set; }

    public Guid? OutputCheckpointId { get; set; }
    public Guid? ScheduleId { get; init; }
    public Guid? RequestedBy { get; init; }
    public DateTimeOffset? CancelRequestedAt { get; set; }

    /// <summary>JSON object: deploy the result when it holds, e.g. {"max_eval_loss_increase":0.0}; null never deploys by itself.</summary>
    public string? DeployIf { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }
}
