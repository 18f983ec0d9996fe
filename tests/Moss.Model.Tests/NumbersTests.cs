using Moss.Model.Learning;
using Moss.Model.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class NumbersTests
{
    private static readonly float[] Odd = [0, -0f, 1e-30f, -3.3e38f, 1.00390625f, 1.01171875f, float.NaN, float.PositiveInfinity, 5, -7, 0.1f, 88, -88, 1e-3f, 2, 3, 4];

    [Theory, InlineData(ScalarType.Float32), InlineData(ScalarType.BFloat16)]
    public void The_bends_and_their_derivatives_equal_libtorch_s_at_any_length(ScalarType type)
    {
        foreach (var length in (int[])[1, 15, 16, 33, 100_001])
        {
            using var scope = NewDisposeScope();
            var (gate, up, d) = (Random(length, type, 1), Random(length, type, 2), Random(length, type, 3));
            var (wideGate, wideUp) = (gate.to_type(float32).requires_grad_(), up.to_type(float32).requires_grad_());
            var gelu = nn.functional.gelu(wideUp, GELU.Approximate.tanh);
            Near(gelu, Bends.Gelu(up), type);
            gelu.backward([d.to_type(float32)]);
            var change = d.clone();
            Bends.GeluBackward(up, change);
            Near(wideUp.grad!, change, type);

            wideUp.grad = null;
            var gated = nn.functional.silu(wideGate) * wideUp;
            Near(gated, Bends.Gated(gate, up), type);
            gated.backward([d.to_type(float32)]);
            Bends.GatedBackward(gate, up, d);
            Near(wideGate.grad!, gate, type);
            Near(wideUp.grad!, up, type);
        }
    }

    [Fact]
    public void Half_precision_is_rounded_as_libtorch_rounds_it()
    {
        using var scope = NewDisposeScope();
        var (wide, half) = (tensor(Odd), zeros(Odd.Length, dtype: ScalarType.BFloat16));
        unsafe
        {
            for (var i = 0; i < Odd.Length; i += Lanes.Count)
                Lanes.Store<Native.Half>(Numbers.Address(half), i, Odd.Length, Lanes.Load<Full>(Numbers.Address(wide), i, Odd.Length));
        }
        var expected = wide.to_type(ScalarType.BFloat16).to_type(float32).data<float>().ToArray();
        Assert.Equal(expected, half.to_type(float32).data<float>().ToArray());
        Numbers.Add(wide, half);
        Assert.Equal(expected.Zip(Odd, (a, b) => a + b), wide.data<float>().ToArray());
    }

    [Theory, InlineData(ScalarType.Float32), InlineData(ScalarType.BFloat16)]
    public void Attention_equals_libtorch_s_with_shared_heads_and_longer_than_a_block(ScalarType type)
    {
        foreach (var (sequences, tokens, heads, shared) in (ReadOnlySpan<(int, int, int, int)>)[(3, 5, 4, 2), (1, 700, 2, 2), (2, 65, 3, 1), (4, 1, 2, 1)])
        {
            using var scope = NewDisposeScope();
            var (n, e) = (sequences * tokens, 16);
            var (q, k, v, d) = (Random(n * heads * e, type, 1), Random(n * (heads / shared) * e, type, 2), Random(n * (heads / shared) * e, type, 3), Random(n * heads * e, type, 4));
            (q, k, v, d) = (q.view(n, heads, e), k.view(n, heads / shared, e), v.view(n, heads / shared, e), d.view(n, heads * e));
            Tensor[] leaves = [.. new[] { q, k, v }.Select(x => x.to_type(float32).requires_grad_())];
            var rows = leaves.Select(x => x.view(sequences, tokens, -1, e).transpose(1, 2).repeat_interleave(x.shape[1] == heads ? 1 : shared, 1)).ToArray();
            var expected = nn.functional.scaled_dot_product_attention(rows[0], rows[1], rows[2], null!, is_casual: true).transpose(1, 2).reshape(n, heads * e);
            expected.backward([d.to_type(float32)]);

            using var mode = no_grad();
            using var scratch = new Scratch();
            using var tape = new Tape(scratch);
            Near(expected, CausalAttention.Forward(q, k, v, sequences, tape), type, 4);
            var (dq, dk, dv) = CausalAttention.Backward(d, sequences, tape);
            foreach (var (leaf, found) in leaves.Zip([dq, dk, dv])) Near(leaf.grad!, found, type, 4);
        }
    }

    [Fact]
    public void An_update_equals_libtorch_s_own_with_clipping_and_decay()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (weight, first, second) = (Random(1_003, float32, 1), zeros(1_003), zeros(1_003));
        var (weight2, first2, second2, steps) = (weight.clone(), zeros(1_003), zeros(1_003), zeros([], float32));
        for (var step = 1; step <= 5; step++)
        {
            var gradient = Random(1_003, float32, (ulong)(10 + step));
            new AdamWUpdate(1e-2, 0.9, 0.95, 0.1, 1e-8, GradientScale: 0.25, step).Apply(weight, gradient, first, second);
            steps.add_(1);
            Aten.FusedAdamW([weight2], [gradient * 0.25], [first2], [second2], [steps], full([], 1e-2, float32), 0.9, 0.95, 0.1, 1e-8);
        }
        Assert.InRange((weight - weight2).abs().max().item<float>(), 0, 1e-6);
        Assert.InRange((second - second2).abs().max().item<float>(), 0, 1e-7);
    }

    [Fact]
    public void What_is_trained_must_be_kept_in_full_precision()
    {
        using var model = new Transformer(GoldenTests.Load("qwen3").Config, CPU, ScalarType.BFloat16);
        Assert.Contains("round to nothing", Assert.Throws<ArgumentException>(() => new FusedAdamW(model, 0.1)).Message, StringComparison.Ordinal);
    }

    private static Tensor Random(int length, ScalarType type, ulong seed)
    {
        using var random = new Generator(seed);
        return (randn([length], generator: random) * 2).to_type(type);
    }

    /// <summary>Within a few units in the last place of the largest number, or of one.</summary>
    private static void Near(Tensor expected, Tensor found, ScalarType type, double times = 1)
    {
        var scale = Math.Max(1, expected.detach().abs().max().item<float>());
        Assert.InRange((expected.detach() - found.to_type(float32)).abs().max().item<float>() / scale, 0, times * (type == ScalarType.BFloat16 ? 0.005 : 2e-6));
    }
}
