namespace Moss.Model.Generation;

/// <summary>Chooses one token from logits, in managed code, so that a seed means the same on every machine.</summary>
/// <remarks>Order as in transformers: repetition penalty, temperature, top-k, top-p.</remarks>
internal sealed class Sampler(SamplingOptions options)
{
    private readonly HashSet<int> _said = [];
    private long _drawn;

    /// <summary>Remembers a token for the repetition penalty.</summary>
    public void Said(int id) => _said.Add(id);

    /// <param name="logits">(V) raw scores of the tokens that may be chosen; overwritten.</param>
    /// <returns>The token and its log-probability in nats under the model itself, before any of the options.</returns>
    public (int Id, double LogProb) Choose(Span<float> logits)
    {
        var total = LogSumExp(logits);
        var own = logits.ToArray();
        Penalize(logits);
        var id = options.Temperature == 0 ? Likeliest(logits) : Draw(logits);
        return (id, own[id] - total);
    }

    private void Penalize(Span<float> logits)
    {
        if (options.RepetitionPenalty == 1) return;
        var penalty = (float)options.RepetitionPenalty;
        foreach (var id in _said)
            if (id < logits.Length) logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }

    private int Draw(ReadOnlySpan<float> logits)
    {
        var candidates = Enumerable.Range(0, logits.Length).ToArray();
        var scores = logits.ToArray();
        // Likeliest first; on a tie the smaller id, so that the order is one.
        Array.Sort(candidates, (a, b) => scores[b].CompareTo(scores[a]) is var order and not 0 ? order : a.CompareTo(b));
        var count = options.TopK > 0 ? Math.Min(options.TopK, candidates.Length) : candidates.Length;

        var weights = new double[count];
        var sum = 0.0;
        for (var i = 0; i < count; i++) sum += weights[i] = Math.Exp((scores[candidates[i]] - scores[candidates[0]]) / options.Temperature);
        var (kept, mass) = (0, 0.0);
        while (kept < count && mass < options.TopP * sum) mass += weights[kept++];

        var point = NextUniform() * mass;
        for (var i = 0; i < kept; i++)
            if ((point -= weights[i]) < 0) return candidates[i];
        return candidates[Math.Max(0, kept - 1)];
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
        var (most, sum) = (float.NegativeInfinity, 0.0);
        foreach (var logit in logits) most = Math.Max(most, logit);
        if (!float.IsFinite(most)) throw new InvalidDataException("The network's scores are not finite numbers; its weights are damaged. Deploy another checkpoint.");
        foreach (var logit in logits) sum += Math.Exp(logit - most);
        return most + Math.Log(sum);
    }
}
