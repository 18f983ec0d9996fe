using Moss.Model.Checkpoints;
using Moss.Model.Generation;
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

    /// <summary>Measured on the answers of checks.json, as they will be made: the prompt read by the network in half the bits, the answer by the decoder.</summary>
    /// <returns>The choice, and the agreement that was measured for it; 1 for all bits, which are kept where nothing can be shown.</returns>
    public static (WeightPrecision Precision, double Agreement) For(LoadedCheckpoint checkpoint, int threads)
    {
        var network = checkpoint.Transformer;
        if (!FastDecoder.IsSupported || network.Device.type != DeviceType.CPU || checkpoint.Config.ParameterCount < SmallNetwork) return (WeightPrecision.Full, 1);
        List<(int[] Prompt, int[] Answer)> texts = [.. CheckpointChecks.Read(checkpoint.Folder.Path)?.Texts ?? []];
        if (texts.Count == 0) return (WeightPrecision.Full, 1);
        var trained = texts.Select(t => Likeliest(network, t.Prompt, t.Answer)).ToList();
        using var narrow = checkpoint.Narrowed(ScalarType.BFloat16);
        foreach (var precision in (WeightPrecision[])[WeightPrecision.Quarter, WeightPrecision.Half])
        {
            var agreement = Agreement(narrow, precision, threads, texts, trained);
            if (agreement >= LeastAgreement) return (precision, agreement);
        }
        return (WeightPrecision.Full, 1);
    }

    /// <returns>Share of the answers' places at which the likeliest token is the given one.</returns>
    internal static double Agreement(
        Transformer narrow, WeightPrecision precision, int threads, IReadOnlyList<(int[] Prompt, int[] Answer)> texts, IReadOnlyList<long[]> expected)
    {
        using var decoder = new FastDecoder(narrow, precision, texts.Count, threads, narrow.ComputeType);
        var caches = texts.Select(_ => new KvCache(narrow.Config)).ToList();
        var (same, all) = (0, 0);
        foreach (var (i, text) in texts.Index())
        {
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            See(i, 0, Scores.IndexOfLargest(narrow.NextLogits(Ids(text.Prompt), caches[i]).data<float>().ToArray()));
        }
        for (var place = 0; place < texts.Max(t => t.Answer.Length); place++)
        {
            int[] reading = [.. Enumerable.Range(0, texts.Count).Where(i => place < texts[i].Answer.Length)];
            decoder.Step([.. reading.Select(i => texts[i].Answer[place])], [.. reading.Select(i => caches[i])]);
            foreach (var (row, i) in reading.Index()) See(i, place + 1, Scores.IndexOfLargest(decoder.Logits(row)));
        }
        caches.ForEach(c => c.Dispose());
        return same / (double)all;

        void See(int text, int place, int found) => (same, all) = (same + (found == expected[text][place] ? 1 : 0), all + 1);
    }

    /// <returns>The likeliest token after the prompt, and after each token of the answer.</returns>
    internal static long[] Likeliest(Transformer network, int[] prompt, int[] answer)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        return network.forward(Ids([.. prompt, .. answer])).argmax(-1).flatten().narrow(0, prompt.Length - 1, answer.Length + 1).data<long>().ToArray();
    }

    /// <returns>(1, T) int64.</returns>
    private static Tensor Ids(int[] ids) => tensor(Array.ConvertAll(ids, id => (long)id), [1, ids.Length], int64);
}
