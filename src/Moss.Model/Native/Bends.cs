using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Native;

/// <summary>The bend between an MLP's two matrices and its derivative, each in one pass over memory on the CPU.</summary>
internal static unsafe class Bends
{
    /// <summary>gelu(x) by the tanh formula, which is x · sigmoid(2u) with u = √(2/π) · (x + 0.044715 x³).</summary>
    /// <returns>A new tensor.</returns>
    public static Tensor Gelu(Tensor x)
    {
        var result = empty_like(x);
        void* from = Numbers.Address(x), to = Numbers.Address(result);
        if (x.dtype == ScalarType.BFloat16) Run<Half>(); else Run<Full>();
        return result;

        void Run<T>() where T : struct, INumberFormat => Numbers.InShares(x.numel(), 1, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var i = start; i < end; i += Lanes.Count)
            {
                var value = Lanes.Load<T>(from, i, end);
                Lanes.Store<T>(to, i, end, value * Sigmoid(TwoU(value)));
            }
        });
    }

    /// <summary>gradient *= gelu'(x).</summary>
    public static void GeluBackward(Tensor x, Tensor gradient)
    {
        void* from = Numbers.Address(x), at = Numbers.Address(gradient);
        if (x.dtype == ScalarType.BFloat16) Run<Half>(); else Run<Full>();

        void Run<T>() where T : struct, INumberFormat => Numbers.InShares(x.numel(), 1, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var i = start; i < end; i += Lanes.Count)
            {
                var value = Lanes.Load<T>(from, i, end);
                var s = Sigmoid(TwoU(value));
                var slope = Vector512.FusedMultiplyAdd(value * value, Vector512.Create(2 * 3 * 0.044715f * 0.7978845608f), Vector512.Create(2 * 0.7978845608f));
                Lanes.Store<T>(at, i, end, Lanes.Load<T>(at, i, end) * (s + value * s * (Vector512<float>.One - s) * slope));
            }
        });
    }

    /// <summary>silu(gate) · up.</summary>
    /// <returns>A new tensor.</returns>
    public static Tensor Gated(Tensor gate, Tensor up)
    {
        var result = empty_like(up);
        void* g = Numbers.Address(gate), u = Numbers.Address(up), to = Numbers.Address(result);
        if (up.dtype == ScalarType.BFloat16) Run<Half>(); else Run<Full>();
        return result;

        void Run<T>() where T : struct, INumberFormat => Numbers.InShares(up.numel(), 1, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var i = start; i < end; i += Lanes.Count)
            {
                var value = Lanes.Load<T>(g, i, end);
                Lanes.Store<T>(to, i, end, value * Sigmoid(value) * Lanes.Load<T>(u, i, end));
            }
        });
    }

    /// <summary>Turns gate and up into the gradients at them.</summary>
    /// <param name="gradient">At silu(gate) · up.</param>
    public static void GatedBackward(Tensor gate, Tensor up, Tensor gradient)
    {
        void* g = Numbers.Address(gate), u = Numbers.Address(up), from = Numbers.Address(gradient);
        if (up.dtype == ScalarType.BFloat16) Run<Half>(); else Run<Full>();

        void Run<T>() where T : struct, INumberFormat => Numbers.InShares(up.numel(), 1, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var i = start; i < end; i += Lanes.Count)
            {
                var (value, other, d) = (Lanes.Load<T>(g, i, end), Lanes.Load<T>(u, i, end), Lanes.Load<T>(from, i, end));
                var s = Sigmoid(value);
                Lanes.Store<T>(g, i, end, d * other * (s + value * s * (Vector512<float>.One - s)));
                Lanes.Store<T>(u, i, end, d * value * s);
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> TwoU(Vector512<float> x) =>
        x * Vector512.FusedMultiplyAdd(x * x, Vector512.Create(2 * 0.044715f * 0.7978845608f), Vector512.Create(2 * 0.7978845608f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exponential.Of(-x));
}
