using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>Memory used over and over for results that live only a moment: fresh pages cost more than what is computed into them.</summary>
internal sealed class Scratch : IDisposable
{
    private Tensor? _memory;

    /// <returns>(rows, columns) with arbitrary values, valid until the next call; owned by the caller's scope.</returns>
    public Tensor Take(long rows, long columns, ScalarType type, Device device)
    {
        if (_memory is null || _memory.dtype != type || _memory.numel() < rows * columns)
        {
            Dispose();
            _memory = empty([rows * columns], type, device).DetachFromDisposeScope();
        }
        return _memory.narrow(0, 0, rows * columns).view(rows, columns);
    }

    public void Dispose()
    {
        _memory?.Dispose();
        _memory = null;
    }
}
