using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Inference;

/// <summary>Weight and bias of a norm in native memory.</summary>
internal sealed unsafe class FastNorm(NativeArray<float> weight, NativeArray<float>? bias) : IDisposable
{
    public float* Weight => weight.Start;

    /// <summary>Null for a root-mean-square norm.</summary>
    public float* Bias => bias is null ? null : bias.Start;

    public void Dispose()
    {
        weight.Dispose();
        bias?.Dispose();
    }
}

/// <summary>One layer's numbers, in the order in which a step reads them.</summary>
internal sealed record FastLayer(
    FastNorm Norm, RowMatrix QueryKeyValue, NativeArray<float>? QueryKeyValueBias, FastNorm? QueryNorm, FastNorm? KeyNorm,
    RowMatrix Output, NativeArray<float>? OutputBias, FastNorm? BetweenNorm,
    RowMatrix? Gate, NativeArray<float>? GateBias, RowMatrix Up, NativeArray<float>? UpBias, RowMatrix Down, NativeArray<float>? DownBias) : IDisposable
{
    public void Dispose()
    {
        foreach (var part in (IDisposable?[])[Norm, QueryKeyValue, QueryKeyValueBias, QueryNorm, KeyNorm, Output, OutputBias, BetweenNorm, Gate, GateBias, Up, UpBias, Down, DownBias])
            part?.Dispose();
    }
}

/// <summary>A copy of a network's weights as <see cref="FastDecoder"/> reads them.</summary>
internal sealed class FastWeights : IDisposable
{
    private readonly Dictionary<string, Tensor> _from;

    public FastWeights(Transformer network, WeightPrecision precision)
    {
        _from = network.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        Embedding = new TableRows(_from["model.embed_tokens.weight"]);
        Positions = _from.TryGetValue("model.embed_positions.weight", out var positions) ? new TableRows(positions) : null;
        Layers = [.. Enumerable.Range(0, network.Config.LayerCount).Select(n => Layer($"model.layers.{n}", precision))];
        LastNorm = Norm("model.norm")!;
        Head = RowMatrix.Of(precision, network.HeadWeight);
        HeadBias = Numbers("lm_head.bias");
        _from.Clear();
    }

    public TableRows Embedding { get; }
    public TableRows? Positions { get; }
    public IReadOnlyList<FastLayer> Layers { get; }
    public FastNorm LastNorm { get; }
    public RowMatrix Head { get; }
    public NativeArray<float>? HeadBias { get; }

    public long Bytes => Head.Bytes + Layers.Sum(l => l.QueryKeyValue.Bytes + l.Output.Bytes + (l.Gate?.Bytes ?? 0) + l.Up.Bytes + l.Down.Bytes);

    public void Dispose()
    {
        foreach (var layer in Layers) layer.Dispose();
        LastNorm.Dispose();
        Head.Dispose();
        HeadBias?.Dispose();
    }

    private FastLayer Layer(string name, WeightPrecision precision)
    {
        RowMatrix? Matrix(params string[] parts) => _from.ContainsKey($"{name}.{parts[0]}.weight")
            ? RowMatrix.Of(precision, [.. parts.Select(p => _from[$"{name}.{p}.weight"])]) : null;
        NativeArray<float>? Bias(params string[] parts) => Numbers([.. parts.Select(p => $"{name}.{p}.bias")]);
        string[] queryKeyValue = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];
        return new(Norm($"{name}.input_layernorm")!, Matrix(queryKeyValue)!, Bias(queryKeyValue), Norm($"{name}.self_attn.q_norm"), Norm($"{name}.self_attn.k_norm"),
            Matrix("self_attn.o_proj")!, Bias("self_attn.o_proj"), Norm($"{name}.post_attention_layernorm"),
            Matrix("mlp.gate_proj"), Bias("mlp.gate_proj"), Matrix("mlp.up_proj")!, Bias("mlp.up_proj"), Matrix("mlp.down_proj")!, Bias("mlp.down_proj"));
    }

    private FastNorm? Norm(string name) => Numbers($"{name}.weight") is { } weight ? new(weight, Numbers($"{name}.bias")) : null;

    /// <summary>Vectors one behind the other; null when the network has none of these names.</summary>
    private unsafe NativeArray<float>? Numbers(params string[] names)
    {
        if (!_from.ContainsKey(names[0])) return null;
        using var scope = NewDisposeScope();
        var all = cat([.. names.Select(n => _from[n].detach().to(float32, CPU))], 0).data<float>().ToArray();
        var copy = new NativeArray<float>(all.Length);
        all.CopyTo(new Span<float>(copy.Start, all.Length));
        return copy;
    }
}

/// <summary>Rows of an embedding table, read where the network keeps them.</summary>
internal sealed class TableRows(Tensor table)
{
    public void CopyRow(int row, Span<float> to)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var numbers = table.select(0, row).to_type(ScalarType.Float32).cpu();
        MemoryMarshal.Cast<byte, float>(numbers.bytes).CopyTo(to);
    }
}
