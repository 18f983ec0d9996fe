namespace Moss.Data.AgentRuns;

/// <summary>A scripted scenario of moss.scenario/v1: what an agent says to MOSS, turn by turn, and how each reply is checked.</summary>
public sealed record Scenario
{
    public required string Id { get; init; }
    public required int Version { get; init; }
    public string Description { get; init; } = "";

    /// <summary>train, eval or diagnostic; only train can reach a dataset.</summary>
    public required string Split { get; init; }

    /// <summary>BCP 47.</summary>
    public required IReadOnlyList<string> Languages { get; init; }

    public long Seed { get; init; }
    public required ScenarioTarget Target { get; init; }
    public required IReadOnlyList<ScenarioTurn> Turns { get; init; }
    public required ScenarioLimits Limits { get; init; }

    /// <summary>SHA-256 of the file as canonical JSON, hex: the scenario's identity.</summary>
    public required string Sha256 { get; init; }

    public string Name => $"{Id}@{Version}";
}

/// <summary>The assistant under study: champion, challenger or a checkpoint by name, with its own sampling.</summary>
public sealed record ScenarioTarget(string Model, string? System, ScenarioSampling Sampling);

/// <summary>What the scenario asks of the sampler; null leaves it to the server.</summary>
public sealed record ScenarioSampling(double? Temperature, double? TopP, int? TopK, int? MaxOutputTokens, IReadOnlyList<string>? Stop);

public sealed record ScenarioTurn(string User, IReadOnlyList<ScenarioCheck> Expect, bool StopOnFail);

/// <summary>Caps of one dialogue. Tokens count prompts and replies of all its calls.</summary>
public sealed record ScenarioLimits(int MaxTurns = 20, int MaxTokens = 8000, double WallSeconds = 300);

public enum CheckKind { Equals, Contains, NotContains, Regex, Numeric, Json, Sorted, MinChars, MaxChars, Language }

public enum Fold { None, Nfkc, NfkcCasefold }

/// <summary>One expectation of one reply. Which fields are set depends on the kind (SCENARIOS, table "Checks").</summary>
public sealed record ScenarioCheck(CheckKind Kind)
{
    public string? Id { get; init; }
    public bool Required { get; init; } = true;

    /// <summary>Null means the kind's own: nfkc where texts are compared, none where the reply is measured as it stands.</summary>
    public Fold? Fold { get; init; }

    /// <summary>equals, contains, not_contains: any of these.</summary>
    public IReadOnlyList<string> AnyOf { get; init; } = [];

    public string? Pattern { get; init; }
    public double Number { get; init; }
    public double Tolerance { get; init; }

    /// <summary>only, first or last.</summary>
    public string Pick { get; init; } = "only";

    /// <summary>RFC 6901; empty means the whole document.</summary>
    public string JsonPointer { get; init; } = "";

    /// <summary>The JSON text that the value must equal; null when its type is asked for.</summary>
    public string? JsonEquals { get; init; }

    public string? JsonType { get; init; }

    /// <summary>lines, json or commas.</summary>
    public string Items { get; init; } = "lines";

    public bool ByNumber { get; init; }
    public bool Descending { get; init; }
    public IReadOnlyList<string>? SameItemsAs { get; init; }
    public string? Language { get; init; }

    public string Name => Id ?? Names[Kind];

    public static readonly IReadOnlyDictionary<CheckKind, string> Names =
        Enum.GetValues<CheckKind>().ToDictionary(k => k, k => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(k.ToString()));
}
