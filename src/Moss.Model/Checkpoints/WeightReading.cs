using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Checkpoints;

/// <summary>
/// Reads the tensors of one file: straight into the network's own memory where it lies on the CPU, by several threads.
/// </summary>
/// <remarks>Threads other than the caller's touch bytes only, never a TorchSharp object, whose dispose scopes belong to one
/// thread.</remarks>
internal sealed unsafe class WeightReading(SafeFileHandle file, string path)
{
    private const int PieceBytes = 1 << 20;  // stays in a core's cache between reading and looking at it
    private const int ChunkBytes = 16 << 20; // where libtorch converts or copies

    private readonly record struct Piece(string Name, ScalarType Type, long From, int Bytes, nint To, bool Widened);

    private readonly List<Piece> _pieces = [];

    /// <summary>Reads a tensor now, or notes where its bytes go for <see cref="Finish"/>.</summary>
    /// <param name="offset">First byte in the file.</param>
    public void Fill(Tensor target, ScalarType type, long offset, string name)
    {
        if (target.NumberOfElements == 0) return;
        var widened = target.dtype == ScalarType.Float32 && type != ScalarType.Float32;
        if (target.device_type == DeviceType.CPU && target.is_contiguous() && (target.dtype == type || widened)) Note(target, type, offset, name, widened);
        else Copy(target, type, offset, name);
    }

    /// <summary>Reads all that was noted.</summary>
    /// <exception cref="InvalidDataException">The first tensor in the file that is not finite or not all there.</exception>
    public void Finish()
    {
        var (first, failure) = (int.MaxValue, (Exception?)null);
        var guard = new Lock();
        Parallel.For(0, _pieces.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, () => Array.Empty<byte>(), (i, state, buffer) =>
        {
            try
            {
                return Read(_pieces[i], buffer);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                lock (guard)
                    if (i < first) (first, failure) = (i, e);
                state.Break(); // lower pieces are still read, so the first bad tensor is the one that is named
                return buffer;
            }
        }, _ => { });
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
    }

    private void Note(Tensor target, ScalarType type, long offset, string name, bool widened)
    {
        // One element's view, because TorchSharp's spans end at 2 GB and tensors do not.
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(target.view(-1).narrow(0, 0, 1).bytes));
        var total = target.NumberOfElements * Size(type);
        for (long at = 0; at < total; at += PieceBytes)
            _pieces.Add(new(name, type, offset + at, (int)Math.Min(PieceBytes, total - at), start + (nint)(widened ? 2 * at : at), widened));
    }

    private byte[] Read(Piece piece, byte[] buffer)
    {
        if (piece.Widened && buffer.Length == 0) buffer = new byte[PieceBytes];
        var bytes = piece.Widened ? buffer.AsSpan(0, piece.Bytes) : new Span<byte>((void*)piece.To, piece.Bytes);
        ReadExactly(bytes, piece.From, piece.Name);
        EnsureFinite(bytes, piece.Type, piece.Name);
        if (piece.Widened) WeightBits.Widen(bytes, piece.Type, new Span<byte>((void*)piece.To, 2 * piece.Bytes));
        return buffer;
    }

    /// <summary>Through a tensor of the file's type: to another device, to a narrower type, or into a transposed view.</summary>
    private void Copy(Tensor target, ScalarType type, long offset, string name)
    {
        using var mode = no_grad();
        using var all = NewDisposeScope();
        var flat = target.is_contiguous() ? target.view(-1) : target;
        long[] row = flat.shape[1..];
        var rowCount = row.Aggregate(1L, (product, size) => product * size);
        var most = Math.Max(1, ChunkBytes / (rowCount * Size(type)));
        for (long start = 0; start < flat.shape[0]; start += most)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(most, flat.shape[0] - start);
            var chunk = empty([rows, .. row], type);
            var bytes = chunk.bytes;
            ReadExactly(bytes, offset + start * rowCount * Size(type), name);
            EnsureFinite(bytes, type, name);
            flat.narrow(0, start, rows).copy_(chunk);
        }
    }

    private void ReadExactly(Span<byte> bytes, long offset, string name)
    {
        for (int done = 0, read; done < bytes.Length; done += read)
        {
            read = RandomAccess.Read(file, bytes[done..], offset + done);
            if (read == 0) throw SafetensorsHeader.Refuse(path, $"the file ended inside tensor '{name}'");
        }
    }

    private void EnsureFinite(ReadOnlySpan<byte> bytes, ScalarType type, string name)
    {
        if (!WeightBits.AreFinite(bytes, type)) throw SafetensorsHeader.Refuse(path, $"tensor '{name}' holds NaN or infinite numbers");
    }

    private static int Size(ScalarType type) => type == ScalarType.Float32 ? 4 : 2;
}
