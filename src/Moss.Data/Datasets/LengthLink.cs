namespace Moss.Data.Datasets;

/// <summary>Whether a version merely teaches length: how often the longer reply is the chosen one, and how the label goes with length (characters).</summary>
internal sealed class LengthLink
{
    private readonly int[] longer = new int[2], unequal = new int[2]; // by split
    private double n, sumX, sumY, sumXX, sumXY, sumYY;

    public void Add(Split split, IExampleContent content)
    {
        switch (content)
        {
            case PreferenceContent { Chosen: var chosen, Rejected: var rejected }:
                var (better, worse) = (Length(chosen), Length(rejected));
                Add(better, 1);
                Add(worse, 0);
                if (better == worse) break;
                unequal[(int)split]++;
                if (better > worse) longer[(int)split]++;
                break;
            case DesirableContent { Reply: var reply, Desirable: var desirable }:
                Add(Length(reply), desirable ? 1 : 0);
                break;
            case DatasetContent { Quality: { } quality, Messages: [.., var last] }:
                Add(Length(last.Content), QualityLevels.Number(quality));
                break;
        }
    }

    /// <summary>How often the longer reply is the chosen one, where one is longer; of one side or of both.</summary>
    public WilsonShare? LongerWins(Split? side = null) => side is { } s
        ? WilsonShare.Of95(longer[(int)s], unequal[(int)s])
        : WilsonShare.Of95(longer.Sum(), unequal.Sum());

    /// <summary>Pearson's correlation of the label (chosen 1 or rejected 0; desirable 1 or 0; quality 0 to 3) with length; null where one of them never varies.</summary>
    public double? Correlation
    {
        get
        {
            var (varX, varY) = (n * sumXX - sumX * sumX, n * sumYY - sumY * sumY);
            return varX > 0 && varY > 0 ? (n * sumXY - sumX * sumY) / Math.Sqrt(varX * varY) : null;
        }
    }

    private void Add(double x, double y) =>
        (n, sumX, sumY, sumXX, sumXY, sumYY) = (n + 1, sumX + x, sumY + y, sumXX + x * x, sumXY + x * y, sumYY + y * y);

    private static int Length(string text) => text.EnumerateRunes().Count();
}
