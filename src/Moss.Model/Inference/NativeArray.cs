using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Moss.Model.Inference;

/// <summary>Numbers outside the garbage collector's reach, aligned for 512-bit loads and zero at first.</summary>
internal sealed unsafe class NativeArray<T> : IDisposable where T : unmanaged
{
    private const nuint Alignment = 64; // bytes: one cache line, one 512-bit register
    private T* _start;

    public NativeArray(long length)
    {
        Length = length;
        var bytes = checked((nuint)length * (nuint)sizeof(T));
        _start = (T*)NativeMemory.AlignedAlloc(Math.Max(bytes, Alignment), Alignment);
        NativeMemory.Clear(_start, bytes);
    }

    ~NativeArray() => Free();

    public long Length { get; }

    public T* Start
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _start;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_start);
        _start = null;
    }
}
