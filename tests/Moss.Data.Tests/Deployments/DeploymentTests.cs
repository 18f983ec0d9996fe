using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;
using Npgsql;

namespace Moss.Data.Tests.Deployments;

public sealed class DeploymentTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task The_newest_deployment_of_a_name_holds_and_going_back_is_a_new_one()
    {
        var (ada, a, b) = (await Data.HumanAsync("Ada"), await Data.CheckpointAsync("a"), await Data.CheckpointAsync("b"));
        await using var db = Data.CreateDbContext();
        await db.DeployAsync(Deployment.Challenger, a.Id, "first", ada.Id, Test);
        await Assert.ThrowsAsync<MossInputException>(() => db.RollBackAsync(Deployment.Challenger, "oops", ada.Id, Test)); // nothing before it
        await db.DeployAsync(Deployment.Challenger, a.Id, "again", ada.Id, Test);
        await db.DeployAsync(Deployment.Challenger, b.Id, "better", null, Test);
        Assert.Equal(b.Id, (await db.CurrentDeploymentAsync(Deployment.Challenger, Test))!.Value.Checkpoint.Id);

        await db.RollBackAsync(Deployment.Challenger, "worse", ada.Id, Test);

        Assert.Equal(a.Id, (await db.CurrentDeploymentAsync(Deployment.Challenger, Test))!.Value.Checkpoint.Id);
        var rows = (await db.DeploymentsAsync(100, Test)).Where(r => r.Deployment.Name == Deployment.Challenger);
        Assert.Equal([("worse", "Ada"), ("better", null), ("again", "Ada"), ("first", "Ada")], rows.Select(r => (r.Deployment.Reason, r.By)));
        Assert.Equal(2, Assert.Single(await db.CheckpointsAsync(Test), c => c.Checkpoint.Id == a.Id).Deployments.Count(d => d.Reason != "worse"));
        Assert.Null(await db.VerifyAuditAsync(Test));
        Assert.Contains(await db.AuditLog.ToListAsync(Test), e => e is { Action: "rolled_back", Who: "Ada" });
    }

    [Fact]
    public async Task A_server_that_listens_hears_of_a_deployment()
    {
        var moss = await Data.CheckpointAsync("heard");
        await using var connection = new NpgsqlConnection(Data.ConnectionString);
        await connection.OpenAsync(Test);
        var heard = new TaskCompletionSource<string>();
        connection.Notification += (_, e) => heard.TrySetResult(e.Payload);
        await using (var listen = new NpgsqlCommand($"LISTEN {DeploymentCommands.Channel}", connection)) await listen.ExecuteNonQueryAsync(Test);

        var deployment = await Data.With(db => db.DeployAsync(Deployment.Champion, moss.Id, "first start", null, Test));

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Test);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (!heard.Task.IsCompleted) await connection.WaitAsync(patience.Token);
        Assert.Equal(deployment.Id.ToString(), await heard.Task);
    }

    [Fact]
    public async Task What_cannot_be_deployed_is_refused_in_a_sentence()
    {
        var (good, rejected) = (await Data.CheckpointAsync("good"), await Data.CheckpointAsync("rejected"));
        await using var db = Data.CreateDbContext();
        await db.Checkpoints.Where(c => c.Id == rejected.Id).ExecuteUpdateAsync(s => s.SetProperty(c => c.State, CheckpointState.Rejected), Test);
        foreach (var (name, checkpoint, reason, says) in new[] { ("king", good.Id, "why", "champion or challenger"), (Deployment.Champion, Guid.NewGuid(), "why", "no checkpoint"),
            (Deployment.Champion, good.Id, " ", "Say why"), (Deployment.Champion, rejected.Id, "why", "is rejected"), (Deployment.Champion, good.Id, new string('x', 501), "at most 500") })
        {
            var refusal = await Assert.ThrowsAsync<MossInputException>(() => db.DeployAsync(name, checkpoint, reason, null, Test));
            Assert.Contains(says, refusal.Message);
        }
        Assert.Equal(good.Id, (await db.FindCheckpointAsync(good.Name, Test)).Id);
        Assert.Equal(good.Id, (await db.FindCheckpointAsync(good.Id.ToString(), Test)).Id);
        await Assert.ThrowsAsync<MossInputException>(() => db.FindCheckpointAsync("nobody", Test));
    }

    [Fact]
    public async Task A_server_says_what_it_has_and_the_last_word_counts()
    {
        await using var db = Data.CreateDbContext();
        await db.ReportServerAsync("http://localhost:1", ServerKind.Moss, "[]", "damaged checkpoint", Test);
        await db.ReportServerAsync("http://localhost:1", ServerKind.Moss, """[{"name": "champion"}]""", null, Test);

        var server = Assert.Single(await db.ServersAsync(Test));
        Assert.Equal("""[{"name": "champion"}]""", server.Loaded);
        Assert.Null(server.Error);
    }

    [Fact]
    public async Task The_same_folder_registered_by_two_processes_is_one_checkpoint()
    {
        var same = Database.NewCheckpoint("starter");
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => Data.With(db => db.RegisterBaseAsync(
            new Checkpoint
            {
                Name = same.Name,
                Kind = same.Kind,
                Family = same.Family,
                Folder = same.Folder,
                ManifestSha256 = same.ManifestSha256,
                TemplateSha256 = same.TemplateSha256,
                CreatedAt = same.CreatedAt,
            }, Test))));

        Assert.Single(made.Select(c => c.Id).Distinct());
    }
}
