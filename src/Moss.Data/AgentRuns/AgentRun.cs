using Moss.Data.Training;

namespace Moss.Data.AgentRuns;

/// <summary>What a scenario's conversations are for; only Train can ever reach a dataset.</summary>
public enum ScenarioSplit { Train, Eval, Diagnostic }

/// <summary>A scenario carried out against MOSS: a request, its progress and its end, in one row.</summary>
public sealed class AgentRun
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required Guid ProjectId { get; init; }
    public RunState State { get; set; } = RunState.Queued;

    /// <summary>The file as given.</summary>
    public required string Scenario { get; init; }

    /// <summary>The scenario's own id and version, "films-en@1".</summary>
    public required string ScenarioName { get; init; }

    /// <summary>SHA-256 of the scenario as canonical JSON, hex (SCENARIOS: identity is a hash).</summary>
    public required string ScenarioSha256 { get; init; }

    public ScenarioSplit Split { get; init; } = ScenarioSplit.Train;
    public required long Seed { get; init; }

    /// <summary>The fencing number: one more at every claim.</summary>
    public int Attempt { get; set; }

    public DateTimeOffset? LeaseUntil { get; set; }
    public int Turn { get; set; }
    public required int TotalTurns { get; init; }
    public int ChecksPassed { get; set; }
    public int ChecksFailed { get; set; }

    /// <summary>script_finished, check_failed, … (one of the scenario format's stop reasons); null until it ends.</summary>
    public string? StopReason { get; set; }

    public string? Error { get; set; }
    public DateTimeOffset? CancelRequestedAt { get; set; }
    public Guid? RequestedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; set; }
}
