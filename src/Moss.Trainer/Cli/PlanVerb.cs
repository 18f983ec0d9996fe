using System.CommandLine;
using Moss.Data;
using Moss.Trainer.Local;
using Moss.Trainer.Training.Planning;

namespace Moss.Trainer.Cli;

/// <summary>`plan`: the child process of `work` that answers one question of the portal. For people there is `tune --plan`.</summary>
internal static class PlanVerb
{
    public static Command Create()
    {
        var id = new Option<Guid>("--id") { Required = true, Description = "The question." };
        var command = new Command("plan", "Answer one question about a run (started by `work`).") { Hidden = true };
        command.Options.Add(id);
        return command.Does(async (parsed, cancellation) =>
        {
            var connection = Environment.GetEnvironmentVariable(Installation.DatabaseVariable)
                ?? throw new MossInputException($"{Installation.DatabaseVariable} is not set: `plan` is started by `work`. To plan a run, use `tune --plan`.");
            await PlanAnswer.WriteAsync(parsed.GetValue(id), connection, cancellation);
            return 0;
        });
    }
}
