using Moss.Data.Deployments;
using Moss.Model.Checkpoints;
using Moss.Trainer.Serving;
using Moss.Trainer.Tests.Setup;
using TorchSharp;

namespace Moss.Trainer.Tests.Serving;

public sealed class RosterTests : IDisposable
{
    private readonly Roster _roster = new(TimeProvider.System);

    [Fact]
    public void A_checkpoint_loaded_twice_at_the_same_time_is_kept_once()
    {
        var id = Guid.CreateVersion7();
        var (first, second) = (Load(id), Load(id));
        var weights = (First: first.Loaded.Transformer.parameters().First(), Second: second.Loaded.Transformer.parameters().First());

        _roster.TakeIn(first);
        _roster.TakeIn(second);

        Assert.True(_roster.TryAppoint(Deployment.Champion, id));
        using var lease = _roster.Lease(Deployment.Champion);
        Assert.Same(first, lease!.Checkpoint);
        Assert.Same(first, Assert.Single(_roster.Posts).Checkpoint);
        Assert.Equal((false, true), (weights.First.IsInvalid, weights.Second.IsInvalid));
    }

    [Fact]
    public void A_checkpoint_that_was_freed_meanwhile_is_not_appointed()
    {
        var served = Load(Guid.CreateVersion7());
        _roster.TakeIn(served);
        Assert.Equal(["tiny"], _roster.FreeIdle(TimeSpan.Zero));

        Assert.False(_roster.TryAppoint(Deployment.Champion, served.Id));
        Assert.Empty(_roster.Posts);
    }

    public void Dispose() => _roster.Dispose();

    private static ServedCheckpoint Load(Guid id) =>
        new(id, "tiny", LoadedCheckpoint.Load(TinyCheckpoint.Folder, torch.CPU), TimeProvider.System.GetUtcNow());
}
