using System.CommandLine;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;

namespace Moss.Trainer.Cli;

/// <summary>`deploy CHECKPOINT` and `rollback`: say what serves from now on, and wait until a server has it.</summary>
internal static class DeployVerbs
{
    public static Command CreateDeploy()
    {
        var checkpoint = new Argument<string>("checkpoint") { Description = "A checkpoint, by name or id." };
        var (name, reason) = (Name(), Reason());
        return Session.FollowingVerb("deploy", "Deploy a checkpoint.", checkpoint, name, reason).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var chosen = await session.Db.FindCheckpointAsync(parsed.GetValue(checkpoint)!, cancellation);
            var deployment = await session.Db.DeployAsync(
                parsed.GetValue(name)!, chosen.Id, parsed.GetValue(reason) ?? "deployed from the command line", session.Person.Id, cancellation);
            return await FollowAsync(session, deployment, chosen, cancellation);
        });
    }

    public static Command CreateRollBack()
    {
        var (name, reason) = (Name(), Reason());
        return Session.FollowingVerb("rollback", "Deploy the checkpoint that served before.", name, reason).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var deployment = await session.Db.RollBackAsync(
                parsed.GetValue(name)!, parsed.GetValue(reason) ?? "rolled back from the command line", session.Person.Id, cancellation);
            return await FollowAsync(session, deployment, await session.Db.FindCheckpointAsync(deployment.CheckpointId.ToString(), cancellation), cancellation);
        });
    }

    private static async Task<int> FollowAsync(Session session, Deployment deployment, Checkpoint checkpoint, CancellationToken cancellation)
    {
        var (loaded, why) = session.Detach ? (null, null)
            : await Following.ServersAsync(session.Db, checkpoint, new ProgressBar(TimeProvider.System), TimeProvider.System, cancellation);
        session.Print(
            new { deployment_id = deployment.Id, deployment.Name, checkpoint = checkpoint.Name, checkpoint_id = checkpoint.Id, loaded = loaded == true, why },
            $"{checkpoint.Name} is deployed as {deployment.Name}." + (loaded == true ? " It is loaded and answers." : why is null ? "" : $" {why}"));
        return loaded == false ? 1 : 0;
    }

    private static Option<string> Name() => new("--name")
    {
        Description = $"{Deployment.Champion} or {Deployment.Challenger}.", DefaultValueFactory = _ => Deployment.Champion,
    };

    private static Option<string?> Reason() => new("--reason") { Description = "Why, for those who read it later." };
}
