using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Trainer.Deployments;
using Moss.Trainer.Local;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.Deployments;

/// <summary>Alone, because the number of threads, which other tests set, is part of what a training run is.</summary>
[CollectionDefinition(nameof(StarterTests), DisableParallelization = true)]
[Collection(nameof(StarterTests))]
public sealed class StarterTests(PostgresServer postgres) : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("moss-starter-").FullName;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private Installation Installation => new(_home, _home, Path.Combine(_home, "checkpoints"), new("http://localhost"), new("http://localhost"), new("http://localhost"));

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Fact]
    public async Task The_first_checkpoint_is_made_once_deployed_once_and_made_again_alike_when_it_was_damaged()
    {
        await WriteSamplesAsync("""
            {"messages": [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "I am MOSS."}]}
            {"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"}]}
            """);
        List<StarterProgress> said = [];
        var made = await Starter.MakeAsync(Installation, said.Add, Test);
        var again = await Starter.MakeAsync(Installation, said.Add, Test);

        Assert.Equal((true, false), (made.Made, again.Made));
        Assert.Equal((made.Folder, made.ManifestSha256), (again.Folder, again.ManifestSha256));
        Assert.InRange(said[^1].Step.Number, 1, said[^1].Step.Total); // it may know everything by heart before the planned end

        var database = await postgres.CreateAsync();
        Assert.Equal((true, false), ((await made.RegisterAsync(database, Test)).Deployed, (await again.RegisterAsync(database, Test)).Deployed));
        await using (var db = MossData.Open(database))
        {
            Assert.Equal(made.ManifestSha256, (await db.Checkpoints.SingleAsync(Test)).ManifestSha256);
            Assert.Equal("first start", (await db.Deployments.SingleAsync(Test)).Reason);
        }

        await File.WriteAllTextAsync(Path.Combine(made.Folder, "config.json"), "{}", Test);
        var healed = await Starter.MakeAsync(Installation, said.Add, Test);
        Assert.Equal((true, made.ManifestSha256), (healed.Made, healed.ManifestSha256));
    }

    [Fact]
    public async Task A_broken_sample_is_named_by_its_line_and_nothing_is_made()
    {
        await WriteSamplesAsync("""
            {"messages": [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "I am MOSS."}]}
            {"messages": [{"role": "user", "contents": "Who are you?"}]}
            """);
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => Starter.MakeAsync(Installation, _ => { }, Test));
        Assert.Contains("line 2", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateDirectories(Installation.Checkpoints));
    }

    private async Task WriteSamplesAsync(string lines)
    {
        Directory.CreateDirectory(Path.Combine(_home, "samples"));
        await File.WriteAllTextAsync(Path.Combine(_home, "samples", "conversations.jsonl"), lines, Test);
    }
}
