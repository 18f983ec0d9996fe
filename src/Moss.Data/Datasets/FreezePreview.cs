using System.Text.Json;
using System.Text.Json.Serialization;

namespace Moss.Data.Datasets;

/// <summary>What a freeze would hold, or what a version holds, in examples unless said otherwise.</summary>
public sealed record FreezePreview
{
    private static readonly JsonSerializerOptions WithoutZeros = new(Json.SnakeCase) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault };

    /// <summary>Corrections; in preferences those over what they correct.</summary>
    public int Corrections { get; set; }

    /// <summary>Rated replies, held-out ones included; in preferences those that rest on two ratings of one annotator.</summary>
    public int Rated { get; set; }

    /// <summary>Preferences from comparisons.</summary>
    public int Compared { get; set; }

    /// <summary>Preferences from rankings.</summary>
    public int Ranked { get; set; }

    public int Desirable { get; set; }
    public int Undesirable { get; set; }

    /// <summary>Imported conversations replayed, held-out ones included.</summary>
    public int Replayed { get; set; }

    public int Train { get; set; }

    /// <summary>Held out for evaluation.</summary>
    public int Eval { get; set; }

    /// <summary>Judgements that the examples rest on.</summary>
    public int Judgements { get; set; }

    /// <summary>Judgements that came after the newest version of this recipe was cut.</summary>
    public int NewJudgements { get; set; }

    /// <summary>Replayed conversations in which a correction stands in the place of the same mistake.</summary>
    public int Mended { get; set; }

    /// <summary>Left out because an answer in them was corrected, or their question was.</summary>
    public int LeftOutCorrected { get; set; }

    /// <summary>Left out because an answer in them was flagged, rated low, or cut short.</summary>
    public int LeftOutBad { get; set; }

    /// <summary>Left out because they are not a plain exchange of a person and MOSS (tools, no reply).</summary>
    public int LeftOutShape { get; set; }

    /// <summary>Not held out after all, because a correction teaches their question or one that begins alike; left out instead.</summary>
    public int LeftOutOfEval { get; set; }

    /// <summary>Comparisons that ended in a tie.</summary>
    public int LeftOutTies { get; set; }

    /// <summary>Comparisons in which both are bad; they are examples of kto only.</summary>
    public int LeftOutBothBad { get; set; }

    /// <summary>Two replies that say the same, or nearly.</summary>
    public int LeftOutEqual { get; set; }

    /// <summary>Two replies to different prompts.</summary>
    public int LeftOutPrompts { get; set; }

    /// <summary>Annotators who say both, and agents that waver when the two replies change places or were asked once only.</summary>
    public int LeftOutInconsistent { get; set; }

    /// <summary>As many annotators say one thing as the other.</summary>
    public int LeftOutDisputed { get; set; }

    /// <summary>Preferences that go round in a circle.</summary>
    public int LeftOutCircles { get; set; }

    /// <summary>Judgements beyond what counts of one annotator per day.</summary>
    public int LeftOutCapped { get; set; }

    /// <summary>Examples beyond the agents' share.</summary>
    public int LeftOutAgents { get; set; }

    /// <summary>The same text as an earlier example; its sources were added to that one.</summary>
    public int Merged { get; set; }

    /// <summary>How often the longer reply is the chosen one: what a model that had learned nothing but length would score. Preferences only.</summary>
    public WilsonShare? LongerWins { get; set; }

    /// <summary>The same on the held-out side, to stand beside a run's held-out accuracy.</summary>
    public WilsonShare? LongerWinsHeldOut { get; set; }

    /// <summary>Correlation of the label (chosen or rejected; desirable or not; quality) with the reply's length in characters, −1 to 1.</summary>
    public double? LengthCorrelation { get; set; }

    /// <summary>How a version keeps it: what is zero is left out.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, WithoutZeros);

    public static FreezePreview Parse(string json) => Json.Parse<FreezePreview>(json, "The summary of a dataset version");
}
