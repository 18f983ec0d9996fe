using System.CommandLine;
using Moss.Trainer.Cli;

return await new RootCommand("MOSS") { UpVerb.Create(), DownVerb.Create(), DoctorVerb.Create(), PostgresVerb.Create() }.Parse(args).InvokeAsync();
