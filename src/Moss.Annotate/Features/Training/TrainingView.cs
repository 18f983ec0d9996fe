using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Projects;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>What the training page shows of one project.</summary>
public sealed record TrainingView(
    Project Project, List<RunRow> Runs, List<DatasetVersion> Versions, List<TrainingSchedule> Schedules,
    (Deployment Deployment, Checkpoint Checkpoint)? Champion, IReadOnlyDictionary<Guid, string> Names, int NewJudgements)
{
    public bool UnderWay => Runs.Exists(r => r.UnderWay);

    /// <summary>The name that the next version gets if nobody chooses another: v1, v2, ….</summary>
    public string NextVersionName
    {
        get
        {
            var number = Versions.Count + 1;
            while (Versions.Exists(v => v.Name == $"v{number}")) number++;
            return $"v{number}";
        }
    }

    public static async Task<TrainingView> LoadAsync(MossDbContext db, Project project, CancellationToken cancellation)
    {
        var id = project.Id;
        var versions = await db.DatasetVersionsAsync(id, cancellation);
        var makers = versions.Select(v => v.CreatedBy).OfType<Guid>().Distinct().ToList();
        return new TrainingView(
            project, await db.RunRowsAsync(id, cancellation), versions, await db.SchedulesAsync(id, cancellation),
            await db.CurrentDeploymentAsync(Deployment.Champion, cancellation),
            await db.Annotators.Where(a => makers.Contains(a.Id)).ToDictionaryAsync(a => a.Id, a => a.DisplayName, cancellation),
            await db.CountNewJudgementsAsync(id, SftSettings.Recipe, cancellation));
    }
}
