using Moss.Model.Native;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>Causal self-attention with shared key/value heads.</summary>
/// <remarks>Shapes: N tokens of all sequences, B sequences, T tokens of one, S tokens seen so far, D hidden, H query heads, K key/value heads, E head dimension.</remarks>
internal sealed class Attention : Module
{
    [ComponentName(Name = "q_proj")] private readonly Linear _query;
    [ComponentName(Name = "k_proj")] private readonly Linear _key;
    [ComponentName(Name = "v_proj")] private readonly Linear _value;
    [ComponentName(Name = "o_proj")] private readonly Linear _output;
    [ComponentName(Name = "q_norm")] private readonly Norm? _queryNorm;
    [ComponentName(Name = "k_norm")] private readonly Norm? _keyNorm;
    private readonly ModelConfig _config;
    private readonly int _layer;

    public Attention(ModelConfig config, int layer, Device device, ScalarType type) : base(nameof(Attention))
    {
        (_config, _layer) = (config, layer);
        var (queries, keys) = (config.HeadCount * config.HeadDim, config.KeyValueHeadCount * config.HeadDim);
        _query = new(config.HiddenSize, queries, config.QueryKeyValueBias, device, type);
        _key = new(config.HiddenSize, keys, config.QueryKeyValueBias, device, type);
        _value = new(config.HiddenSize, keys, config.QueryKeyValueBias, device, type);
        _output = new(queries, config.HiddenSize, config.OutputBias, device, type);
        if (config.QueryKeyNorm)
        {
            _queryNorm = new Norm(config.Norm, config.HeadDim, config.NormEpsilon, device, type);
            _keyNorm = new Norm(config.Norm, config.HeadDim, config.NormEpsilon, device, type);
        }
        RegisterComponents();
    }

    /// <param name="x">(N, D) normed activations.</param>
    /// <param name="pass">Where each token belongs.</param>
    /// <returns>(N, D), owned by the caller's dispose scope.</returns>
    public Tensor Forward(Tensor x, Pass pass)
    {
        using var scope = NewDisposeScope();
        var tape = pass.Tape;
        var (query, key, value) = (_query.Forward(x, tape), _key.Forward(x, tape), _value.Forward(x, tape));
        var mixed = WholeHere(query, pass) ? MixedHere(query, key, value, pass)
            : tape is null ? Mixed(query, key, value, pass)
            : tape.Record(given => Mixed(given[0], given[1], given[2], pass), query, key, value);
        return _output.Forward(mixed, tape).MoveToOuterDisposeScope();
    }

    /// <param name="gradient">(N, D) at the result.</param>
    /// <returns>(N, D) gradient at x.</returns>
    public Tensor Backward(Tensor gradient, Pass pass, Tape tape)
    {
        using var scope = NewDisposeScope();
        var mixed = _output.Backward(gradient, tape);
        var (query, key, value) = WholeHere(mixed, pass) ? UnmixedHere(mixed, pass, tape) : tape.Replay(mixed) is [var q, var k, var v] ? (q, k, v) : default;
        var x = _value.Backward(value, tape);
        _key.Backward(key, tape, x);
        return _query.Backward(query, tape, x).MoveToOuterDisposeScope();
    }

    /// <summary>Whether <see cref="CausalAttention"/> can do it: whole sequences in this process's memory, and no graph asked for.</summary>
    private static bool WholeHere(Tensor x, Pass pass) =>
        Numbers.Here(x) && !(is_grad_enabled() && x.requires_grad) && pass.Segments.All(s => s.Cache is null);

    private Tensor MixedHere(Tensor query, Tensor key, Tensor value, Pass pass)
    {
        using var scope = NewDisposeScope();
        var (tape, turns) = (pass.Tape, Turns(pass));
        var q = tape is null || !turns ? Query(query, pass) : tape.Record(given => Query(given[0], pass), query);
        var k = tape is null || !turns ? Key(key, pass) : tape.Record(given => Key(given[0], pass), key);
        var v = Heads(value, _config.KeyValueHeadCount, norm: null);
        Tensor[] mixed = [.. Runs(pass.Segments).Select(run => CausalAttention.Forward(run.Of(q), run.Of(k), run.Of(v), run.Sequences, tape))];
        return (mixed is [var only] ? only : cat(mixed, 0)).MoveToOuterDisposeScope();
    }

    private (Tensor Query, Tensor Key, Tensor Value) UnmixedHere(Tensor gradient, Pass pass, Tape tape)
    {
        using var scope = NewDisposeScope();
        var parts = Runs(pass.Segments).Reverse().Select(run => CausalAttention.Backward(run.Of(gradient), run.Sequences, tape)).Reverse().ToList();
        var (q, k, v) = (Joined(p => p.Query), Joined(p => p.Key), Joined(p => p.Value));
        if (!Turns(pass)) return scope.MoveToOuter(q, k, v);
        k = tape.Replay(k.view(k.shape[0], _config.KeyValueHeadCount, _config.HeadDim))[0];
        q = tape.Replay(q.view(q.shape[0], _config.HeadCount, _config.HeadDim))[0];
        return scope.MoveToOuter(q, k, v);

        Tensor Joined(Func<(Tensor Query, Tensor Key, Tensor Value), Tensor> part)
        {
            Tensor[] all = [.. parts.Select(part)];
            return (all is [var only] ? only : cat(all, 0)).flatten(1);
        }
    }

