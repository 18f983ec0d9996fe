namespace Moss.Data.Datasets;

/// <summary>What a freeze would hold, in examples unless said otherwise.</summary>
public sealed record FreezePreview
{
    public int Corrections { get; set; }

    /// <summary>Replies that were rated well enough, held-out ones included.</summary>
    public int Rated { get; set; }

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

    /// <summary>Not held out after all, because a correction teaches their question; left out instead.</summary>
    public int LeftOutOfEval { get; set; }

    /// <summary>The same text as an earlier example; its sources were added to that one.</summary>
    public int Merged { get; set; }
}
