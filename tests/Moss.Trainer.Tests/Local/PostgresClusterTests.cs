using Moss.Trainer.Local;
using Npgsql;

namespace Moss.Trainer.Tests.Local;

public sealed class PostgresClusterTests
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_second_starter_uses_the_server_that_runs_and_it_stops_with_the_last_of_them()
    {
        await using var moss = new TestInstallation();
        var up = await moss.UpAsync();
        var server = moss.Cluster.ServerProcess;

        await moss.Cluster.StartAsync(Test); // this process uses it too
        Assert.Equal(server, moss.Cluster.ServerProcess);
        Assert.Equal(0, (await moss.RunAsync("down")).Code);
        Assert.Equal(server, moss.Cluster.ServerProcess);

        await moss.Cluster.LeaveAsync(Test);
        Assert.False(moss.Cluster.IsRunning);
    }

    [Fact]
    public async Task The_server_never_runs_as_root_listens_on_loopback_only_and_wants_a_password()
    {
        await using var moss = new TestInstallation();
        await moss.Cluster.StartAsync(Test);
        var connection = await moss.Cluster.ConnectionStringAsync("mine", Test);

        var owner = await ToolRun.MustAsync(OperatingSystem.IsLinux()
            ? ["stat", "-c", "%U", $"/proc/{moss.Cluster.ServerProcess}"]
            : ["ps", "-o", "user=", "-p", $"{moss.Cluster.ServerProcess}"], Test);
        Assert.NotEqual("root", owner.Trim());
        await using var open = new NpgsqlConnection(connection);
        await open.OpenAsync(Test);
        await using var ask = new NpgsqlCommand("SELECT current_setting('listen_addresses') || ' ' || current_setting('max_connections')", open);
        Assert.Equal("127.0.0.1 200", await ask.ExecuteScalarAsync(Test));

        var wrong = new NpgsqlConnectionStringBuilder(connection) { Password = "guess", Pooling = false }.ToString();
        await using var refused = new NpgsqlConnection(wrong);
        Assert.Equal(PostgresErrorCodes.InvalidPassword, (await Assert.ThrowsAsync<PostgresException>(() => refused.OpenAsync(Test))).SqlState);
    }

    [Fact]
    public async Task A_throw_away_server_lasts_as_long_as_its_command_whose_exit_code_it_passes_on()
    {
        await using var moss = new TestInstallation();
        var (code, said) = await moss.RunAsync("postgres", "run", "--", "bash", "-c", "echo \"$MOSS_TEST_DB\"; exit 7");

        Assert.Equal(7, code);
        var port = new NpgsqlConnectionStringBuilder(said.Trim()).Port;
        Assert.True(ClusterFolder.IsFree(System.Net.IPAddress.Loopback, port), $"A server still listens on {port}.");
    }

    [Fact]
    public async Task A_port_that_another_program_took_is_given_up_for_the_next_one()
    {
        await using var moss = new TestInstallation();
        await moss.Cluster.StartAsync(Test);
        var before = new NpgsqlConnectionStringBuilder(await moss.Cluster.ConnectionStringAsync("mine", Test)).Port;
        await moss.Cluster.LeaveAsync(Test);

        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, before);
        other.Start();
        await moss.Cluster.StartAsync(Test);

        Assert.NotEqual(before, new NpgsqlConnectionStringBuilder(await moss.Cluster.ConnectionStringAsync("mine", Test)).Port);
    }

    [Fact]
    public async Task A_cluster_made_before_the_package_brought_its_account_starts_under_that_account()
    {
        await using var moss = new TestInstallation();
        await moss.Cluster.StartAsync(Test);
        await moss.Cluster.LeaveAsync(Test);
        if (Environment.IsPrivilegedProcess) await ToolRun.MustAsync(["chown", "-R", "nobody", moss.Self.ClusterFolder], Test); // otherwise all is ours anyway

        await moss.Cluster.StartAsync(Test);

        Assert.True(moss.Cluster.IsRunning);
    }
}
