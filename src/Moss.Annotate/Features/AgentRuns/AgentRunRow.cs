using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Training;

namespace Moss.Annotate.Features.AgentRuns;

/// <summary>An agent run with the conversation that it leaves and who asked for it.</summary>
public sealed record AgentRunRow(AgentRun Run, Guid? ConversationId, string? By)
{
    public bool UnderWay => Run.State is RunState.Queued or RunState.Running;

    public bool Canceling => UnderWay && Run.CancelRequestedAt is not null;

    public static async Task<List<AgentRunRow>> LoadAsync(MossDbContext db, Guid projectId, int take, CancellationToken cancellation) =>
        await (
            from r in db.AgentRuns.AsNoTracking()
            where r.ProjectId == projectId
            orderby r.CreatedAt descending, r.Id descending
            select new AgentRunRow(
                r, db.Conversations.Where(c => c.AgentRunId == r.Id).OrderBy(c => c.CreatedAt).Select(c => (Guid?)c.Id).FirstOrDefault(),
                db.Annotators.Where(a => a.Id == r.RequestedBy).Select(a => a.DisplayName).FirstOrDefault()))
            .Take(take).ToListAsync(cancellation);
}
