using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Projects;

namespace Moss.Annotate.Features.Shared;

/// <summary>The project that a page is about, and the names of all.</summary>
public sealed record ProjectChoice(Project Current, IReadOnlyList<string> Names)
{
    /// <summary>The project of this name, or the one everybody starts with.</summary>
    public static async Task<ProjectChoice> LoadAsync(MossDbContext db, string? name, TimeProvider time, CancellationToken cancellation)
    {
        var current = string.IsNullOrEmpty(name) ? null : await db.Projects.AsNoTracking().SingleOrDefaultAsync(p => p.Name == name, cancellation);
        current ??= await db.EnsureProjectAsync(Project.DefaultName, time.GetUtcNow(), cancellation);
        return new ProjectChoice(current, await db.Projects.AsNoTracking().OrderBy(p => p.Name).Select(p => p.Name).ToListAsync(cancellation));
    }
}
