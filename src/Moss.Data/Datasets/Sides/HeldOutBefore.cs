using Npgsql;

namespace Moss.Data.Datasets.Sides;

/// <summary>
/// What earlier versions of a project held out, which is never learned later: keys of clusters, and SHA-256 of contents.
/// </summary>
internal sealed record HeldOutBefore(IReadOnlySet<string> Clusters, IReadOnlySet<string> Contents)
{
    /// <summary>
    /// Of the versions that stood at the cut. Later ones do not count, so that a version can be rebuilt whatever came after it.
    /// </summary>
    public static async Task<HeldOutBefore> LoadAsync(
        NpgsqlConnection connection, Guid projectId, FreezeRule rule, CancellationToken cancellation)
    {
        var (clusters, contents) = (new HashSet<string>(), new HashSet<string>());
        await using var query = new NpgsqlCommand("""
            SELECT DISTINCT e.cluster, e.content_sha256 FROM dataset_examples e JOIN dataset_versions v ON v.id = e.version_id
            WHERE v.project_id = $1 AND v.created_at <= $2 AND e.split = 'Eval'
            """, connection)
        {
            Parameters = { new() { Value = projectId }, new() { Value = rule.Until!.Value.ToUniversalTime() } },
        };
        await using var row = await query.ExecuteReaderAsync(cancellation);
        while (await row.ReadAsync(cancellation))
        {
            if (!row.IsDBNull(0)) clusters.Add(row.GetString(0)); // versions older than clusters have none
            contents.Add(row.GetString(1));
        }
        return new(clusters, contents);
    }
}
