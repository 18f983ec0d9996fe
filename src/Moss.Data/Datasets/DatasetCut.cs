using Moss.Data.Datasets.Preferences;
using Moss.Data.Datasets.Sides;
using Moss.Data.Training;
using Npgsql;

namespace Moss.Data.Datasets;

/// <summary>Runs the selection rule of a recipe.</summary>
internal static class DatasetCut
{
    /// <summary>Hands every example to the taker, in the order of the version; the counts.</summary>
    /// <param name="rule">With its time of the cut.</param>
    public static async Task<FreezePreview> SelectAsync(
        NpgsqlConnection connection, Guid projectId, FreezeRule rule, TakeExample take, CancellationToken cancellation)
    {
        var counts = new FreezePreview();
        var before = await HeldOutBefore.LoadAsync(connection, projectId, rule, cancellation);
        var sink = new ExampleSink(counts, before.Contents, take);
        var sides = new ExampleSides(await SplitClusters.LoadAsync(connection, projectId, rule, before.Clusters, cancellation));
        switch (rule.Recipe)
        {
            case Recipes.Sft or Recipes.Quality:
                var tags = rule.Recipe == Recipes.Quality ? new QualityTags(rule, await RaterScale.LoadAsync(connection, projectId, rule, cancellation)) : null;
                var candidates = new FreezeCandidates(connection, projectId, rule, rule.Until!.Value);
                await new ExampleSelection(rule, sides, tags, counts, sink).RunAsync(candidates, cancellation);
                break;
            case Recipes.Kto:
                await new DesirableSelection(rule, await EvidenceAsync(), sides, counts, sink).RunAsync(cancellation);
                break;
            default:
                await new PreferenceSelection(rule, await EvidenceAsync(), sides, counts, sink).RunAsync(cancellation);
                break;
        }
        counts.LongerWins = sink.Lengths.LongerWins();
        counts.LongerWinsHeldOut = sink.Lengths.LongerWins(Split.Eval);
        counts.LengthCorrelation = sink.Lengths.Correlation;
        return counts;

        Task<Evidence> EvidenceAsync() => new EvidenceReader(connection, projectId, rule).ReadAsync(cancellation);
    }
}
