using Moss.Data.Deployments;
using Moss.Trainer.Cli;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.Cli;

public class FollowingTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_deployment_that_no_server_takes_is_told_from_one_that_nobody_is_there_to_take()
    {
        using var scene = await Scene.OpenAsync(server);
        Assert.Equal((null, "No model server is running; the next one that starts will load it."), await FollowAsync());

        await scene.With(db => db.ReportServerAsync("http://127.0.0.1:9", ServerKind.Moss, "[]", "'tiny' is damaged", Test));
        Assert.Equal((false, "'tiny' is damaged"), await FollowAsync());

        await scene.With(db => db.ReportServerAsync("http://127.0.0.1:9", ServerKind.Moss, $$"""[{"checkpoint_id":"{{scene.Tiny.Id}}"}]""", null, Test));
        Assert.Equal((true, null), await FollowAsync());

        Task<(bool?, string?)> FollowAsync() => scene.With(db => Following.ServersAsync(db, scene.Tiny, new ProgressBar(TimeProvider.System, _ => { }), new HastyClock(), Test));
    }

    /// <summary>A minute passes in a fifth of a second.</summary>
    private sealed class HastyClock : TimeProvider
    {
        public override long GetTimestamp() => base.GetTimestamp() * 300;
    }
}
