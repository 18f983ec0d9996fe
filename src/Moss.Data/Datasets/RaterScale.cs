using Npgsql;

namespace Moss.Data.Datasets;

/// <summary>
/// What a rating means in the hands of the one who gave it: its standing among that annotator's own ratings under the same rubric version, 0 to 1. Scores
/// are never averaged across annotators, whose fours differ; their standings are.
/// </summary>
/// <remarks>
/// Standing = (n · midrank + 5 · place) / (n + 5): the share of the annotator's n ratings that are lower, half of the equal ones counted, drawn towards
/// the place on the scale as if 5 more ratings said so. Who rated once is taken at their word; who rated a hundred times is measured by their own habit.
/// </remarks>
internal sealed class RaterScale
{
    private const double TakenAtTheirWord = 5; // ratings
    private readonly Dictionary<(Guid Rater, int Rubric), List<double>> given = [];
    private readonly Dictionary<Guid, double> standings = [];

    /// <param name="ratings">Scores on the scale 1 to 5.</param>
    public RaterScale(IEnumerable<(Guid Judgement, Guid Rater, int Rubric, double Score)> ratings)
    {
        var all = ratings.ToList();
        foreach (var rater in all.GroupBy(r => (r.Rater, r.Rubric))) given[rater.Key] = [.. rater.Select(r => r.Score).Order()];
        foreach (var r in all) standings[r.Judgement] = StandingOf((r.Rater, r.Rubric), r.Score);
    }

    /// <summary>The mean standing of these ratings of one reply; those that do not hold at the cut are left out, and null means that none does.</summary>
    public double? Of(IEnumerable<Guid> judgements)
    {
        var held = judgements.Where(standings.ContainsKey).Select(j => standings[j]).ToList();
        return held.Count == 0 ? null : held.Average();
    }

    public static async Task<RaterScale> LoadAsync(NpgsqlConnection connection, Guid projectId, FreezeRule rule, CancellationToken cancellation)
    {
        var ratings = new List<(Guid, Guid, int, double)>();
        await using var query = new NpgsqlCommand(
            $"{Standing.Sql} SELECT id, annotator_id, rubric_version, score FROM standing WHERE kind = 'Rating' AND attribute = 'overall' AND score IS NOT NULL", connection)
        {
            Parameters = { new() { Value = projectId }, new() { Value = rule.Until!.Value.ToUniversalTime() } },
        };
        await using var row = await query.ExecuteReaderAsync(cancellation);
        while (await row.ReadAsync(cancellation)) ratings.Add((row.GetGuid(0), row.GetGuid(1), row.GetInt32(2), row.GetDouble(3)));
        return new RaterScale(ratings);
    }

    private double StandingOf((Guid, int) rater, double score)
    {
        var own = given[rater];
        var (lower, equal) = (own.Count(s => s < score), own.Count(s => s.Equals(score)));
        return (lower + equal / 2.0 + TakenAtTheirWord * (score - 1) / 4) / (own.Count + TakenAtTheirWord);
    }
}
