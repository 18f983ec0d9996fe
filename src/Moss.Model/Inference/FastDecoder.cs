using System.Runtime.Intrinsics;
using Moss.Model.Native;
using TorchSharp;
using static TorchSharp.torch;
using Half = Moss.Model.Native.Half;

namespace Moss.Model.Inference;

/// <summary>The network as generation needs it: one more token of each of several sequences per call, in managed code on the CPU's vector units.</summary>
/// <remarks>
/// The same computation as <see cref="Transformer"/>, which reads prompts; both write into the same <see cref="KvCache"/>. A step is a row of phases,
/// five to a layer, which the members of a crew go through together. It allocates nothing to speak of, and every sequence gets the same bits whatever
/// else is in the batch.
/// </remarks>
public sealed unsafe class FastDecoder : StepDecoder
{
    private readonly ModelConfig _config;
    private readonly Crew _crew;
    private readonly FastWeights _weights;
    private readonly RotaryAngles _angles;
    private readonly ScalarType _cacheType;
    private readonly NativeArray<float> _x, _parts, _mixed, _bent, _added, _logits, _normed, _scores;
    private readonly int[] _ids;
    private readonly KvCache[] _caches;
    private readonly int _width, _partWidth, _mixedWidth, _bentWidth, _pieces;
    private int _count;

    /// <summary>What each layer's phases do, in order; after the last layer comes the head.</summary>
    private const int Project = 0, Attention = 1, Output = 2, Bend = 3, Down = 4, PhasesPerLayer = 5;

    /// <summary>Whether this machine has the vector units that the kernels are written for; elsewhere libtorch generates too.</summary>
    public static bool IsSupported => Vector512.IsHardwareAccelerated && System.Runtime.Intrinsics.X86.Avx512F.IsSupported;

    /// <param name="network">Whose weights are copied; on the CPU, without an adapter.</param>
    /// <param name="precision">Format that the matrices are kept in here.</param>
    /// <param name="mostSequences">Largest batch.</param>
    /// <param name="cacheType">Format of keys and values: what the network that reads prompts computes in.</param>
    public FastDecoder(Transformer network, WeightPrecision precision, int mostSequences, int threads, ScalarType cacheType)
    {
        if (!IsSupported) throw new NotSupportedException("This machine's processor has no AVX-512; generate with the network itself.");
        if (cacheType is not (ScalarType.Float32 or ScalarType.BFloat16)) throw new ArgumentException($"Keys and values are kept as float32 or bfloat16, not {cacheType}.", nameof(cacheType));
        (_config, _cacheType, Precision, MostSequences) = (network.Config, cacheType, precision, mostSequences);
        _weights = new FastWeights(network, precision);
        _angles = new RotaryAngles(_config);
        // More pieces than threads, so that one that loses its core for a moment is not waited for.
        _pieces = threads == 1 ? 1 : 3 * threads;
        _crew = new Crew(threads, _config.LayerCount * PhasesPerLayer + 1, Pieces, Work, Finish);
        (_ids, _caches) = (new int[mostSequences], new KvCache[mostSequences]);
        _width = RowMatrix.Padded(_config.HiddenSize);
        _partWidth = (_config.HeadCount + 2 * _config.KeyValueHeadCount) * _config.HeadDim;
        _mixedWidth = RowMatrix.Padded(_config.HeadCount * _config.HeadDim);
        _bentWidth = RowMatrix.Padded(_config.IntermediateSize);
        NativeArray<float> For(long width) => new(mostSequences * width);
        (_x, _parts, _mixed, _bent, _added, _logits) = (For(_width), For(_partWidth), For(_mixedWidth), For(2L * _bentWidth), For(_width), For(_config.VocabSize));
        (_normed, _scores) = (For(_width), new((long)threads * _config.ContextLength));
    }

    public WeightPrecision Precision { get; }

    public override int MostSequences { get; }

    /// <summary>Memory of the matrices as kept here.</summary>
    public long WeightBytes => _weights.Bytes;

