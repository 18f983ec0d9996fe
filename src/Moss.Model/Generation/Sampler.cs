namespace Moss.Model.Generation;

/// <summary>Chooses one token from logits, in managed code, so that a seed means the same on every machine.</summary>
/// <remarks>Order as in transformers: repetition penalty, temperature, top-k, top-p.</remarks>
internal sealed class Sampler(SamplingOptions options)
{
    private const int FirstCandidates = 64;

    private readonly HashSet<int> _said = [];
    private long _drawn;

    /// <summary>Remembers a token for the repetition penalty.</summary>
    public void Said(int id) => _said.Add(id);

    /// <param name="logits">(V) raw scores of the tokens that may be chosen; overwritten.</param>
    /// <returns>The token and its log-probability in nats under the model itself, before any of the options.</returns>
    public (int Id, double LogProb) Choose(Span<float> logits)
    {
        var total = LogSumExp(logits);
        var own = Penalize(logits);
        var id = options.Temperature == 0 ? Likeliest(logits) : Draw(logits);
        return (id, (own.TryGetValue(id, out var before) ? before : logits[id]) - total);
    }

    /// <returns>What the changed scores were before.</returns>
    private Dictionary<int, float> Penalize(Span<float> logits)
    {
        var before = new Dictionary<int, float>();
        if (options.RepetitionPenalty == 1) return before;
        var penalty = (float)options.RepetitionPenalty;
        foreach (var id in _said)
        {
            if (id >= logits.Length) continue;
            before[id] = logits[id];
            logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
        }
        return before;
    }

    private int Draw(ReadOnlySpan<float> logits)
    {
        // Likeliest first, and no more of them than top-k and top-p let through: sorting a whole vocabulary takes longer than computing it.
        for (var most = FirstCandidates; ; most *= 8)
        {
            var count = Math.Min(most, options.TopK > 0 ? Math.Min(options.TopK, logits.Length) : logits.Length);
            var candidates = Likeliest(logits, count);
            var (top, weights, sum) = (logits[candidates[0]], new double[count], 0.0);
            for (var i = 0; i < count; i++) sum += weights[i] = Weight(logits[candidates[i]]);
            // Without top-k the others count too, in what top-p is a share of.
            var all = options.TopK > 0 || count == logits.Length ? sum : Total(logits);
            var complete = count == logits.Length || count == options.TopK;

            var (kept, mass) = (0, 0.0);
            while (kept < count && mass < options.TopP * all) mass += weights[kept++];
            if (mass < options.TopP * all && !complete) continue;

            var point = NextUniform() * mass;
            for (var i = 0; i < kept; i++)
                if ((point -= weights[i]) < 0) return candidates[i];
            return candidates[Math.Max(0, kept - 1)];

            double Weight(float logit) => Math.Exp((logit - top) / options.Temperature);
            double Total(ReadOnlySpan<float> from) => Scores.SumOfExponentials(from, top, options.Temperature);
        }
    }

    /// <summary>The so many highest, highest first; on a tie the smaller id, so that the order is one.</summary>
    private static int[] Likeliest(ReadOnlySpan<float> logits, int count)
    {
        if (count == logits.Length)
        {
            var scores = logits.ToArray();
            var ids = Enumerable.Range(0, scores.Length).ToArray();
            Array.Sort(ids, (a, b) => scores[b].CompareTo(scores[a]) is var order and not 0 ? order : a.CompareTo(b));
            return ids;
        }
        // A heap of the best so far, the worst of them on top.
        var heap = new PriorityQueue<int, (float, int)>(count);
        var bar = float.NegativeInfinity;
        for (var id = 0; id < logits.Length; id++)
        {
            if (heap.Count == count && logits[id] <= bar) continue; // an equal one has a greater id
            if (heap.Count < count) heap.Enqueue(id, (logits[id], -id));
            else heap.EnqueueDequeue(id, (logits[id], -id));
            if (heap.Count == count) bar = logits[heap.Peek()];
        }
        var best = new int[count];
        for (var i = count - 1; i >= 0; i--) best[i] = heap.Dequeue();
        return best;
    }

    // SplitMix64 over (seed, draw): stateless, so a draw depends on nothing but its number. Steele et al. 2014.
    private double NextUniform()
    {
        var z = unchecked((ulong)options.Seed * 0xD1342543DE82EF95UL + (ulong)++_drawn * 0x9E3779B97F4A7C15UL);
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EBUL);
        z ^= z >> 31;
        return (z >> 11) * (1.0 / (1UL << 53));
    }

    private static int Likeliest(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var most = Scores.Largest(logits);
        if (!float.IsFinite(most)) throw new InvalidDataException("The network's scores are not finite numbers; its weights are damaged. Deploy another checkpoint.");
        return most + Math.Log(Scores.SumOfExponentials(logits, most, 1));
    }
}
