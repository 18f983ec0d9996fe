using System.CommandLine;
using Moss.Trainer.Cli;

return await new RootCommand("MOSS")
{
    UpVerb.Create(),
    DownVerb.Create(),
    DoctorVerb.Create(),
    PostgresVerb.Create(),
    ServeVerb.Create(),
    WorkVerb.Create(),
    TrainVerb.Create(),
    StarterVerb.Create(),
    CheckpointVerb.Create(),
    TokenizeVerb.Create(),
    BenchVerb.Create(),
}.Parse(args).InvokeAsync();