    public override void Step(ReadOnlySpan<int> ids, ReadOnlySpan<KvCache> caches)
    {
        if (ids.Length == 0 || ids.Length > MostSequences || ids.Length != caches.Length)
            throw new ArgumentException($"{ids.Length} tokens for {caches.Length} sequences; 1 to {MostSequences} of both are taken.", nameof(ids));
        for (var i = 0; i < ids.Length; i++)
        {
            if (ids[i] < 0 || ids[i] >= _config.VocabSize) throw new ArgumentException($"Token {ids[i]} is outside 0 to {_config.VocabSize - 1:N0}.", nameof(ids));
            if (caches[i].Length >= _config.ContextLength) throw new ArgumentException($"A sequence fills this network's context of {_config.ContextLength:N0} tokens.", nameof(caches));
            if (caches[i].Type is { } type && type != _cacheType) throw new ArgumentException($"A cache holds {type}, expected {_cacheType}.", nameof(caches));
            caches[i].Reserve(1, _cacheType);
            _angles.Reach(caches[i].Length + 1);
            (_ids[i], _caches[i]) = (ids[i], caches[i]);
        }
        _count = ids.Length;
        Embed();
        Norm(_weights.Layers[0].Norm);
        _crew.Go();
        for (var i = 0; i < _count; i++) caches[i].Advance(1);
        Array.Clear(_caches);
    }

    public override Span<float> Logits(int sequence) => new(_logits.Start + (long)sequence * _config.VocabSize, _config.VocabSize);

    public override void Dispose()
    {
        _crew.Dispose();
        _weights.Dispose();
        _angles.Dispose();
        foreach (var array in (NativeArray<float>[])[_x, _parts, _mixed, _bent, _added, _logits, _normed, _scores]) array.Dispose();
    }

    private bool IsHead(int phase) => phase == _config.LayerCount * PhasesPerLayer;

    private int Pieces(int phase) =>
        IsHead(phase) ? 4 * _pieces : phase % PhasesPerLayer == Attention ? _count * _config.KeyValueHeadCount : _pieces;

    /// <summary>Some rows of a matrix, or one key head of one sequence.</summary>
    private void Work(int phase, int piece, int member)
    {
        if (IsHead(phase))
        {
            var (first, last) = Rows(piece, 4 * _pieces, _weights.Head.RowCount);
            Multiply(_weights.Head, _weights.HeadBias, first, last, _normed.Start, _logits.Start, _config.VocabSize);
            return;
        }
        var (layer, w) = (phase / PhasesPerLayer, _weights.Layers[phase / PhasesPerLayer]);
        switch (phase % PhasesPerLayer)
        {
            case Project:
                var (from, to) = Rows(piece, _pieces, w.QueryKeyValue.RowCount);
                Multiply(w.QueryKeyValue, w.QueryKeyValueBias, from, to, _normed.Start, _parts.Start, _partWidth);
                break;
            case Attention when _cacheType == ScalarType.BFloat16:
                Attend<BFloat16Format, ushort>(member, layer, w, piece / _config.KeyValueHeadCount, piece % _config.KeyValueHeadCount);
                break;
            case Attention:
                Attend<Float32Format, float>(member, layer, w, piece / _config.KeyValueHeadCount, piece % _config.KeyValueHeadCount);
                break;
            case Output:
                AddTo(piece, w.Output, w.OutputBias, _mixed.Start);
                break;
            case Bend:
                BendRows(piece, w);
                break;
            case Down:
                AddTo(piece, w.Down, w.DownBias, _bent.Start);
                break;
        }
    }

    /// <summary>The norm that the next phase reads, where it reads one.</summary>
    private void Finish(int phase)
    {
        if (IsHead(phase)) return;
        var layer = phase / PhasesPerLayer;
        if (phase % PhasesPerLayer == Output && _weights.Layers[layer].BetweenNorm is { } between) Norm(between);
        if (phase % PhasesPerLayer == Down) Norm(layer + 1 < _config.LayerCount ? _weights.Layers[layer + 1].Norm : _weights.LastNorm);
    }

    private void Embed()
    {
        for (var i = 0; i < _count; i++)
        {
            var x = new Span<float>(_x.Start + (long)i * _width, _config.HiddenSize);
            _weights.Embedding.CopyRow(_ids[i], x);
            if (_weights.Positions is not { } positions) continue;
            positions.CopyRow((int)_caches[i].Length, new(_added.Start, _config.HiddenSize));
            Vectors.Add(_x.Start + (long)i * _width, _added.Start, _config.HiddenSize);
        }
    }

    private void Norm(FastNorm norm)
    {
        for (var i = 0; i < _count; i++)
            Vectors.Norm(_x.Start + (long)i * _width, norm.Weight, norm.Bias, _normed.Start + (long)i * _width, _config.HiddenSize, (float)_config.NormEpsilon);
    }

