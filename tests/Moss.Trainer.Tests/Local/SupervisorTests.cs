using Moss.Trainer.Local;

namespace Moss.Trainer.Tests.Local;

public sealed class SupervisorTests
{
    private static readonly (string, string[]) Sleeper = ("sleeper", ["sleep", "1000"]);

    [Fact]
    public async Task Killing_the_supervisor_with_9_leaves_nothing_running_and_the_next_up_takes_over()
    {
        await using var moss = new TestInstallation();
        var first = await moss.UpAsync(Sleeper);
        var (sleeper, server) = (await moss.PidAsync("sleeper"), moss.Cluster.ServerProcess!.Value);

        await TestInstallation.KillAsync(first.Id);
        await TestInstallation.EventuallyAsync("nothing runs any more",
            () => LiveProcess.CommandLine(sleeper) is null && LiveProcess.CommandLine(server) is null);

        var second = await moss.UpAsync(Sleeper);
        Assert.NotEqual(sleeper, await moss.PidAsync("sleeper"));
        Assert.True(moss.Cluster.IsRunning);
    }

    [Fact]
    public async Task Killing_the_whole_process_group_with_9_leaves_nothing_running_either()
    {
        await using var moss = new TestInstallation();
        var up = await moss.UpAsync(["setsid"], Sleeper); // a group of its own, as a terminal gives it
        var (sleeper, server) = (await moss.PidAsync("sleeper"), moss.Cluster.ServerProcess!.Value);

        await ToolRun.MustAsync(["bash", "-c", $"kill -s KILL -- -{up.Id}"], TestContext.Current.CancellationToken);

        await TestInstallation.EventuallyAsync("nothing runs any more",
            () => LiveProcess.CommandLine(sleeper) is null && LiveProcess.CommandLine(server) is null);
    }

    [Fact]
    public async Task The_next_up_may_come_while_the_programs_of_a_killed_one_are_still_ending()
    {
        await using var moss = new TestInstallation();
        (string, string[]) slow = ("slow", ["bash", "-c", "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.1; done"]);
        var first = await moss.UpAsync(slow);
        var old = await moss.PidAsync("slow");

        await TestInstallation.KillAsync(first.Id);
        var second = await moss.UpAsync(slow);

        Assert.Null(LiveProcess.CommandLine(old));
        Assert.NotEqual(old, await moss.PidAsync("slow"));
    }

    [Fact]
    public async Task What_is_killed_with_9_is_started_again_with_its_data_and_on_its_port()
    {
        await using var moss = new TestInstallation();
        var up = await moss.UpAsync(Sleeper);
        var connection = await moss.Cluster.ConnectionStringAsync("kept", CancellationToken.None);
        var (sleeper, server) = (await moss.PidAsync("sleeper"), moss.Cluster.ServerProcess!.Value);

        await TestInstallation.KillAsync(server);
        await TestInstallation.KillAsync(sleeper);
        await TestInstallation.EventuallyAsync("another server runs", () => moss.Cluster.ServerProcess is { } now && now != server);
        Assert.NotEqual(sleeper, await moss.PidAsync("sleeper"));

        var waiting = new Waiting(_ => { }, TimeProvider.System);
        Assert.True(await waiting.UntilAsync("the old connection string works", TimeSpan.FromSeconds(90), async c =>
        {
            try
            {
                await using var open = new Npgsql.NpgsqlConnection(connection + ";Pooling=false");
                await open.OpenAsync(c);
                return open.Database == "kept";
            }
            catch (Npgsql.NpgsqlException)
            {
                return false; // still recovering
            }
        }, CancellationToken.None));
    }

    [Fact]
    public async Task A_second_up_says_where_the_first_runs_and_down_stops_it_all()
    {
        await using var moss = new TestInstallation();
        Assert.Equal(0, (await moss.RunAsync("down")).Code); // nothing runs: nothing to do
        var up = await moss.UpAsync(Sleeper);
        var (sleeper, server) = (await moss.PidAsync("sleeper"), moss.Cluster.ServerProcess!.Value);

        var (code, said) = await moss.RunAsync("up");
        Assert.Equal(0, code);
        Assert.Contains($"process {up.Id}", said, StringComparison.Ordinal);
        Assert.Contains(moss.Self.Portal.ToString(), said, StringComparison.Ordinal);

        Assert.Equal(0, (await moss.RunAsync("down")).Code);
        await up.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, up.ExitCode);
        Assert.Null(LiveProcess.CommandLine(sleeper));
        Assert.Null(LiveProcess.CommandLine(server));
    }

    [Fact]
    public void A_port_in_use_is_named_together_with_the_variable_that_moves_ours()
    {
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        var port = ((System.Net.IPEndPoint)other.LocalEndpoint).Port;
        var program = new ChildProgram("portal", ["true"], Address: new Uri($"http://localhost:{port}"), AddressVariable: "MOSS_PORTAL_URL");

        var error = Assert.Throws<InvalidOperationException>(() => Supervisor.EnsurePortIsFree(program));

        Assert.StartsWith($"Port {port}, on which portal is to listen, is in use by another program.", error.Message, StringComparison.Ordinal);
        Assert.Contains("MOSS_PORTAL_URL=http://localhost:", error.Message, StringComparison.Ordinal);
    }
}
