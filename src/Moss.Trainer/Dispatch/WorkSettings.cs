using System.ComponentModel.DataAnnotations;

namespace Moss.Trainer.Dispatch;

/// <summary>How `work` keeps time. Section "Work"; a misspelled name stops the worker at its start.</summary>
public sealed class WorkSettings : IValidatableObject
{
    public const string Section = "Work";

    /// <summary>Seconds without a heartbeat after which another worker may take a run.</summary>
    [Range(1, 3_600)] public double LeaseSeconds { get; init; } = 60;

    /// <summary>Seconds between heartbeats; also how soon a cancellation is noticed.</summary>
    [Range(0.1, 600)] public double HeartbeatSeconds { get; init; } = 10;

    /// <summary>Seconds between two looks into Hangfire's queues and schedule.</summary>
    [Range(0.1, 60)] public double PollSeconds { get; init; } = 1;

    /// <summary>Seconds between two looks for queued rows and due schedules; Hangfire counts whole seconds.</summary>
    [Range(0.1, 59)] public double DispatchSeconds { get; init; } = 2;

    /// <summary>Seconds after which Hangfire hands a dead worker's job to another; the claim on the row decides, not this.</summary>
    [Range(5, 86_400)] public double InvisibilitySeconds { get; init; } = 300;

    public TimeSpan Lease => TimeSpan.FromSeconds(LeaseSeconds);
    public TimeSpan Heartbeat => TimeSpan.FromSeconds(HeartbeatSeconds);
    public TimeSpan Poll => TimeSpan.FromSeconds(PollSeconds);

    /// <summary>The recurring job's cron expression, six fields, seconds first.</summary>
    internal string DispatchCron => Math.Round(DispatchSeconds) is var seconds and > 1 ? $"*/{seconds} * * * * *" : "* * * * * *";

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (HeartbeatSeconds * 2 > LeaseSeconds)
            yield return new ValidationResult(
                $"Work:HeartbeatSeconds ({HeartbeatSeconds}) must be at most half of Work:LeaseSeconds ({LeaseSeconds}), " +
                "or one late heartbeat loses the run.", [nameof(HeartbeatSeconds), nameof(LeaseSeconds)]);
    }
}
