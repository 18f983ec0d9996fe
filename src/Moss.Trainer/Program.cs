using System.CommandLine;
using Moss.Trainer.Cli;

// The command line is the tree: each verb is one file of Cli/.
var root = new RootCommand("MOSS: talk with it, judge what it says, and train a better one from the judgements.")
{
    // One machine
    UpVerb.Create(), DownVerb.Create(), DoctorVerb.Create(), DemoVerb.Create(), PostgresVerb.Create(),

    // One process in the foreground
    ServeVerb.Create(), WorkVerb.Create(), TrainVerb.Create(), PlanVerb.Create(), StarterVerb.Create(),

    // Conversations and judgements
    ImportVerb.Create(), ExportVerb.Create(), AskVerb.Create(), JudgeVerbs.CreateCorrect(), JudgeVerbs.CreateRate(), DialogueVerb.Create(),

    // The researchers' loop
    FreezeVerb.Create(), TuneVerb.Create(), RunsVerb.Create(), RunsVerb.CreateCancel(), DeployVerbs.CreateDeploy(), DeployVerbs.CreateRollBack(),
    LineageVerb.Create(), CheckpointVerb.Create(), TokenizeVerb.Create(), BenchVerb.Create(),
};

// What was started is stopped in order, which takes longer than the command line's own two seconds.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
