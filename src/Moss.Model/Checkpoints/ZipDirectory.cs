using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Moss.Model.Checkpoints;

/// <summary>One file inside a zip.</summary>
/// <param name="Start">Where its bytes begin in the zip.</param>
/// <param name="Packed">Bytes in the zip.</param>
/// <param name="Size">Bytes when unpacked.</param>
internal sealed record ZipRecord(string Name, bool Deflated, long Start, long Packed, long Size);

/// <summary>
/// The table of contents of a zip, with every offset and size checked against the file before anything is read by it.
/// </summary>
/// <remarks>Own, because torch's archives are read at random places, which .NET's ZipArchive does not offer. Source: PKWARE,
/// APPNOTE.TXT 6.3.</remarks>
internal static class ZipDirectory
{
    private const int EndBytes = 22, LocatorBytes = 20, End64Bytes = 56, EntryBytes = 46, LocalBytes = 30;
    private const int LongestComment = ushort.MaxValue, LargestDirectory = 64 << 20, MostEntries = 200_000;
    private const long Growth = 16, GrowthFloor = 16 << 20; // weights hardly shrink: what claims to grow more is a bomb

    public static IReadOnlyList<ZipRecord> Read(SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        var (at, size, count) = Find(file, length);
        if (at < 0 || size < 0 || size > LargestDirectory || at > length - size) throw Bad("its table of contents lies outside the file");
        if (count < 0 || count > MostEntries || count > size / EntryBytes) throw Bad($"its table of contents claims {count:N0} files in {size:N0} bytes");
        var table = Bytes(file, at, (int)size);
        var records = new List<(long Header, ZipRecord Record)>();
        var rest = table.AsSpan();
        for (var i = 0; i < count; i++) records.Add(Entry(file, ref rest, at));
        Check(records, at);
        return [.. records.Select(r => r.Record)];
    }

    private static (long At, long Size, long Count) Find(SafeFileHandle file, long length)
    {
        var tail = Bytes(file, Math.Max(0, length - EndBytes - LongestComment), (int)Math.Min(length, EndBytes + LongestComment));
        for (var i = tail.Length - EndBytes; i >= 0; i--)
        {
            var end = tail.AsSpan(i);
            if (U32(end, 0) != 0x06054B50) continue;
            var (at, size, count) = ((long)U32(end, 16), (long)U32(end, 12), (long)U16(end, 10));
            if (at < uint.MaxValue && size < uint.MaxValue && count < ushort.MaxValue) return (at, size, count);
            var where = length - tail.Length + i - LocatorBytes;
            var locator = where < 0 ? [] : Bytes(file, where, LocatorBytes);
            if (locator.Length == 0 || U32(locator, 0) != 0x07064B50) throw Bad("the 64-bit part of its table of contents is missing");
            var place = (long)U64(locator, 8);
            if (place < 0 || place > length - End64Bytes) throw Bad("the 64-bit part of its table of contents lies outside the file");
            var end64 = Bytes(file, place, End64Bytes);
            if (U32(end64, 0) != 0x06064B50) throw Bad("the 64-bit part of its table of contents is damaged");
            return ((long)U64(end64, 48), (long)U64(end64, 40), (long)U64(end64, 32));
        }
        throw Bad("it has no table of contents; it is truncated or no zip");
    }

    private static (long, ZipRecord) Entry(SafeFileHandle file, ref Span<byte> rest, long directory)
    {
        if (rest.Length < EntryBytes || U32(rest, 0) != 0x02014B50) throw Bad("its table of contents is damaged");
        var (name, extra, comment) = (U16(rest, 28), U16(rest, 30), U16(rest, 32));
        if (rest.Length - EntryBytes < name + extra + comment) throw Bad("its table of contents is cut off");
        var title = Encoding.UTF8.GetString(rest.Slice(EntryBytes, name));
        if ((U16(rest, 8) & 1) != 0) throw Bad($"'{title}' is encrypted");
        var (size, packed, header) = ((long)U32(rest, 24), (long)U32(rest, 20), (long)U32(rest, 42));
        Widen(rest.Slice(EntryBytes + name, extra), ref size, ref packed, ref header);
        if (header < 0 || header > directory - LocalBytes) throw Bad($"'{title}' lies outside the file");
        var deflated = U16(rest, 10) switch
        {
            0 => false,
            8 => true,
            var method => throw Bad($"'{title}' is packed by method {method}; only stored and deflated files are read"),
        };
        var local = Bytes(file, header, LocalBytes);
        if (U32(local, 0) != 0x04034B50) throw Bad($"'{title}' is not where its table of contents says");
        var start = header + LocalBytes + U16(local, 26) + U16(local, 28);
        if (size < 0 || packed < 0 || start > directory || packed > directory - start) throw Bad($"'{title}' claims {packed:N0} bytes, more than the file has");
        if (!deflated && packed != size) throw Bad($"'{title}' is stored but claims two sizes, {packed:N0} and {size:N0} bytes");
        rest = rest[(EntryBytes + name + extra + comment)..];
        return (header, new(title, deflated, start, packed, size));
    }

    // Field 0x0001 holds, in this order, only those that are all ones in their 32-bit place.
    private static void Widen(ReadOnlySpan<byte> extra, ref long size, ref long packed, ref long header)
    {
        while (extra.Length >= 4)
        {
            var (id, length) = (U16(extra, 0), U16(extra, 2));
            if (extra.Length - 4 < length) throw Bad("its table of contents is damaged");
            var field = extra.Slice(4, length);
            if (id == 1)
            {
                Take(ref field, ref size);
                Take(ref field, ref packed);
                Take(ref field, ref header);
                return;
            }
            extra = extra[(4 + length)..];
        }

        static void Take(ref ReadOnlySpan<byte> field, ref long value)
        {
            if (value != uint.MaxValue || field.Length < 8) return;
            value = (long)U64(field, 0);
            field = field[8..];
        }
    }

    private static void Check(List<(long Header, ZipRecord Record)> records, long directory)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        long free = 0, unpacked = 0;
        foreach (var (header, record) in records.OrderBy(r => r.Header))
        {
            if (!names.Add(record.Name)) throw Bad($"it holds '{record.Name}' twice");
            if (header < free) throw Bad($"'{record.Name}' lies inside another file's bytes");
            free = record.Start + record.Packed;
            if (record.Size > long.MaxValue - unpacked) throw Bad("it claims an impossible size");
            unpacked += record.Size;
        }
        if (unpacked > Growth * directory + GrowthFloor) throw Bad(
            $"{directory:N0} bytes claim to unpack to {unpacked:N0}, more than {Growth} times as many, as no weights do");
    }

    private static byte[] Bytes(SafeFileHandle file, long at, int count)
    {
        var bytes = new byte[count];
        for (int done = 0, read; done < count; done += read)
            if ((read = RandomAccess.Read(file, bytes.AsSpan(done), at + done)) == 0) throw Bad("it ends too early");
        return bytes;
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static InvalidDataException Bad(string what) => new(what);
}
