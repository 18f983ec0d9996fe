using System.Buffers.Binary;
using System.Text;

namespace Moss.Model.Tests.Checkpoints;

/// <summary>Writes pickles opcode by opcode, as torch.save does and as it never would.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [0x80, 2];

    public PickleWriter Op(params ReadOnlySpan<byte> codes)
    {
        _bytes.AddRange(codes);
        return this;
    }

    public PickleWriter Op(char code) => Op((byte)code);

    public PickleWriter Global(string module, string name) => Op('c').Op(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public PickleWriter Text(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        return Op('X').Op(BitConverter.GetBytes(utf8.Length)).Op(utf8);
    }

    public PickleWriter Number(long value)
    {
        if (value is >= 0 and < 256) return Op('K').Op((byte)value);
        if (value is >= int.MinValue and <= int.MaxValue) return Op('J').Op(BitConverter.GetBytes((int)value));
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Op(0x8A, 8).Op(bytes);
    }

    public PickleWriter Numbers(IEnumerable<long> values)
    {
        Op('(');
        foreach (var value in values) Number(value);
        return Op('t');
    }

    /// <summary>What torch writes for one tensor of a state dict: name, then a call of _rebuild_tensor_v2.</summary>
    public PickleWriter Tensor(string name, string storage, string key, long count, long offset, long[] shape, long[]? strides = null, bool parameter = false)
    {
        Text(name);
        if (parameter) Global("torch._utils", "_rebuild_parameter").Op('(');
        Global("torch._utils", "_rebuild_tensor_v2").Op('(');
        Op('(').Text("storage").Global("torch", storage).Text(key).Text("cpu").Number(count).Op('t').Op('Q');
        Number(offset).Numbers(shape).Numbers(strides ?? Contiguous(shape)).Op(0x89).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');
        return parameter ? Op(0x88).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R') : this;
    }

    /// <summary>The dictionary around the tensors, with torch's note of versions, which is set by BUILD.</summary>
    public static byte[] StateDict(Action<PickleWriter> tensors)
    {
        var pickle = new PickleWriter().Global("collections", "OrderedDict").Op(')').Op('R').Op('q', 0).Op('(');
        tensors(pickle);
        return pickle.Op('u').Op('}').Op('q', 1).Text("_metadata").Global("collections", "OrderedDict").Op(')').Op('R')
            .Op('(').Text("").Op('}').Text("version").Op('K', 1).Op('s').Op('u').Op('s').Op('b').Op('.').ToArray();
    }

    public byte[] ToArray() => [.. _bytes];

    private PickleWriter Op(char code, byte argument) => Op((byte)code, argument);

    private static long[] Contiguous(long[] shape) => [.. shape.Select((_, i) => shape[(i + 1)..].Aggregate(1L, (a, b) => a * b))];
}
