using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>Keys and values of one sequence, so that each new token is computed alone; grows by doubling up to the context.</summary>
/// <remarks>Belongs to one generation and is disposed with it; not a module, so it never reaches a checkpoint.</remarks>
public sealed class KvCache(ModelConfig config) : IDisposable
{
    private const long FirstCapacity = 128; // tokens
    private readonly Tensor?[] _keys = new Tensor?[config.LayerCount], _values = new Tensor?[config.LayerCount];

    /// <summary>Tokens remembered so far.</summary>
    public long Length { get; private set; }

    /// <summary>Adds a layer's newest keys and values, (1, H, T, E), and gives back all of them, (1, H, Length + T, E).</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values) =>
        (Append(ref _keys[layer], keys), Append(ref _values[layer], values));

    /// <summary>Called once per forward pass, after every layer has appended.</summary>
    internal void Advance(long tokens) => Length += tokens;

    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values)) tensor?.Dispose();
        Array.Clear(_keys);
        Array.Clear(_values);
        Length = 0;
    }

    private Tensor Append(ref Tensor? kept, Tensor added)
    {
        if (added.shape[0] != 1) throw new ArgumentException($"A KvCache holds one sequence, but a batch of {added.shape[0]} was given.");
        var total = Length + added.shape[2];
        if (kept is null || kept.shape[2] < total)
        {
            var capacity = Math.Max(total, Math.Min(config.ContextLength, Math.Max(FirstCapacity, 2 * total)));
            using var mode = no_grad();
            var grown = empty([1, added.shape[1], capacity, added.shape[3]], added.dtype, added.device).DetachFromDisposeScope();
            if (kept is not null && Length > 0)
            {
                using var old = kept.narrow(2, 0, Length);
                using var room = grown.narrow(2, 0, Length);
                room.copy_(old);
            }
            kept?.Dispose();
            kept = grown;
        }
        using var place = kept.narrow(2, Length, added.shape[2]);
        place.copy_(added);
        return kept.narrow(2, 0, total);
    }
}