    /// <summary>Neighbouring sequences of one length, without a past: they share their calls.</summary>
    private readonly record struct Run(long Start, int Sequences, int Length)
    {
        public Tensor Of(Tensor x) => Sequences * (long)Length == x.shape[0] ? x : x.narrow(0, Start, Sequences * (long)Length);
    }

    private static IEnumerable<Run> Runs(IReadOnlyList<Segment> segments)
    {
        var start = 0L;
        for (int i = 0, alike; i < segments.Count; i += alike)
        {
            alike = 1;
            while (segments[i].Cache is null && i + alike < segments.Count && segments[i + alike] == segments[i]) alike++;
            yield return new(start, alike, segments[i].Count);
            start += (long)alike * segments[i].Count;
        }
    }

    /// <returns>(N, H·E): for each token and head, what it takes from the tokens it sees.</returns>
    private Tensor Mixed(Tensor query, Tensor key, Tensor value, Pass pass)
    {
        using var scope = NewDisposeScope();
        return Mixed(Query(query, pass), Key(key, pass), Heads(value, _config.KeyValueHeadCount, norm: null), pass.Segments).MoveToOuterDisposeScope();
    }

    private bool Turns(Pass pass) => pass.Cos is not null || _queryNorm is not null;

    private Tensor Query(Tensor query, Pass pass) => Turned(Heads(query, _config.HeadCount, _queryNorm), pass);        // (N, H, E)

    private Tensor Key(Tensor key, Pass pass) => Turned(Heads(key, _config.KeyValueHeadCount, _keyNorm), pass);        // (N, K, E)

    private Tensor Heads(Tensor part, int heads, Norm? norm)
    {
        var split = part.view(part.shape[0], heads, _config.HeadDim);
        return norm is null ? split : norm.forward(split);
    }

    private Tensor Turned(Tensor heads, Pass pass) =>
        pass.Cos is null ? heads : Rotary.Turn(heads, pass.Cos, pass.Sin!, _config.InterleavedRotation);

    /// <summary>libtorch's own attention: for each run of whole sequences, or each sequence with a past, one call.</summary>
    /// <returns>(N, H·E).</returns>
    private Tensor Mixed(Tensor query, Tensor key, Tensor value, IReadOnlyList<Segment> segments)
    {
        var (mixed, at) = (new List<Tensor>(), 0);
        foreach (var run in Runs(segments))
        {
            var (q, k, v) = (Rows(query), Rows(key), Rows(value));
            var cache = segments[at].Cache;
            var before = cache?.Length ?? 0;
            if (cache is not null) (k, v) = cache.Append(_layer, k, v);                                              // (1, K, S, E)
            mixed.Add(Flat(run.Length == 1 ? Newest(q, k, v) : Mix(q, ForEveryQuery(k), ForEveryQuery(v), Mask(before, run.Length), causal: before == 0)));
            at += run.Sequences;

            Tensor Rows(Tensor x) => run.Of(x).view(run.Sequences, run.Length, x.shape[1], x.shape[2]).transpose(1, 2); // (B, heads, T, E)
        }
        return mixed is [var only] ? only : cat(mixed, 0);
    }

    /// <summary>One token that sees everything: the query heads that share a key head stand in for its tokens, so nothing is copied.</summary>
    private static Tensor Newest(Tensor query, Tensor key, Tensor value)
    {
        var (b, h, k, e) = (query.shape[0], query.shape[1], key.shape[1], query.shape[3]);
        return Mix(query.reshape(b, k, h / k, e), key, value, mask: null, causal: false).reshape(b, h, 1, e);
    }

    /// <summary>SDPA's own causal mask starts at the first key, so several new tokens behind earlier ones need theirs spelled out: (T, S), true where a token may look.</summary>
    private Tensor? Mask(long before, long count) =>
        before == 0 ? null : ones([count, before + count], @bool, _output.Weight.device).tril(before);

    private static Tensor Mix(Tensor query, Tensor key, Tensor value, Tensor? mask, bool causal) =>
        functional.scaled_dot_product_attention(query, key, value, mask!, is_casual: causal);                        // sic: TorchSharp's spelling

    private static Tensor Flat(Tensor mixed) => mixed.transpose(1, 2).reshape(mixed.shape[0] * mixed.shape[2], mixed.shape[1] * mixed.shape[3]);

    /// <summary>(B, K, S, E) → (B, H, S, E): query heads g·H/K … share key head g.</summary>
    private Tensor ForEveryQuery(Tensor x)
    {
        var (b, k, s, e) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        var sharing = _config.HeadCount / k;
        return sharing == 1 ? x : x.unsqueeze(2).expand(b, k, sharing, s, e).reshape(b, k * sharing, s, e);
    }
}
