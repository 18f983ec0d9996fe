namespace Moss.Data.Training;

/// <summary>A standing order: at these times, if enough new judgements came in, freeze, train, and deploy what is no worse.</summary>
public sealed class TrainingSchedule
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid ProjectId { get; init; }
    public required string Recipe { get; init; }
    public required string Settings { get; set; }

    /// <summary>Five fields, or six with seconds first; UTC.</summary>
    public required string Cron { get; set; }

    public required int MinNewJudgements { get; set; }

    /// <summary>JSON object, e.g. {"max_eval_loss_increase":0.0}; null never deploys.</summary>
    public string? DeployIf { get; set; }

    public bool Enabled { get; set; } = true;

    /// <summary>When it last looked, whatever came of it.</summary>
    public DateTimeOffset? LastLookAt { get; set; }

    /// <summary>What it found then, in words.</summary>
    public string? LastOutcome { get; set; }

    public Guid? CreatedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
}
