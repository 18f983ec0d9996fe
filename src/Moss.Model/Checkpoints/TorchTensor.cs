namespace Moss.Model.Checkpoints;

/// <summary>The flat array of numbers under one or several tensors: a file of the archive.</summary>
/// <param name="Type">dtype in safetensors' words.</param>
/// <param name="Key">Name of the file below "data/".</param>
/// <param name="Count">Numbers in it.</param>
internal sealed record TorchStorage(string Type, string Key, long Count);

/// <summary>A tensor as torch pickles it: a view of a storage, counted in numbers, not bytes.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
{
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>Numbers from the first to the last one, both counted.</summary>
    public long Span => Shape.Contains(0) ? 0 : checked(1 + Shape.Zip(Strides).Sum(d => checked((d.First - 1) * d.Second)));

    /// <summary>Row after row without gaps; the stride of a dimension of one does not matter.</summary>
    public bool IsContiguous
    {
        get
        {
            var expected = 1L;
            for (var i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected) return false;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary>What is wrong with it, or null: everything it can address must lie in its storage.</summary>
    public string? Fault()
    {
        if (Shape.Length != Strides.Length || Shape.Length > 8) return $"has {Shape.Length} sizes and {Strides.Length} strides";
        if (Offset < 0 || Shape.Any(s => s < 0) || Strides.Any(s => s < 0)) return "has a negative size, stride or offset";
        try
        {
            if (Count > Storage.Count || Span > Storage.Count - Offset) return
                $"of shape [{string.Join(", ", Shape)}] at {Offset:N0} reaches beyond its storage of {Storage.Count:N0} numbers";
            return null;
        }
        catch (OverflowException)
        {
            return $"claims the impossible shape [{string.Join(", ", Shape)}]";
        }
    }
}
