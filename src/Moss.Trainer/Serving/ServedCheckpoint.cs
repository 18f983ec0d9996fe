using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Generation;
using Moss.Model.Inference;

namespace Moss.Trainer.Serving;

/// <summary>A verified checkpoint in memory, ready to answer several at once. How many replies use it is counted by the <see cref="Roster"/>.</summary>
internal sealed class ServedCheckpoint : IDisposable
{
    /// <param name="loaded">Belongs to this from now on.</param>
    /// <param name="precision">Bits that weights are read with; the network is kept in as many for reading prompts, at least 16.</param>
    public ServedCheckpoint(
        Guid id, string name, LoadedCheckpoint loaded, DateTimeOffset loadedAt, WeightPrecision precision = WeightPrecision.Full, int mostReplies = 16)
    {
        (Id, Name, Loaded, LoadedAt, Precision) = (id, name, loaded, loadedAt, precision);
        if (precision != WeightPrecision.Full) loaded.Narrow(TorchSharp.torch.ScalarType.BFloat16);
        Decoder = StepDecoder.For(loaded.Transformer, precision, mostReplies, TorchRuntime.Threads);
        Prefixes = new PrefixCache(mostReplies * (long)loaded.Config.ContextLength);
    }

    public Guid Id { get; }
    public string Name { get; }
    public LoadedCheckpoint Loaded { get; }
    public DateTimeOffset LoadedAt { get; }
    public WeightPrecision Precision { get; }
    public string ManifestSha256 => Loaded.ManifestSha256;

    /// <summary>Used by the loop's thread alone.</summary>
    public StepDecoder Decoder { get; }

    /// <summary>Used by the loop's thread alone.</summary>
    public PrefixCache Prefixes { get; }

    /// <summary>Memory of one token's keys and values.</summary>
    public long BytesPerToken =>
        2L * Loaded.Config.LayerCount * Loaded.Config.KeyValueHeadCount * Loaded.Config.HeadDim * (Precision == WeightPrecision.Full ? 4 : 2);

    /// <summary>Most memory that a reply's keys and values can come to.</summary>
    public long BytesFor(int promptTokens, int maxNewTokens) => BytesPerToken * Generation.RoomFor(promptTokens, maxNewTokens, Loaded.Config);

    public void Dispose()
    {
        Prefixes.Dispose();
        Decoder.Dispose();
        Loaded.Dispose();
    }
}
