using System.CommandLine;
using Moss.Data;
using Moss.Trainer.Local;
using Moss.Trainer.Training;

namespace Moss.Trainer.Cli;

/// <summary>`train`: the child process of `work` that trains one claimed run. Not for people: `tune` queues a run.</summary>
internal static class TrainVerb
{
    public static Command Create()
    {
        var run = new Option<Guid>("--run") { Required = true, Description = "The run, already claimed." };
        var attempt = new Option<int>("--attempt") { Required = true, Description = "The fencing number of the claim." };
        var command = new Command("train", "Train one claimed run (started by `work`).") { Hidden = true };
        command.Options.Add(run);
        command.Options.Add(attempt);
        var device = DeviceOption.Create();
        command.Options.Add(device);
        return command.Does(async (parsed, cancellation) =>
        {
            DeviceOption.Apply(parsed, device);
            var connection = Environment.GetEnvironmentVariable(Installation.DatabaseVariable)
                ?? throw new MossInputException($"{Installation.DatabaseVariable} is not set: `train` is started by `work`. To train, use `tune`.");
            return (int)await TrainingProcess.RunAsync(parsed.GetValue(run), parsed.GetValue(attempt), connection, cancellation);
        });

    }
}
