namespace Moss.Model.Checkpoints;

/// <summary>
/// A tensor on its way into a safetensors file: its description, and what writes its bytes when their turn comes.
/// </summary>
/// <param name="Type">The format's own name: F32, F16, BF16, I64, BOOL …</param>
/// <param name="Write">Writes exactly <see cref="Bytes"/> bytes, little-endian, row by row.</param>
public sealed record RawTensor(string Name, string Type, IReadOnlyList<long> Shape, Action<Stream> Write)
{
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));
    public long Bytes => checked(Count * SafetensorsHeader.BitsOf(Type) / 8);
}
