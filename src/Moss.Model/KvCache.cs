using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>Keys and values of one sequence, so that each new token is computed alone; grows by doubling up to the context.</summary>
/// <remarks>Belongs to one generation and is disposed with it; not a module, so it never reaches a checkpoint.</remarks>
/// <param name="room">See <see cref="Room"/>.</param>
public sealed class KvCache(ModelConfig config, long room = 128) : IDisposable
{
    private readonly Tensor?[] _keys = new Tensor?[config.LayerCount], _values = new Tensor?[config.LayerCount];
    private readonly nint[] _keyMemory = new nint[config.LayerCount], _valueMemory = new nint[config.LayerCount];

    /// <summary>Tokens to make room for at once: memory that is known to be needed is taken once.</summary>
    internal long Room { get; set; } = room;

    /// <summary>Tokens remembered so far.</summary>
    public long Length { get; private set; }

    /// <summary>Tokens for which there is room without growing; the same in every layer once <see cref="Reserve"/> was called.</summary>
    public long Capacity => _keys[0]?.shape[2] ?? 0;

    /// <summary>Number format of what is kept; null while nothing is.</summary>
    internal ScalarType? Type => _keys[0]?.dtype;

    /// <summary>Memory of a layer's keys: (K, <see cref="Capacity"/>, E), on the CPU. Valid until the cache grows.</summary>
    internal nint KeyMemory(int layer) => _keyMemory[layer];

    /// <summary>Memory of a layer's values, laid out as its keys.</summary>
    internal nint ValueMemory(int layer) => _valueMemory[layer];

    /// <summary>Makes room in every layer, so that so many tokens more can be written straight into the memory.</summary>
    internal void Reserve(long tokens, ScalarType type)
    {
        if (Length + tokens <= Capacity) return;
        using var scope = NewDisposeScope();
        for (var layer = 0; layer < config.LayerCount; layer++)
        {
            Grow(ref _keys[layer], Length + tokens, type, CPU);
            Grow(ref _values[layer], Length + tokens, type, CPU);
            Remember(layer);
        }
    }

    /// <summary>Adds a layer's newest keys and values, (1, K, T, E), and gives back all of them, (1, K, Length + T, E).</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var all = (Append(ref _keys[layer], keys), Append(ref _values[layer], values));
        Remember(layer);
        return all;
    }

    /// <summary>Called once per forward pass, after every layer has appended.</summary>
    internal void Advance(long tokens) => Length += tokens;

    /// <summary>Forgets what came after so many tokens.</summary>
    internal void Rewind(long length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

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
        Grow(ref kept, total, added.dtype, added.device);
        using var place = kept!.narrow(2, Length, added.shape[2]);
        place.copy_(added);
        return kept.narrow(2, 0, total);
    }

    private void Grow(ref Tensor? kept, long total, ScalarType type, Device device)
    {
        if (kept is not null && kept.shape[2] >= total) return;
        var capacity = Math.Max(total, Math.Min(config.ContextLength, total <= Room ? Room : 2 * total));
        using var mode = no_grad();
        var grown = empty([1, config.KeyValueHeadCount, capacity, config.HeadDim], type, device).DetachFromDisposeScope();
        if (kept is not null && Length > 0)
        {
            using var old = kept.narrow(2, 0, Length);
            using var room = grown.narrow(2, 0, Length);
            room.copy_(old);
        }
        kept?.Dispose();
        kept = grown;
    }

    private unsafe void Remember(int layer)
    {
        if (_keys[layer] is not { device_type: DeviceType.CPU } keys || _values[layer] is not { } values) return;
        fixed (byte* k = keys.bytes, v = values.bytes) (_keyMemory[layer], _valueMemory[layer]) = ((nint)k, (nint)v); // native memory: it does not move
    }
}
