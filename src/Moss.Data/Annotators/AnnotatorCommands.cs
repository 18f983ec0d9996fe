using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Annotators;

public static class AnnotatorCommands
{
    /// <summary>The annotator of an account, made at its first use.</summary>
    public static async Task<Annotator> EnsureHumanAsync(
        this MossDbContext db, Guid userId, string displayName, DateTimeOffset now, CancellationToken cancellation)
    {
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO annotators (id, kind, display_name, user_id, created_at)
            VALUES ({Guid.CreateVersion7()}, 'Human', {displayName}, {userId}, {now}) ON CONFLICT (user_id) DO NOTHING
            """, cancellation);
        return await db.Annotators.AsNoTracking().SingleAsync(a => a.UserId == userId, cancellation);
    }

    /// <summary>The person who works from the command line under this name, without an account.</summary>
    public static async Task<Annotator> EnsureHumanAsync(
        this MossDbContext db, string displayName, DateTimeOffset now, CancellationToken cancellation)
    {
        var known = await db.Annotators.AsNoTracking()
            .OrderBy(a => a.CreatedAt)
            .FirstOrDefaultAsync(a => a.Kind == AnnotatorKind.Human && a.UserId == null && a.DisplayName == displayName, cancellation);
        if (known is not null) return known;
        var annotator = new Annotator { Kind = AnnotatorKind.Human, DisplayName = displayName, CreatedAt = now };
        db.Annotators.Add(annotator);
        await db.SaveChangesAsync(cancellation);
        return annotator;
    }

    /// <summary>The agent or import with this specification, made at its first use.</summary>
    public static async Task<Annotator> EnsureMachineAsync(
        this MossDbContext db, AnnotatorKind kind, string specSha256, string displayName, DateTimeOffset now, CancellationToken cancellation)
    {
        var text = kind.ToString();
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO annotators (id, kind, display_name, agent_spec_sha256, created_at)
            VALUES ({Guid.CreateVersion7()}, {text}, {displayName}, {specSha256}, {now})
            ON CONFLICT (kind, agent_spec_sha256) DO NOTHING
            """, cancellation);
        return await db.Annotators.AsNoTracking().SingleAsync(a => a.Kind == kind && a.AgentSpecSha256 == specSha256, cancellation);
    }
}
