using System.Diagnostics;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Annotate.Tests.Setup;

namespace Moss.Annotate.Tests.Conversations;

public sealed class MossServerTests
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_reply_arrives_in_pieces_and_ends_with_its_figures()
    {
        await using var serve = await ScriptedServe.StartAsync();
        var pieces = await PiecesAsync(serve.Url);

        Assert.Equal(serve.Pieces, pieces.OfType<TextPiece>().Select(p => p.Text));
        Assert.Equal(new ReplyFigures(new string('a', 64), 7, "stop", 9, 6, 3.5, 20.25, -1.5), Assert.IsType<EndPiece>(pieces[^1]).Figures);
        Assert.Equal("champion", serve.Asked.GetProperty("model").GetString());
        Assert.Equal(("user", "Who?"), (serve.Asked.GetProperty("messages")[0].GetProperty("role").GetString(), serve.Asked.GetProperty("messages")[0].GetProperty("content").GetString()));
        Assert.Equal(0, serve.Asked.GetProperty("temperature").GetDouble());
        Assert.True(serve.Asked.GetProperty("stream").GetBoolean());
    }

    [Fact]
    public async Task The_first_piece_does_not_wait_for_the_last()
    {
        await using var serve = await ScriptedServe.StartAsync();
        (serve.Pieces, serve.Pause) = (["now", "much", "later"], TimeSpan.FromSeconds(5));
        var clock = Stopwatch.StartNew();
        await foreach (var piece in Server(serve.Url).ReplyAsync("champion", [new("user", "Who?")], Sampling.MostLikely, Test))
        {
            Assert.Equal("now", Assert.IsType<TextPiece>(piece).Text);
            break;
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(4));
        await serve.ClientLeft.Task.WaitAsync(TimeSpan.FromSeconds(8), Test); // breaking off closes the connection
    }

    [Theory]
    [InlineData(429, ServerTrouble.Busy)]
    [InlineData(503, ServerTrouble.NotReady)]
    [InlineData(400, ServerTrouble.Refused)]
    [InlineData(500, ServerTrouble.Refused)]
    public async Task A_refusal_is_told_with_the_servers_own_sentence(int status, ServerTrouble trouble)
    {
        await using var serve = await ScriptedServe.StartAsync();
        serve.Refusal = (status, "64 requests are waiting");
        var thrown = await Assert.ThrowsAsync<MossServerException>(() => PiecesAsync(serve.Url));
        Assert.Equal((trouble, "64 requests are waiting"), (thrown.Trouble, thrown.Message));
    }

    [Fact]
    public async Task The_place_in_the_queue_is_told_while_waiting_and_a_full_queue_is_asked_again()
    {
        await using var serve = await ScriptedServe.StartAsync();
        (serve.BusyFirst, serve.Comments) = (1, [": queue 3", ": queue 1", ": reading", ": anything"]);
        var pieces = await PiecesAsync(serve.Url);

        Assert.Equal([null, 3, 1, 0], pieces.OfType<PlacePiece>().Select(p => p.Place));
        Assert.Equal(serve.Pieces, pieces.OfType<TextPiece>().Select(p => p.Text));
        Assert.Equal(2, serve.Requests);
    }

    [Fact]
    public async Task A_server_that_dies_in_the_middle_is_told_from_one_that_is_not_there()
    {
        await using var serve = await ScriptedServe.StartAsync();
        serve.Cut = true;
        Assert.Equal(ServerTrouble.CutOff, (await Assert.ThrowsAsync<MossServerException>(() => PiecesAsync(serve.Url))).Trouble);
        Assert.Equal(ServerTrouble.Unreachable, (await Assert.ThrowsAsync<MossServerException>(() => PiecesAsync(new Uri("http://127.0.0.1:9")))).Trouble);
    }

    private static MossServer Server(Uri url) => new(new HttpClient { BaseAddress = url });

    private static async Task<List<ReplyPiece>> PiecesAsync(Uri url)
    {
        var pieces = new List<ReplyPiece>();
        await foreach (var piece in Server(url).ReplyAsync("champion", [new("user", "Who?")], Sampling.MostLikely, Test)) pieces.Add(piece);
        return pieces;
    }
}
