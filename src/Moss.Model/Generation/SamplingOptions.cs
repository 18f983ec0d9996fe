namespace Moss.Model.Generation;

/// <summary>How the next token is chosen.</summary>
public sealed record SamplingOptions
{
    /// <summary>Always the likeliest token, nothing else considered.</summary>
    public static readonly SamplingOptions Greedy = new() { Temperature = 0, TopP = 1, RepetitionPenalty = 1 };

    /// <summary>Divides the logits; 0 takes the likeliest token. 0.7, 0.8 and 1.02 are what MOSS was published with.</summary>
    public double Temperature { get; init; } = 0.7;

    /// <summary>Keep the likeliest tokens that together reach this probability; 1 keeps all.</summary>
    public double TopP { get; init; } = 0.8;

    /// <summary>Keep this many of the likeliest tokens; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Makes tokens that were already said, prompt included, less likely; 1 changes nothing. Keskar et al. 2019, arXiv:1909.05858.</summary>
    public double RepetitionPenalty { get; init; } = 1.02;

    /// <summary>Taken off the score of each token that the reply has already; 0 changes nothing.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Taken off a token's score once for each time that the reply has it; 0 changes nothing.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>Added to the scores of these tokens.</summary>
    public IReadOnlyDictionary<int, double> LogitBias { get; init; } = System.Collections.Immutable.ImmutableDictionary<int, double>.Empty;

    /// <summary>So many of the likeliest are told with each token (<see cref="Generation.TakeChosen"/>); null tells nothing.</summary>
    public int? Likeliest { get; init; }

    /// <summary>The reply is one JSON object and ends with it.</summary>
    public bool JsonObject { get; init; }

    /// <summary>The model's own end does not end the reply: for measuring, where all replies are to be of one length.</summary>
    public bool IgnoresStopTokens { get; init; }

    public int MaxNewTokens { get; init; } = 256;

    /// <summary>The same seed, prompt and checkpoint give the same reply, whatever else the process generates.</summary>
    public long Seed { get; init; }

    /// <summary>Texts that end the reply and are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <exception cref="ArgumentException">Which setting is out of which range.</exception>
    public SamplingOptions Checked()
    {
        Require(Temperature is >= 0 and <= 10, nameof(Temperature), Temperature, "0 to 10");
        Require(TopP is > 0 and <= 1, nameof(TopP), TopP, "above 0, at most 1");
        Require(TopK >= 0, nameof(TopK), TopK, "0 (all) or more");
        Require(RepetitionPenalty is > 0 and <= 10, nameof(RepetitionPenalty), RepetitionPenalty, "above 0, at most 10");
        Require(PresencePenalty is >= -10 and <= 10, nameof(PresencePenalty), PresencePenalty, "-10 to 10");
        Require(FrequencyPenalty is >= -10 and <= 10, nameof(FrequencyPenalty), FrequencyPenalty, "-10 to 10");
        Require(LogitBias.All(b => b.Key >= 0 && double.IsFinite(b.Value)), nameof(LogitBias), "given", "finite numbers for token ids");
        Require(Likeliest is null or >= 0, nameof(Likeliest), Likeliest ?? 0, "0 or more");
        Require(MaxNewTokens >= 1, nameof(MaxNewTokens), MaxNewTokens, "1 or more");
        Require(Stop.All(s => s.Length > 0), nameof(Stop), "\"\"", "texts that are not empty");
        return this;
    }

    private static void Require(bool holds, string name, object value, string range)
    {
        if (!holds) throw new ArgumentException($"{name} is {value}, expected {range}.");
    }
}
