using Microsoft.Extensions.Options;
using Moss.Model.Checkpoints;
using Moss.Model.Generation;
using Moss.Trainer.Serving;
using Moss.Trainer.Serving.Admission;
using TorchSharp;

namespace Moss.Trainer.Tests.Serving;

public sealed class AbandonTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("moss-abandon-").FullName;

    [Fact]
    public void A_reply_whose_client_has_gone_makes_no_further_token_and_gives_everything_back()
    {
        BabblingCheckpoint.Make(_root, "a", seed: 1);
        using var served = new ServedCheckpoint(Guid.CreateVersion7(), "a", LoadedCheckpoint.Load(Path.Combine(_root, "a"), torch.CPU), default);
        var (givenBack, clock) = (0, TimeProvider.System);
        var admissions = new Admissions(Options.Create(new ServeOptions { RepliesAtOnce = 2 }), clock);
        var request = new ReplyRequest("a", new SamplingOptions { MaxNewTokens = 100 }, 2, Stream: true, IncludeUsage: false);
        var prompt = new ReplyPrompt([5, 6, 7], request.Sampling);
        using var client = new CancellationTokenSource();
        using var group = new ReplyGroup(request, new CheckpointLease(served, () => givenBack++), [prompt, prompt],
            admissions.Admit("a", 2, 206), 0, clock.GetTimestamp(), clock, client.Token);

        foreach (var reply in group.Replies) Assert.True(reply.Read());
        client.Cancel();
        foreach (var reply in group.Replies)
        {
            Assert.False(reply.Continue(new float[served.Loaded.Tokenizer.Size]));
            Assert.Equal(3 + 1, reply.TokensSoFar); // the one that was there before
            Assert.IsType<OperationCanceledException>(reply.Failure);
        }
        Assert.Throws<ApiRefusal>(() => admissions.Admit("a", 1, 1));
        foreach (var reply in group.Replies) reply.Dispose();
        Assert.Equal(1, givenBack);
        group.Dispose();
        Assert.NotNull(admissions.Admit("a", 1, 1));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
