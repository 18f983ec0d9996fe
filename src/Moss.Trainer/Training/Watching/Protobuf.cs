using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Moss.Trainer.Training.Watching;

/// <summary>The few pieces of Protocol Buffers' wire format that an event needs: varint, 64-bit, 32-bit, and bytes with a length.</summary>
internal sealed class Protobuf
{
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    public Protobuf Int(int field, long value)
    {
        Tag(field, Varint);
        return Number((ulong)value);
    }

    public Protobuf Double(int field, double value)
    {
        Tag(field, Fixed64);
        Span<byte> raw = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(raw, value);
        _bytes.Write(raw);
        return this;
    }

    public Protobuf Float(int field, float value)
    {
        Tag(field, Fixed32);
        Span<byte> raw = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(raw, value);
        _bytes.Write(raw);
        return this;
    }

    public Protobuf Text(int field, string value) => Piece(field, Encoding.UTF8.GetBytes(value));

    public Protobuf Message(int field, Protobuf inner) => Piece(field, inner.Written);

    private Protobuf Piece(int field, ReadOnlySpan<byte> bytes)
    {
        Tag(field, Bytes);
        Number((ulong)bytes.Length);
        _bytes.Write(bytes);
        return this;
    }

    private void Tag(int field, int wire) => Number((ulong)(field << 3 | wire));

    private Protobuf Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Write([(byte)(value | 0x80)]);
        _bytes.Write([(byte)value]);
        return this;
    }
}
