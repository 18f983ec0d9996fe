using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Moss.Model;

/// <summary>scale · B·(A·x): a change of a linear layer that has rank r. Hu et al. 2021, arXiv:2106.09685.</summary>
/// <param name="A">(r, in) float32.</param>
/// <param name="B">(out, r) float32; zero at the start, so that the layer begins unchanged.</param>
/// <param name="Scale">alpha / r, or alpha / √r (rsLoRA).</param>
internal sealed record LowRank(Parameter A, Parameter B, double Scale) : IDisposable
{
    /// <summary>Drops some of x while learning; null for none. Set by the training loop for each pass.</summary>
    public Func<Tensor, Tensor>? Dropout { get; set; }

    /// <param name="x">(…, in).</param>
    /// <returns>(…, out) in x's number format.</returns>
    public Tensor Of(Tensor x)
    {
        using var scope = NewDisposeScope();
        var seen = Dropout is null ? x : Dropout(x);
        var narrow = functional.linear(seen, A.to_type(x.dtype));                                   // (…, r)
        return (functional.linear(narrow, B.to_type(x.dtype)) * Scale).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}
