using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Model.Learning;
using Moss.Trainer.Dispatch;
using Moss.Trainer.Local;

namespace Moss.Trainer.Training;

/// <summary>The inside of the training child: reads the plan, trains on a thread of its own, publishes. Ends when its parent does.</summary>
internal static class TrainingProcess
{
    /// <summary>What it may still do when its parent has died: save its state.</summary>
    private static readonly TimeSpan OrphanGrace = TimeSpan.FromSeconds(5);

    private const int FileTooLarge = 25; // SIGXFSZ on Linux and macOS

    public static async Task<ChildExit> RunAsync(Guid run, int attempt, string connectionString, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _ = ListenAsync(stop);
        // A limit on file sizes is told by a signal that ends a process; without it, by an error like that of a full disk.
        using var tooLarge = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create((PosixSignal)FileTooLarge, signal => signal.Cancel = true);
        var installation = Installation.FromEnvironment();
        await using var services = new ServiceCollection().AddMossData(connectionString).BuildServiceProvider();
        var factory = services.GetRequiredService<IDbContextFactory<MossDbContext>>();
        try
        {
            return await TrainAsync(factory, installation, run, attempt, stop.Token);
        }
        catch (Exception e) when (e is LostRunException)
        {
            return ChildExit.Lost;
        }
        catch (Exception e) when (e is OperationCanceledException || Db.IsUnreachable(e))
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ChildExit.Stopped;
        }
        catch (Exception e) when (OutOfMemory.Is(e))
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ChildExit.OutOfMemory;
        }
        catch (Exception e)
        {
            Say(new(Failed: e is MossInputException or InvalidDataException or InvalidOperationException or ArgumentException or IOException
                ? DiskFull.Said(e) ?? e.Message : $"{e.GetType().Name}: {e.Message}"));
            await Console.Error.WriteLineAsync(e.ToString());
            return ChildExit.Failed;
        }
    }

    private static async Task<ChildExit> TrainAsync(
        IDbContextFactory<MossDbContext> factory, Installation installation, Guid run, int attempt, CancellationToken stop)
    {
        var folder = new RunFolder(installation.State, run);
        using var mine = await folder.LockAsync(OrphanGrace * 2, TimeProvider.System, stop);
        await File.WriteAllTextAsync(folder.PidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), stop);
        Say(new(Phase: "loading"));
        var patience = Patience();
        var plan = await factory.RetryAsync((db, token) => RunPlan.ReadAsync(db, run, token), patience, stop);

        using var metrics = new MetricWriter(factory, run, attempt, patience, Watching.EventFile.FolderOf(installation.State, run));
        var result = await OwnThread.RunAsync("training", new TuningPass(plan, folder, installation.Checkpoints, metrics, Say, stop).Run);
        metrics.Complete();
        if (!await metrics.Written) return ChildExit.Lost;
        if (result is null) return ChildExit.Stopped;

        var published = await factory.RetryAsync((db, token) => Publishing.PublishAsync(db, plan, result, attempt, token), patience, CancellationToken.None);
        return published ? ChildExit.Published : ChildExit.Lost;
    }

    /// <summary>A line "stop" asks to save and end; the end of the input means that the parent is gone.</summary>
    private static async Task ListenAsync(CancellationTokenSource stop)
    {
        await Task.Yield();
        var line = await Console.In.ReadLineAsync();
        await stop.CancelAsync();
        if (line is not null) return;
        await Task.Delay(OrphanGrace);
        Environment.Exit((int)ChildExit.Stopped);
    }

    private static TimeSpan Patience()
    {
        var configuration = new ConfigurationBuilder().AddEnvironmentVariables().Build();
        return (configuration.GetSection(WorkSettings.Section).Get<WorkSettings>() ?? new WorkSettings()).Lease;
    }

    private static void Say(ChildReport report)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(report);
            Console.Out.Flush();
        }
    }
}
