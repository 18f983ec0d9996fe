namespace Moss.Model.Generation;

/// <summary>Chooses one token from logits, in managed code, so that a seed means the same on every machine.</summary>
/// <remarks>Order as in transformers: repetition penalty, temperature, top-k, top-p; the reply's own penalties and biases come between the first two.</remarks>
internal sealed class Sampler(SamplingOptions options)
{
    private const int FirstCandidates = 64;

    /// <summary>So many choices that may not be are put aside one by one; then the whole vocabulary is looked through.</summary>
    private const int MostPutAside = 16;

    private readonly HashSet<int> _said = [];
    private readonly Dictionary<int, int> _chosen = []; // how often the reply has a token
    private readonly Dictionary<int, float> _own = []; // what scores were before this choice's penalties and biases
    private long _drawn;

    /// <summary>Remembers a token for the repetition penalty.</summary>
    public void Said(int id) => _said.Add(id);

    /// <param name="logits">(V) raw scores of the tokens that may be chosen; overwritten.</param>
    /// <param name="allows">Whether a token may be chosen here; null allows all.</param>
    /// <returns>The token, its log-probability in nats under the model itself, before any of the options, and those of the likeliest if asked for.</returns>
    public ChosenToken Choose(Span<float> logits, Func<int, bool>? allows = null)
    {
        var total = LogSumExp(logits);
        IReadOnlyList<(int, double)> likeliest = options.Likeliest is > 0 and var most ? ToldOf(logits, most, total) : [];
        _own.Clear();
        Penalize(logits);
        Bias(logits);
        var id = ChooseAllowed(logits, allows);
        _chosen[id] = _chosen.GetValueOrDefault(id) + 1;
        return new(id, (_own.TryGetValue(id, out var before) ? before : logits[id]) - total, likeliest);
    }

    private static List<(int, double)> ToldOf(ReadOnlySpan<float> logits, int most, double total)
    {
        var told = new List<(int, double)>();
        foreach (var id in Likeliest(logits, Math.Min(most, logits.Length))) told.Add((id, logits[id] - total));
        return told;
    }

    private void Penalize(Span<float> logits)
    {
        if (options.RepetitionPenalty == 1) return;
        var penalty = (float)options.RepetitionPenalty;
        foreach (var id in _said)
        {
            if (id >= logits.Length) continue;
            _own[id] = logits[id];
            logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
        }
    }

    private void Bias(Span<float> logits)
    {
        if (options.PresencePenalty != 0 || options.FrequencyPenalty != 0)
            foreach (var (id, times) in _chosen) Add(logits, id, -(options.PresencePenalty + options.FrequencyPenalty * times));
        foreach (var (id, bias) in options.LogitBias) Add(logits, id, bias);
    }

    private void Add(Span<float> logits, int id, double amount)
    {
        if (id >= logits.Length) return;
        _own.TryAdd(id, logits[id]);
        logits[id] += (float)amount;
    }

    // What may not be is put aside and the choice made again: among those that may, this leaves all odds as they are, and looks at few tokens.
    private int ChooseAllowed(Span<float> logits, Func<int, bool>? allows)
    {
        for (var aside = 0; ; aside++)
        {
            var id = options.Temperature == 0 ? Scores.IndexOfLargest(logits) : Draw(logits);
            if (allows is null || allows(id)) return id;
            if (aside > MostPutAside) throw new InvalidDataException(
                "No token of this tokenizer may come next, so the reply cannot keep to the form that was asked for.");
            logits[id] = float.NegativeInfinity;
            if (aside < MostPutAside) continue;
            for (var other = 0; other < logits.Length; other++)
                if (!allows(other)) logits[other] = float.NegativeInfinity;
        }
    }

    private int Draw(ReadOnlySpan<float> logits)
    {
        if (options is { TopK: 0, TopP: 1 }) return DrawFromAll(logits);
        // Likeliest first, and no more of them than top-k and top-p let through: sorting a whole vocabulary takes longer than computing it.
        for (var most = FirstCandidates; ; most *= 8)
        {
            var count = Math.Min(options.TopK > 0 ? options.TopK : most, logits.Length);
            var candidates = Likeliest(logits, count);
            var (top, weights, sum) = (logits[candidates[0]], new double[count], 0.0);
            for (var i = 0; i < count; i++) sum += weights[i] = Math.Exp((logits[candidates[i]] - top) / options.Temperature);
            // Without top-k the others count too, in what top-p is a share of.
            var complete = options.TopK > 0 || count == logits.Length;
            var all = complete ? sum : Scores.SumOfExponentials(logits, top, options.Temperature);

            var (kept, mass) = (0, 0.0);
            while (kept < count && mass < options.TopP * all) mass += weights[kept++];
            if (mass < options.TopP * all && !complete) continue;

            var point = NextUniform() * mass;
            for (var i = 0; i < kept; i++)
                if ((point -= weights[i]) < 0) return candidates[i];
            return candidates[Math.Max(0, kept - 1)];
        }
    }

    /// <summary>Nothing is left out, so nothing has to be sorted: tokens in the order of their ids.</summary>
    private int DrawFromAll(ReadOnlySpan<float> logits)
    {
        var top = Scores.Largest(logits);
        var left = NextUniform() * Scores.SumOfExponentials(logits, top, options.Temperature);
        for (var id = 0; id < logits.Length; id++)
            if ((left -= Math.Exp((logits[id] - top) / options.Temperature)) < 0) return id;
        return Scores.IndexOfLargest(logits); // the sum's last digits
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

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var most = Scores.Largest(logits);
        if (!float.IsFinite(most)) throw new InvalidDataException("The network's scores are not finite numbers; its weights are damaged. Deploy another checkpoint.");
        return most + Math.Log(Scores.SumOfExponentials(logits, most, 1));
    }
}
