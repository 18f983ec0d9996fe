using System.Globalization;
using System.Text;
using System.Text.Json;
using Moss.Trainer.Serving.Metering;

namespace Moss.Trainer.Serving;

/// <summary>Replies as server-sent events, while they grow. Who must wait is told the place in the queue in comment lines, which other clients pass over.</summary>
internal sealed class ReplyStream(HttpContext http, ReplyGroup group, ReplyForm form, ReplyJson.Completion head, ReplyLoop loop)
{
    private static readonly byte[] DataPrefix = "data: "u8.ToArray(), EventEnd = "\n\n"u8.ToArray(), Done = "data: [DONE]\n\n"u8.ToArray();

    /// <summary>A refusal that comes this soon still gets the status it deserves; then the stream begins, if only to tell the place.</summary>
    private static readonly TimeSpan BeforeTelling = TimeSpan.FromSeconds(0.25);

    private static readonly TimeSpan LookAtQueue = TimeSpan.FromSeconds(0.5);

    /// <summary>Longest silence, so that proxies and clients keep the connection.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    private CancellationToken Gone => http.RequestAborted;

    public async Task WriteAsync(bool includeUsage)
    {
        var first = group.Pieces.WaitToReadAsync(Gone).AsTask();
        if (await IsSoonAsync(first, BeforeTelling)) await first;
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            await TellPlaceAsync(first);
            foreach (var reply in group.Replies)
                if (form.Opening(reply.Index) is { } opening) await SendAsync(head with { Choices = [opening] });
            await PiecesAsync(includeUsage);
            await http.Response.Body.WriteAsync(Done, Gone);
        }
        catch (Exception e) when (!Gone.IsCancellationRequested)
        {
            // The status is long gone: say it in the stream, and send no [DONE], so that nobody takes the reply for whole.
            if (http.Features.Get<MeteringSetup.Outcome>() is { } outcome) outcome.Word = "failed";
            await SendAsync(ReplyJson.Error(e as ApiRefusal ?? new ApiRefusal(500, $"The reply broke off: {e.Message}")), ReplyJson.ErrorOptions);
        }
    }

    private async Task PiecesAsync(bool includeUsage)
    {
        var left = group.Replies.Count;
        await foreach (var piece in group.Pieces.ReadAllAsync(Gone))
        {
            var chosen = piece.Reply.Sampling.Likeliest is null ? null : piece.Chosen;
            if (piece.End is null || piece.Text.Length > 0 || piece.Chosen.Count > 0)
                await SendAsync(head with { Choices = [form.Piece(piece.Reply.Index, piece.Text, chosen, null)] });
            if (piece.End is not { } end) continue;
            var last = head with { Choices = [form.Piece(piece.Reply.Index, "", null, ReplyJson.FinishReason(end))] };
            if (--left > 0)
            {
                await SendAsync(last);
                continue;
            }
            if (includeUsage)
            {
                await SendAsync(last);
                last = head with { Usage = ReplyJson.Count(group) };
            }
            await SendAsync(last with { Moss = ReplyJson.Note(group, group.Replies[0].Ended!) });
        }
    }

    private async Task TellPlaceAsync(Task first)
    {
        var (told, at) = (0, group.Clock.GetTimestamp());
        while (!await IsSoonAsync(first, told == 0 ? TimeSpan.Zero : LookAtQueue))
        {
            var place = loop.PlaceOf(group.Replies[0]);
            if (place == told && group.Clock.GetElapsedTime(at) < Silence)
            {
                if (told == 0) await IsSoonAsync(first, LookAtQueue);
                continue;
            }
            var comment = place > 0 ? string.Create(CultureInfo.InvariantCulture, $": queue {place}\n\n") : ": reading\n\n";
            await http.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(comment), Gone);
            await http.Response.Body.FlushAsync(Gone);
            (told, at) = (place, group.Clock.GetTimestamp());
        }
        await first;
    }

    private static async Task<bool> IsSoonAsync(Task task, TimeSpan within)
    {
        await task.WaitAsync(within).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompleted;
    }

    private async Task SendAsync<T>(T chunk, JsonSerializerOptions? options = null)
    {
        await http.Response.Body.WriteAsync(DataPrefix, Gone);
        await JsonSerializer.SerializeAsync(http.Response.Body, chunk, options ?? ReplyJson.Options, Gone);
        await http.Response.Body.WriteAsync(EventEnd, Gone);
        await http.Response.Body.FlushAsync(Gone);
    }
}
