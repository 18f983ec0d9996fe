using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>Causal self-attention with rotary positions and shared key/value heads.</summary>
/// <remarks>Shapes: B batch, T tokens, S tokens seen so far, D hidden, H query heads, K key/value heads, E head dimension.</remarks>
internal sealed class Attention : Module
{
    [ComponentName(Name = "q_proj")] private readonly Linear _query;
    [ComponentName(Name = "k_proj")] private readonly Linear _key;
    [ComponentName(Name = "v_proj")] private readonly Linear _value;
    [ComponentName(Name = "o_proj")] private readonly Linear _output;
    [ComponentName(Name = "q_norm")] private readonly RmsNorm? _queryNorm;
    [ComponentName(Name = "k_norm")] private readonly RmsNorm? _keyNorm;
    private readonly ModelConfig _config;
    private readonly int _layer;

    public Attention(ModelConfig config, int layer, Device device) : base(nameof(Attention))
    {
        (_config, _layer) = (config, layer);
        var (queries, keys) = (config.HeadCount * config.HeadDim, config.KeyValueHeadCount * config.HeadDim);
        _query = Linear(config.HiddenSize, queries, config.QueryKeyValueBias, device);
        _key = Linear(config.HiddenSize, keys, config.QueryKeyValueBias, device);
        _value = Linear(config.HiddenSize, keys, config.QueryKeyValueBias, device);
        _output = Linear(queries, config.HiddenSize, config.OutputBias, device);
        if (config.QueryKeyNorm)
        {
            _queryNorm = new RmsNorm(config.HeadDim, config.NormEpsilon, device);
            _keyNorm = new RmsNorm(config.HeadDim, config.NormEpsilon, device);
        }
        RegisterComponents();
    }

    /// <param name="x">(B, T, D) activations.</param>
    /// <param name="cos">(T, E) cosines of the tokens' positions.</param>
    /// <param name="sin">(T, E) sines, laid out as <paramref name="cos"/>.</param>
    /// <param name="mask">(T, S) true where a token may look, or null when plain causality says it all.</param>
    /// <param name="cache">Earlier tokens' keys and values, extended by this call; null for whole sequences.</param>
    /// <returns>(B, T, D), owned by the caller's dispose scope.</returns>
    public Tensor Forward(Tensor x, Tensor cos, Tensor sin, Tensor? mask, KvCache? cache)
    {
        using var scope = NewDisposeScope();
        var (b, t) = (x.shape[0], x.shape[1]);
        var query = Heads(_query.forward(x), _config.HeadCount, _queryNorm);                 // (B, H, T, E)
        var key = Heads(_key.forward(x), _config.KeyValueHeadCount, _keyNorm);               // (B, K, T, E)
        var value = Heads(_value.forward(x), _config.KeyValueHeadCount, norm: null);         // (B, K, T, E)
        query = Rotary.Turn(query, cos, sin);
        key = Rotary.Turn(key, cos, sin);
        if (cache is not null) (key, value) = cache.Append(_layer, key, value);              // (1, K, S, E)

        var causal = mask is null && t > 1;
        var mixed = functional.scaled_dot_product_attention(
            query, ForEveryQuery(key), ForEveryQuery(value), mask!, is_casual: causal);      // sic: TorchSharp's spelling
        return _output.forward(mixed.transpose(1, 2).reshape(b, t, _config.HeadCount * _config.HeadDim)).MoveToOuterDisposeScope();

        Tensor Heads(Tensor part, int heads, RmsNorm? norm)
        {
            var split = part.view(b, t, heads, _config.HeadDim);
            return (norm is null ? split : norm.forward(split)).transpose(1, 2);
        }
    }

    /// <summary>(B, K, S, E) → (B, H, S, E): query heads g·H/K … share key head g.</summary>
    private Tensor ForEveryQuery(Tensor x)
    {
        var (b, k, s, e) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        var sharing = _config.HeadCount / k;
        return sharing == 1 ? x : x.unsqueeze(2).expand(b, k, sharing, s, e).reshape(b, k * sharing, s, e);
    }
}
