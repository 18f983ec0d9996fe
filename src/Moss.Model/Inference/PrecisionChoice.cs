using Moss.Model.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Inference;

/// <summary>How many bits a checkpoint is served with: the fewest with which it still answers as it was trained.</summary>
public static class PrecisionChoice
{
    /// <summary>Share of places at which the likeliest token must be the one of the weights as trained.</summary>
    public const double LeastAgreement = 0.98;

    /// <summary>Below it all weights lie in the processor's cache, and fewer bits save nothing.</summary>
    private const long SmallNetwork = 30_000_000; // parameters

    private const int MostSequences = 16, MostTokens = 96;

    /// <summary>Measured on the prompts and answers of checks.json; without that file nothing can be shown, and all bits are kept.</summary>
    /// <returns>The choice, and the agreement that was measured for it; 1 for all bits.</returns>
    public static (WeightPrecision Precision, double Agreement) For(LoadedCheckpoint checkpoint, int threads)
    {
        var network = checkpoint.Transformer;
        if (!FastDecoder.IsSupported || network.Device.type != DeviceType.CPU || checkpoint.Config.ParameterCount < SmallNetwork) return (WeightPrecision.Full, 1);
        var texts = CheckpointChecks.Read(checkpoint.Folder.Path)?.Texts.Take(MostSequences).Select(t => t[..Math.Min(t.Length, MostTokens)]).ToList() ?? [];
        if (texts.Count == 0) return (WeightPrecision.Full, 1);
        var trained = texts.Select(text => Likeliest(network, text)).ToList();
        foreach (var precision in (WeightPrecision[])[WeightPrecision.Quarter, WeightPrecision.Half])
        {
            using var decoder = new FastDecoder(network, precision, texts.Count, threads, ScalarType.BFloat16);
            var agreement = Agreement(decoder, checkpoint.Config, texts, trained);
            if (agreement >= LeastAgreement) return (precision, agreement);
        }
        return (WeightPrecision.Full, 1);
    }

    /// <returns>Share of all places of all texts at which the decoder's likeliest token is the given one.</returns>
    internal static double Agreement(FastDecoder decoder, ModelConfig config, IReadOnlyList<int[]> texts, IReadOnlyList<long[]> expected)
    {
        var caches = texts.Select(_ => new KvCache(config)).ToList();
        var (same, all) = (0, 0);
        for (var place = 0; place < texts.Max(t => t.Length); place++)
        {
            int[] reading = [.. Enumerable.Range(0, texts.Count).Where(i => place < texts[i].Length)];
            decoder.Step([.. reading.Select(i => texts[i][place])], [.. reading.Select(i => caches[i])]);
            foreach (var (row, i) in reading.Index())
                if (Largest(decoder.Logits(row)) == expected[i][place]) same++;
            all += reading.Length;
        }
        caches.ForEach(c => c.Dispose());
        return same / (double)all;
    }

    /// <returns>The likeliest token after each place of a text.</returns>
    internal static long[] Likeliest(Transformer network, int[] text)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var ids = tensor(Array.ConvertAll(text, id => (long)id), [1, text.Length], int64, network.Device);
        return network.forward(ids).argmax(-1).flatten().cpu().data<long>().ToArray();
    }

    private static int Largest(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }
}
