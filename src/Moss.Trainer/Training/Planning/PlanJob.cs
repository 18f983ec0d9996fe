using Hangfire;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;
using Moss.Trainer.Dispatch;
using Moss.Trainer.Local;

namespace Moss.Trainer.Training.Planning;

/// <summary>Answers one question about a run, in a process of its own: a native crash or lack of memory there is an answer too.</summary>
[Queue(Queues.Light)]
[AutomaticRetry(Attempts = 0)]
[ShortLived]
internal sealed class PlanJob(IDbContextFactory<MossDbContext> factory, Installation installation, ILogger<PlanJob> logger)
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    public async Task RunAsync(Guid plan, CancellationToken shutdown)
    {
        await using var db = await factory.CreateDbContextAsync(shutdown);
        if (await db.FindPlanAsync(plan, shutdown) is not { ComputedAt: null }) return;
        var variables = installation.Variables();
        variables[Installation.DatabaseVariable] = db.Database.GetConnectionString()!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(shutdown);
        patience.CancelAfter(Longest);
        string failed;
        try
        {
            var run = await ToolRun.OfAsync(["dotnet", typeof(PlanJob).Assembly.Location, "plan", "--id", plan.ToString()], patience.Token, variables: variables);
            if (run.ExitCode == 0) return; // it wrote the answer itself
            failed = $"The planning process ended with code {run.ExitCode}. {run.Output}".Trim();
        }
        catch (OperationCanceledException) when (!shutdown.IsCancellationRequested)
        {
            failed = $"The plan was not ready after {Longest.TotalMinutes:F0} minutes. Choose a smaller dataset version, or start the run without a plan.";
        }
        logger.LogWarning("Plan {Plan}: {Failed}", plan, failed);
        await db.AnswerPlanAsync(plan, null, failed[..Math.Min(failed.Length, 2_000)], CancellationToken.None);
    }
}
