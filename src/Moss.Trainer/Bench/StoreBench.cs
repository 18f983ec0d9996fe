using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Projects;

namespace Moss.Trainer.Bench;

/// <summary>How long a person waits until what they said is stored: the portal's own command, a context of its own for each message, texts of real people.</summary>
internal sealed class StoreBench(Func<MossDbContext> open, int messages)
{
    private const int WarmUpMessages = 20;
    private const string Project = "bench-store", Person = "bench";

    public async Task<object> RunAsync(int writers, CancellationToken cancellation)
    {
        var (texts, project, person) = await PrepareAsync(cancellation);
        await WriteAsync(project, person, texts, WarmUpMessages, cancellation);
        var load = Conditions.LoadAverage();
        var (clock, started) = (TimeProvider.System, TimeProvider.System.GetTimestamp());
        var shares = Enumerable.Range(0, writers).Select(writer => messages / writers + (writer < messages % writers ? 1 : 0));
        var times = await Task.WhenAll(shares.Select(share => Task.Run(() => WriteAsync(project, person, texts, share, cancellation), cancellation)));
        var seconds = clock.GetElapsedTime(started).TotalSeconds;
        var spread = Spread.Of(times.SelectMany(t => t));
        return new
        {
            bench = "store-message",
            writers,
            messages,
            median_characters = texts.Select(t => t.Length).Order().ElementAt(texts.Count / 2),
            p50_ms = spread.P50,
            p95_ms = spread.P95,
            max_ms = spread.Max,
            messages_per_second = Math.Round(messages / seconds, 1),
            load_average = load,
        };
    }

    private async Task<(List<string> Texts, Guid Project, Guid Person)> PrepareAsync(CancellationToken cancellation)
    {
        await using var db = open();
        var now = TimeProvider.System.GetUtcNow();
        var texts = await db.Messages.Where(m => m.Role == Role.Human).OrderBy(m => m.Id).Select(m => m.Text).Take(messages).ToListAsync(cancellation);
        return (texts, (await db.EnsureProjectAsync(Project, now, cancellation)).Id, (await db.EnsureHumanAsync(Person, now, cancellation)).Id);
    }

    /// <returns>Milliseconds of each message. They make one conversation, each an answer to the one before.</returns>
    private async Task<List<double>> WriteAsync(Guid project, Guid person, List<string> texts, int count, CancellationToken cancellation)
    {
        var conversation = Guid.CreateVersion7();
        await using (var db = open())
            await db.StartConversationAsync(conversation, project, ConversationOrigin.Human, Project, null, person, null, null, cancellation);
        var (clock, times) = (TimeProvider.System, new List<double>());
        Guid? parent = null;
        for (var i = 0; i < count; i++)
        {
            var started = clock.GetTimestamp();
            await using var db = open();
            parent = (await db.SayAsync(Guid.CreateVersion7(), conversation, parent, texts[i % texts.Count], person, cancellation)).Id;
            times.Add(clock.GetElapsedTime(started).TotalMilliseconds);
        }
        return times;
    }
}
