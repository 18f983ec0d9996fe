using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Datasets;

public static class DatasetQueries
{
    /// <summary>The versions of a project, newest first.</summary>
    public static Task<List<DatasetVersion>> DatasetVersionsAsync(this MossDbContext db, Guid projectId, CancellationToken cancellation) =>
        db.DatasetVersions.AsNoTracking().Where(v => v.ProjectId == projectId)
            .OrderByDescending(v => v.CreatedAt).ThenByDescending(v => v.Id).ToListAsync(cancellation);

    /// <summary>The version of this name or id; a sentence when there is none.</summary>
    public static async Task<DatasetVersion> FindDatasetVersionAsync(
        this MossDbContext db, Guid projectId, string nameOrId, CancellationToken cancellation)
    {
        Guid? id = Guid.TryParse(nameOrId, out var parsed) ? parsed : null;
        return await db.DatasetVersions.AsNoTracking()
                .FirstOrDefaultAsync(v => v.Id == id || (v.ProjectId == projectId && v.Name == nameOrId), cancellation)
            ?? throw new MossInputException($"There is no dataset version '{nameOrId}'. Freeze one, or list them on the page Training.");
    }

    /// <summary>The examples of one side of a version in order, streamed.</summary>
    public static IAsyncEnumerable<DatasetExample> ExamplesAsync(this MossDbContext db, Guid versionId, Split split) =>
        db.DatasetExamples.AsNoTracking().Where(e => e.VersionId == versionId && e.Split == split).OrderBy(e => e.Ordinal).AsAsyncEnumerable();
}
