using System.Diagnostics;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.Shared;
using Moss.Data.Conversations;
using Moss.Data.Deployments;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>MOSS's side of a conversation: asks the model server and stores the reply as it arrives, whole or cut short.</summary>
//   path ──► server ──pieces──► LiveReply ──► screen (10 Hz)
//                                  └──► database: begin at the first piece, grow every second, end once
public sealed class Dialogue(DatabaseLine database, MossServer server, TimeProvider time)
{
    private static readonly TimeSpan StoreEvery = TimeSpan.FromSeconds(0.7); // a crash loses less than a second
    private static readonly TimeSpan EndPatience = TimeSpan.FromMinutes(15); // for a lost database to come back

    /// <summary>Streams the reply to the last message of the path into <paramref name="live"/>. Cancelling it keeps what was seen.</summary>
    /// <exception cref="MossServerException">The server did not answer, or not to the end; what came is stored.</exception>
    public async Task ReplyAsync(
        Guid conversationId, IReadOnlyList<Message> path, LiveReply live, Sampling sampling, CancellationToken stop)
    {
        using var storing = new CancellationTokenSource();
        Task? stored = null;
        var clock = Stopwatch.StartNew();
        var outcome = new ReplyOutcome("cut_off");
        var state = MessageState.CutShort;
        try
        {
            await foreach (var piece in server.ReplyAsync(Deployment.Champion, Lines(path), sampling, stop))
            {
                if (piece is PlacePiece { Place: var place })
                {
                    live.Place = place ?? LiveReply.QueueFull;
                    continue;
                }
                if (stored is null)
                {
                    live.Checkpoint = piece.Checkpoint;
                    await BeginAsync(conversationId, live, piece, sampling, stop);
                    stored = StoreAsync(live, storing.Token);
                }
                if (piece is TextPiece text) live.Append(text.Text);
                if (piece is not EndPiece { Figures: var f }) continue;
                live.DroppedTurns = f.DroppedTurns;
                state = MessageState.Complete;
                outcome = new ReplyOutcome(f.StopReason ?? "stop", f.TemplateSha256, f.Seed, f.PromptTokens, f.CompletionTokens,
                    f.FirstTokenMs, f.TotalMs, f.SumLogProb);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            outcome = new ReplyOutcome("stopped");
        }
        finally
        {
            if (stored is not null)
            {
                await storing.CancelAsync();
                await stored;
                if (state == MessageState.CutShort) outcome = outcome with { TotalMs = clock.Elapsed.TotalMilliseconds };
                await EndAsync(live, state, outcome);
            }
        }
    }

    private async Task BeginAsync(
        Guid conversationId, LiveReply live, ReplyPiece first, Sampling sampling, CancellationToken stop)
    {
        var name = first.Checkpoint;
        var checkpoint = await database.DoAsync(
            (db, token) => db.Checkpoints.Where(c => c.Name == name).Select(c => (Guid?)c.Id).SingleOrDefaultAsync(token), stop);
        var generation = new Generation
        {
            MessageId = live.Id,
            CheckpointId = checkpoint ?? throw new MossServerException(ServerTrouble.UnknownCheckpoint, name),
            Seed = sampling.Seed,
            Sampling = JsonSerializer.Serialize(sampling, JsonSerializerOptions.Web),
        };
        var text = (first as TextPiece)?.Text ?? "";
        await database.DoAsync((db, token) => db.BeginReplyAsync(live.Id, conversationId, live.ParentId, text, generation, token), stop);
    }

    private async Task StoreAsync(LiveReply live, CancellationToken done)
    {
        try
        {
            using var timer = new PeriodicTimer(StoreEvery, time);
            for (var seen = 0; await timer.WaitForNextTickAsync(done);)
            {
                if (live.Length == seen) continue;
                var text = live.Text;
                seen = text.Length;
                await database.DoAsync((db, token) => db.GrowReplyAsync(live.Id, text, token), done);
            }
        }
        catch (OperationCanceledException) { /* the reply ended; EndAsync stores the rest */ }
    }

    private async Task EndAsync(LiveReply live, MessageState state, ReplyOutcome outcome)
    {
        using var patience = new CancellationTokenSource(EndPatience); // not the page's token: leaving must not lose the words
        var text = live.Text;
        await database.DoAsync((db, token) => db.EndReplyAsync(live.Id, text, state, outcome, token), patience.Token);
    }

    private static List<ChatLine> Lines(IReadOnlyList<Message> path) =>
        [.. path.Where(m => m.Text.Length > 0).Select(m => new ChatLine(
            m.Role switch { Role.System => "system", Role.Human => "user", Role.Tool => "tool", _ => "assistant" }, m.Text))];
}
