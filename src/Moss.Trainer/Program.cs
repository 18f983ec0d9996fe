using System.CommandLine;
using Moss.Trainer.Cli;

return await new RootCommand("MOSS")
{
    UpVerb.Create(), DownVerb.Create(), DoctorVerb.Create(), PostgresVerb.Create(), ServeVerb.Create(), StarterVerb.Create(),
    WorkVerb.Create(), TrainVerb.Create(),
}.Parse(args).InvokeAsync();
