using static TorchSharp.torch;

namespace Moss.Model.Inference;

/// <summary>The network itself, all sequences in one pass: for devices that have no kernels of ours.</summary>
internal sealed class NetworkDecoder(Transformer network, int mostSequences) : StepDecoder
{
    private float[] _logits = [];

    public override int MostSequences => mostSequences;

    public override void Step(ReadOnlySpan<int> ids, ReadOnlySpan<KvCache> caches)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (read, segments) = (new long[ids.Length], new Segment[ids.Length]);
        for (var i = 0; i < ids.Length; i++) (read[i], segments[i]) = (ids[i], new Segment(1, caches[i]));
        _logits = network.NextLogits(tensor(read, int64, network.Device), segments).cpu().data<float>().ToArray();
    }

    public override Span<float> Logits(int sequence) => _logits.AsSpan(sequence * network.Config.VocabSize, network.Config.VocabSize);

    public override void Dispose() { }
}
