using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>What is asked about a run that nobody has started.</summary>
/// <param name="Settings">JSON object of what differs from the recipe's defaults.</param>
/// <param name="Example">Null for the plan; a number for what of this example is learned.</param>
public sealed record PlanInquiry(Guid Project, string Recipe, string Settings, Guid Version, Guid Base, int? Example = null);

/// <summary>Asks by a row, and waits until a worker has written the answer into it.</summary>
internal static class PlanAnswers
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(400), Fresh = TimeSpan.FromMinutes(10);

    /// <summary>The answered row. An answer of the last minutes to the same question is taken as it is.</summary>
    /// <exception cref="NotAllowedException">The person may not start runs.</exception>
    public static async Task<TrainingPlan> AskAsync(this DatabaseLine database, SignedIn person, PlanInquiry asked, CancellationToken cancellation)
    {
        var who = await person.DemandAsync(Policies.Researcher, cancellation);
        var id = await database.DoAsync((db, token) => FindAsync(db, asked, token), cancellation) ?? Guid.CreateVersion7();
        while (true)
        {
            // Asking again is harmless, and makes the row anew if it was thrown away meanwhile.
            await database.DoAsync((db, token) => db.AskPlanAsync(
                id, asked.Project, asked.Recipe, asked.Settings, asked.Version, asked.Base, asked.Example, who.Id, token), cancellation);
            for (var looks = 0; looks < 50; looks++)
            {
                if (await database.DoAsync((db, token) => db.FindPlanAsync(id, token), cancellation) is { ComputedAt: not null } answered) return answered;
                await Task.Delay(Look, cancellation);
            }
        }
    }

    private static Task<Guid?> FindAsync(MossDbContext db, PlanInquiry asked, CancellationToken cancellation) => db.TrainingPlans
        .FromSql($"SELECT * FROM training_plans WHERE settings = {asked.Settings}::jsonb AND created_at > now() - {Fresh} AND error IS NULL").AsNoTracking()
        .Where(p => p.ProjectId == asked.Project && p.Recipe == asked.Recipe && p.DatasetVersionId == asked.Version && p.BaseCheckpointId == asked.Base
            && p.ExampleOrdinal == asked.Example)
        .OrderByDescending(p => p.CreatedAt).Select(p => (Guid?)p.Id).FirstOrDefaultAsync(cancellation);
}
