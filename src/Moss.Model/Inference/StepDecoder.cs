using TorchSharp;

namespace Moss.Model.Inference;

/// <summary>Reads one more token of each of several sequences, and gives each one's scores for what follows.</summary>
public abstract class StepDecoder : IDisposable
{
    /// <summary>Largest batch.</summary>
    public abstract int MostSequences { get; }

    /// <summary>Reads one token of each sequence and extends their caches.</summary>
    /// <param name="ids">One token per sequence.</param>
    /// <param name="caches">What each sequence said before.</param>
    public abstract void Step(ReadOnlySpan<int> ids, ReadOnlySpan<KvCache> caches);

    /// <summary>(V) scores that follow a sequence's newest token; valid until the next step, and the caller's to overwrite.</summary>
    public abstract Span<float> Logits(int sequence);

    /// <summary>The fastest way of this machine: managed kernels where it has the vector units, else the network itself.</summary>
    /// <param name="network">Reads the prompts; must stay until this is disposed.</param>
    public static StepDecoder For(Transformer network, WeightPrecision precision, int mostSequences, int threads) =>
        FastDecoder.IsSupported && network.Device.type == DeviceType.CPU && network.ComputeType is torch.ScalarType.Float32 or torch.ScalarType.BFloat16
            ? new FastDecoder(network, precision, mostSequences, threads, network.ComputeType)
            : new NetworkDecoder(network, mostSequences);

    public abstract void Dispose();
}
