using System.Buffers.Binary;
using System.Text;
using Moss.Trainer.Training.Watching;

namespace Moss.Trainer.Tests.Training;

public sealed class EventFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moss-events-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory] // RFC 3720, B.4
    [InlineData(0x8A9136AA, 0x00, 0)]
    [InlineData(0x62A8AB43, 0xFF, 0)]
    [InlineData(0x46DD794E, 0x00, 1)]
    [InlineData(0x113FDB5C, 0x1F, -1)]
    public void The_checksum_has_the_values_of_its_standard(uint expected, byte first, int step) =>
        Assert.Equal(expected, Crc32C.Of([.. Enumerable.Range(0, 32).Select(i => (byte)(first + i * step))]));

    [Fact]
    public void A_file_holds_a_version_and_each_step_s_numbers()
    {
        using (var file = new EventFile(_folder, nextStep: 1, TimeProvider.System))
        {
            file.Write(1, new Dictionary<string, double> { ["loss"] = 2.5, ["mfu"] = 0.25 });
            file.Write(300, new Dictionary<string, double> { ["loss"] = -0.125 });
        }

        var path = Assert.Single(Directory.GetFiles(_folder));
        Assert.Matches($@"^events\.out\.tfevents\.\d{{10}}\.{System.Text.RegularExpressions.Regex.Escape(Environment.MachineName)}", Path.GetFileName(path));
        var events = Events(path).ToList();
        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.Equal([(1L, "loss", 2.5f), (1L, "mfu", 0.25f), (300L, "loss", -0.125f)], events.Skip(1).SelectMany(e => e.Values.Select(v => (e.Step, v.Tag, v.Value))));
        Assert.All(events, e => Assert.InRange(DateTimeOffset.FromUnixTimeMilliseconds((long)(e.WallTime * 1_000)), TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow().AddMinutes(1)));
        Assert.DoesNotContain(events, e => e.Restarted);
    }

    [Fact]
    public void A_run_that_goes_on_takes_back_what_it_does_again()
    {
        using (var first = new EventFile(_folder, 1, TimeProvider.System))
            for (var step = 1; step <= 7; step++) first.Write(step, new Dictionary<string, double> { ["loss"] = 10 - step });
        using (var second = new EventFile(_folder, 6, TimeProvider.System))
            for (var step = 6; step <= 9; step++) second.Write(step, new Dictionary<string, double> { ["loss"] = 20 - step });

        // As TensorBoard reads a folder: file after file by name; a restart takes back its own step and those after it.
        var shown = new SortedDictionary<long, float>();
        foreach (var e in Directory.GetFiles(_folder).Order(StringComparer.Ordinal).SelectMany(Events))
        {
            if (e.Restarted) foreach (var gone in shown.Keys.Where(s => s >= e.Step).ToList()) shown.Remove(gone);
            foreach (var (_, value) in e.Values)
            {
                Assert.DoesNotContain(e.Step, shown.Keys);
                shown[e.Step] = value;
            }
        }
        Assert.Equal([9, 8, 7, 6, 5, 14, 13, 12, 11], shown.Values);
    }

    private sealed record Event(double WallTime, long Step, string? Version, bool Restarted, List<(string Tag, float Value)> Values);

    /// <summary>Reads the framing and the protobuf with code of its own, after the published descriptions of both.</summary>
    private static IEnumerable<Event> Events(string path)
    {
        var bytes = File.ReadAllBytes(path);
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at, 8));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8, 4)));
            var record = bytes.AsSpan(at + 12, length).ToArray();
            Assert.Equal(Masked(record), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length, 4)));
            at += 12 + length + 4;
            var fields = Fields(record);
            var values = fields.Where(f => f.Number == 5).SelectMany(s => Fields((byte[])s.Value)).Select(v => Fields((byte[])v.Value))
                .Select(v => (Encoding.UTF8.GetString((byte[])v.Single(f => f.Number == 1).Value), BitConverter.ToSingle((byte[])v.Single(f => f.Number == 2).Value))).ToList();
            yield return new(BitConverter.ToDouble((byte[])fields.Single(f => f.Number == 1).Value), (long)(ulong)(fields.Find(f => f.Number == 2).Value ?? 0UL),
                fields.Find(f => f.Number == 3).Value is byte[] text ? Encoding.UTF8.GetString(text) : null,
                fields.Find(f => f.Number == 7).Value is byte[] log && Fields(log) is [(1, 1UL)], values);
        }
    }

    private static List<(int Number, object Value)> Fields(byte[] message)
    {
        var (fields, at) = (new List<(int, object)>(), 0);
        while (at < message.Length)
        {
            var tag = Varint();
            object value = (tag & 7) switch { 0 => Varint(), 1 => Take(8), 2 => Take((int)Varint()), 5 => Take(4), _ => throw new InvalidDataException($"wire type {tag & 7}") };
            fields.Add(((int)(tag >> 3), value));
        }
        return fields;

        byte[] Take(int count)
        {
            at += count;
            return message[(at - count)..at];
        }

        ulong Varint()
        {
            var (value, shift) = (0UL, 0);
            while (true)
            {
                var b = message[at++];
                value |= (ulong)(b & 0x7F) << shift;
                if (b < 0x80) return value;
                shift += 7;
            }
        }
    }

    /// <summary>Bit by bit, unlike the code that is tested.</summary>
    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) == 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        crc = ~crc;
        return unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8);
    }
}
