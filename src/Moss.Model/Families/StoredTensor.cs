using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model.Families;

/// <summary>Rows of a stored tensor that make up one parameter; none named means all.</summary>
internal sealed record StoredPart(string Parameter, IReadOnlyList<(long Start, long Count)> Rows);

/// <summary>A tensor as a family's files hold it, and the parameters of our network that are in it.</summary>
/// <param name="Name">In the file.</param>
/// <param name="Transposed">The file holds (in, out) where the network has (out, in).</param>
internal sealed record StoredTensor(string Name, IReadOnlyList<StoredPart> Parts, bool Transposed = false)
{
    public StoredTensor(string name, string parameter, bool transposed = false) : this(name, [new(parameter, [])], transposed) { }

    /// <summary>The parameter whose bytes these are, or null when they have to be taken apart.</summary>
    public string? Whole => !Transposed && Parts is [{ Rows.Count: 0 } only] ? only.Parameter : null;

    /// <summary>Its shape in the file.</summary>
    public long[] Shape(IReadOnlyDictionary<string, Parameter> parameters)
    {
        long[] shape = [.. parameters[Parts[0].Parameter].shape];
        shape[0] = Parts.Sum(p => parameters[p.Parameter].shape[0]);
        return Transposed ? [shape[1], shape[0]] : shape;
    }

    /// <summary>Copies what the file held into the parameters.</summary>
    public void TakeApart(Tensor stored, IReadOnlyDictionary<string, Parameter> parameters) =>
        EachPart(stored, parameters, (parameter, rows) => parameter.copy_(rows));

    /// <returns>What the file is to hold; owned by the caller's scope.</returns>
    public Tensor PutTogether(IReadOnlyDictionary<string, Parameter> parameters)
    {
        using var scope = NewDisposeScope();
        var first = parameters[Parts[0].Parameter];
        if (Whole is not null) return first.alias().MoveToOuterDisposeScope();
        var stored = empty(Shape(parameters), first.dtype, first.device);
        EachPart(stored, parameters, (parameter, rows) => rows.copy_(parameter));
        return stored.MoveToOuterDisposeScope();
    }

    private void EachPart(Tensor stored, IReadOnlyDictionary<string, Parameter> parameters, Action<Tensor, Tensor> copy)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var rows = Transposed ? stored.t() : stored; // (out, in)
        foreach (var part in Parts)
        {
            var (parameter, at) = (parameters[part.Parameter], 0L);
            foreach (var (start, count) in part.Rows.Count == 0 ? [(0L, rows.shape[0])] : part.Rows)
            {
                copy(parameter.narrow(0, at, count), rows.narrow(0, start, count));
                at += count;
            }
        }
    }
}
