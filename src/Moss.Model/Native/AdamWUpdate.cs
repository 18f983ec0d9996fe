using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Native;

/// <summary>One AdamW update in one pass over memory, clipping included: each number is read and written once. Loshchilov and Hutter 2017, arXiv:1711.05101.</summary>
/// <param name="GradientScale">What clipping leaves of each gradient.</param>
/// <param name="Steps">Updates so far, this one included.</param>
internal readonly record struct AdamWUpdate(
    double LearningRate, double Beta1, double Beta2, double WeightDecay, double Epsilon, double GradientScale, double Steps)
{
    /// <summary>Changes the weight and both moments; all float32 on the CPU, in order and of one shape.</summary>
    public unsafe void Apply(Tensor weight, Tensor gradient, Tensor first, Tensor second)
    {
        void* p = Numbers.Address(weight), g = Numbers.Address(gradient), m = Numbers.Address(first), v = Numbers.Address(second);
        var (keep, scale) = (Vector512.Create((float)(1 - LearningRate * WeightDecay)), Vector512.Create((float)GradientScale));
        var (new1, old2, new2) = (Vector512.Create((float)(1 - Beta1)), Vector512.Create((float)Beta2), Vector512.Create((float)(1 - Beta2)));
        var rate = Vector512.Create((float)(LearningRate / (1 - Math.Pow(Beta1, Steps))));
        var (root, epsilon) = (Vector512.Create((float)Math.Sqrt(1 - Math.Pow(Beta2, Steps))), Vector512.Create((float)Epsilon));
        Numbers.InShares(weight.numel(), 1, [MethodImpl(Numbers.Hot)] (start, end) =>
        {
            for (var i = start; i < end; i += Lanes.Count)
            {
                var d = Lanes.Load<Full>(g, i, end) * scale;
                var mean = Lanes.Load<Full>(m, i, end);
                mean += (d - mean) * new1;
                var square = Lanes.Load<Full>(v, i, end) * old2 + d * d * new2;
                Lanes.Store<Full>(m, i, end, mean);
                Lanes.Store<Full>(v, i, end, square);
                Lanes.Store<Full>(p, i, end, Lanes.Load<Full>(p, i, end) * keep - rate * mean / (Vector512.Sqrt(square) / root + epsilon));
            }
        });
    }
}
