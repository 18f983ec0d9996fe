using Moss.Data.Training;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;

namespace Moss.Trainer.Tests.Training;

public class MetricWriterTests(PostgresServer server)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Numbers_that_the_database_did_not_get_before_a_crash_are_sent_by_the_next_attempt()
    {
        using var scene = await Scene.OpenAsync(server);
        var run = await scene.QueueAsync(await scene.FreezeAsync());
        var file = Path.Combine(scene.State, "metrics.jsonl");
        var attempt = (await scene.With(db => db.TryClaimAsync(run.Id, Patience, Test)))!.Value;

        using (var first = new MetricWriter(scene, run.Id, attempt, Patience, file))
        {
            Add(first, 1);
            first.Complete();
            Assert.True(await first.Written);
        }
        using (var second = new MetricWriter(scene, run.Id, attempt + 1, Patience, file)) // refused: what it adds stays in the file only
        {
            for (var step = 2; step <= 4; step++) Add(second, step);
            second.Complete();
            Assert.False(await second.Written);
        }
        await File.AppendAllTextAsync(file, "\n{\"Step\":5,\"Tot", Test); // killed in the middle of a line
        Assert.Equal([1], await StepsAsync());

        using var third = new MetricWriter(scene, run.Id, attempt, Patience, file);
        third.SendAgain(stored: 1, resumed: 3); // training goes on from step 3
        Add(third, 4);
        third.Complete();
        Assert.True(await third.Written);
        Assert.Equal([1, 2, 3, 4], await StepsAsync());

        async Task<IEnumerable<int>> StepsAsync() => (await scene.With(db => db.MetricsAsync(run.Id, TrainingMetric.Loss, Test))).Select(m => m.Step);
    }

    private static void Add(MetricWriter writer, int step) => writer.Add(step, 4, new() { [TrainingMetric.Loss] = 1.0 / step });
}