    /// <summary>Rows of one of several equal pieces; the kernel takes four rows at a time.</summary>
    private static (int From, int To) Rows(int piece, int pieces, int rows)
    {
        var fours = (rows + 3) / 4;
        return (Math.Min(rows, 4 * (int)((long)fours * piece / pieces)), Math.Min(rows, 4 * (int)((long)fours * (piece + 1) / pieces)));
    }

    private void Multiply(RowMatrix matrix, NativeArray<float>? bias, int from, int to, float* x, float* y, int yStride)
    {
        matrix.Multiply(from, to, x, _count, y, yStride);
        if (bias is null) return;
        for (var i = 0; i < _count; i++) Vectors.Add(y + (long)i * yStride + from, bias.Start + from, to - from);
    }

    /// <summary>Adds rows of a branch to the residual stream.</summary>
    private void AddTo(int piece, RowMatrix matrix, NativeArray<float>? bias, float* x)
    {
        var (from, to) = Rows(piece, _pieces, matrix.RowCount);
        Multiply(matrix, bias, from, to, x, _added.Start, _width);
        for (var i = 0; i < _count; i++) Vectors.Add(_x.Start + (long)i * _width + from, _added.Start + (long)i * _width + from, to - from);
    }

    /// <summary>The MLP up to its last matrix: (count, F) at the start of the memory, gates behind all of it.</summary>
    private void BendRows(int piece, FastLayer w)
    {
        var (from, to) = Rows(piece, _pieces, _config.IntermediateSize);
        var gates = _bent.Start + (long)MostSequences * _bentWidth;
        Multiply(w.Up, w.UpBias, from, to, _normed.Start, _bent.Start, _bentWidth);
        if (w.Gate is not null) Multiply(w.Gate, w.GateBias, from, to, _normed.Start, gates, _bentWidth);
        for (var i = 0; i < _count; i++)
        {
            float* up = _bent.Start + (long)i * _bentWidth + from, gate = gates + (long)i * _bentWidth + from;
            if (w.Gate is null) Vectors.GeluTanh(up, to - from);
            else Vectors.GatedSilu(gate, up, to - from);
        }
    }

    /// <summary>One key head of one sequence, and the query heads that share it.</summary>
    private void Attend<TFormat, TStored>(int member, int layer, FastLayer w, int sequence, int keyHead)
        where TFormat : IWeightFormat<TStored> where TStored : unmanaged
    {
        var (cache, e, heads) = (_caches[sequence], _config.HeadDim, _config.HeadCount);
        var (sharing, position, start) = (heads / _config.KeyValueHeadCount, cache.Length, keyHead * cache.Capacity * e);
        var parts = _parts.Start + (long)sequence * _partWidth;
        TStored* keys = (TStored*)cache.KeyMemory(layer) + start, values = (TStored*)cache.ValueMemory(layer) + start;
        var key = parts + (heads + keyHead) * e;
        Ready(key, w.KeyNorm, position);
        Keep(key, keys + position * e, e);
        Keep(parts + (heads + _config.KeyValueHeadCount + keyHead) * e, values + position * e, e);
        for (var head = keyHead * sharing; head < (keyHead + 1) * sharing; head++)
        {
            var query = parts + head * e;
            Ready(query, w.QueryNorm, position);
            HeadKernel<TFormat, TStored>.Attend(query, keys, values, (int)position + 1, e,
                _scores.Start + (long)member * _config.ContextLength, _mixed.Start + (long)sequence * _mixedWidth + head * e);
        }
    }

    private void Ready(float* head, FastNorm? norm, long position)
    {
        if (norm is not null) Vectors.Norm(head, norm.Weight, norm.Bias, head, _config.HeadDim, (float)_config.NormEpsilon);
        if (_config.RotaryDim > 0) Vectors.Turn(head, _angles.Cos(position), _angles.Sin(position), _config.RotaryDim / 2, _config.InterleavedRotation);
    }

    private static void Keep<TStored>(float* from, TStored* to, int count) where TStored : unmanaged
    {
        if (typeof(TStored) == typeof(float)) new Span<float>(from, count).CopyTo(new(to, count));
        else
            for (var i = 0; i < count; i++) Half.Write(to, i, from[i]);
    }
}
