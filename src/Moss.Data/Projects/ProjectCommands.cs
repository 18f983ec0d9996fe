using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Projects;

public static class ProjectCommands
{
    /// <summary>The project of this name, made if it is missing. Two callers at once get the same one.</summary>
    public static async Task<Project> EnsureProjectAsync(this MossDbContext db, string name, DateTimeOffset now, CancellationToken cancellation)
    {
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO projects (id, name, guidelines, created_at) VALUES ({Guid.CreateVersion7()}, {name}, '', {now})
            ON CONFLICT (name) DO NOTHING
            """, cancellation);
        return await db.Projects.AsNoTracking().SingleAsync(p => p.Name == name, cancellation);
    }
}
