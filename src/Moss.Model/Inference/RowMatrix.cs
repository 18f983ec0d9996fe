using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Inference;

/// <summary>How many bits weights are read with while generating.</summary>
public enum WeightPrecision
{
    /// <summary>32, as trained.</summary>
    Full,

    /// <summary>16: the upper half of each float32 (bfloat16).</summary>
    Half,

    /// <summary>8, and one scale per row (int8). Activations stay float32.</summary>
    Quarter,
}

/// <summary>A matrix laid out for <see cref="RowKernel{TFormat, TStored}"/>: (out, in) rows in native memory, padded with zeros.</summary>
internal abstract class RowMatrix : IDisposable
{
    protected RowMatrix(int rows, int columns)
    {
        (RowCount, Width) = (rows, Padded(columns));
        Scales = new NativeArray<float>(rows);
    }

    public int RowCount { get; }

    /// <summary>Columns with padding: what the vectors it is multiplied with must have.</summary>
    public int Width { get; }

    public abstract long Bytes { get; }

    protected NativeArray<float> Scales { get; }

    public static int Padded(int columns) => (columns + 31) / 32 * 32;

    /// <summary>Copies one or several (out, in) matrices below each other, so that one pass reads them all.</summary>
    public static RowMatrix Of(WeightPrecision precision, params IReadOnlyList<Tensor> matrices)
    {
        var (rows, columns) = ((int)matrices.Sum(m => m.shape[0]), (int)matrices[0].shape[1]);
        RowMatrix matrix = precision switch
        {
            WeightPrecision.Quarter => new Rows<Int8Format, sbyte>(rows, columns),
            WeightPrecision.Half => new Rows<BFloat16Format, ushort>(rows, columns),
            _ => new Rows<Float32Format, float>(rows, columns),
        };
        var row = 0;
        using var mode = no_grad();
        foreach (var source in matrices)
        {
            const int most = 1_024; // rows converted at once
            for (long start = 0; start < source.shape[0]; start += most)
            {
                using var scope = NewDisposeScope();
                var part = source.narrow(0, start, Math.Min(most, source.shape[0] - start)).to(float32, CPU).contiguous();
                var numbers = part.data<float>().ToArray();
                for (var i = 0; i < part.shape[0]; i++) matrix.Fill(row++, numbers.AsSpan(i * columns, columns));
            }
        }
        return matrix;
    }

    /// <summary>y[i, r] = W[r] · x[i] for rows <paramref name="from"/> to <paramref name="to"/>.</summary>
    /// <param name="x">(count, <see cref="Width"/>).</param>
    /// <param name="y">(count, <paramref name="yStride"/>).</param>
    public abstract unsafe void Multiply(int from, int to, float* x, int count, float* y, int yStride);

    public virtual void Dispose() => Scales.Dispose();

    protected abstract unsafe void Fill(int row, ReadOnlySpan<float> numbers);

    private sealed unsafe class Rows<TFormat, TStored>(int rows, int columns) : RowMatrix(rows, columns)
        where TFormat : IWeightFormat<TStored> where TStored : unmanaged
    {
        private readonly NativeArray<TStored> _values = new((long)rows * Padded(columns));

        public override long Bytes => _values.Length * sizeof(TStored) + 4L * RowCount;

        public override void Multiply(int from, int to, float* x, int count, float* y, int yStride) =>
            RowKernel<TFormat, TStored>.Multiply(_values.Start, Scales.Start, Width, from, to, x, count, y, yStride);

        protected override void Fill(int row, ReadOnlySpan<float> numbers) =>
            Scales.Start[row] = TFormat.Store(numbers, _values.Start + (long)row * Width);

        public override void Dispose()
        {
            _values.Dispose();
            base.Dispose();
        }
    }
}
