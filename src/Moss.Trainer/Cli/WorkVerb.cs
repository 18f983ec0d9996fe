using System.CommandLine;
using Moss.Trainer.Dispatch;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

/// <summary>`work`: carries out what rows ask for, in the foreground.</summary>
internal static class WorkVerb
{
    public static Command Create()
    {
        var command = new Command("work", "Carry out queued tuning and agent runs (Hangfire server), in the foreground.");
        var device = DeviceOption.Create();
        command.Options.Add(device);
        return command.Does(async (parsed, cancellation) =>
        {
            DeviceOption.Apply(parsed, device);
            var connection = await MossDatabase.EnsureAsync(cancellation);
            var installation = Installation.FromEnvironment();
            await using var app = WorkHost.Build(connection, installation);
            Console.WriteLine($"work: health at {installation.Work}healthz; waiting for runs.");
            await WorkHost.RunAsync(app, cancellation);
            return 0;
        });

    }
}
