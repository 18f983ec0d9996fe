using System.Buffers.Binary;
using System.Globalization;

namespace Moss.Trainer.Training.Watching;

/// <summary>The numbers of a run in TensorBoard's file format: records of protobuf events, framed as TFRecord.</summary>
/// <remarks>
/// A record is its length (uint64), the masked CRC of those 8 bytes, the event, the masked CRC of the event. Fields of Event: wall_time 1, step 2,
/// file_version 3, summary 5, session_log 7; of Summary: value 1; of Value: tag 1, simple_value 2; of SessionLog: status 1. Numbers as in event.proto
/// and summary.proto of TensorFlow.
/// </remarks>
internal sealed class EventFile : IDisposable
{
    private const int WallTime = 1, Step = 2, FileVersion = 3, Summary = 5, SessionLog = 7, Start = 1;
    private const string Version = "brain.Event:2";

    private readonly TimeProvider _clock;
    private readonly FileStream _file;

    /// <summary>Begins a new file in the run's folder; what earlier files of the folder say of this step or later ones no longer counts.</summary>
    /// <param name="nextStep">The first step that will be written here.</param>
    public EventFile(string folder, int nextStep, TimeProvider clock)
    {
        _clock = clock;
        Directory.CreateDirectory(folder);
        var goesOn = Directory.EnumerateFiles(folder, "events.out.tfevents.*").Any();
        var name = string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{clock.GetUtcNow().ToUnixTimeSeconds():D10}.{Environment.MachineName}");
        // Readers take the files of a folder by name: a second one within the same second comes after the first.
        for (var n = 0; ; n++)
        {
            var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}.{n}"));
            if (File.Exists(path)) continue;
            _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            break;
        }
        Append(Event(0).Text(FileVersion, Version));
        if (goesOn) Append(Event(nextStep).Message(SessionLog, new Protobuf().Int(1, Start)));
    }

    /// <summary>Every run's folder below the state folder; it outlives the run.</summary>
    public static string FolderOf(string state, Guid run) => Path.Combine(AllOf(state), run.ToString());

    public static string AllOf(string state) => Path.Combine(state, "tensorboard");

    public void Write(int step, IReadOnlyDictionary<string, double> numbers)
    {
        var values = new Protobuf();
        foreach (var (name, value) in numbers.OrderBy(n => n.Key, StringComparer.Ordinal))
            values.Message(1, new Protobuf().Text(1, name).Float(2, (float)value));
        Append(Event(step).Message(Summary, values));
    }

    public void Dispose() => _file.Dispose();

    private Protobuf Event(int step)
    {
        var written = new Protobuf().Double(WallTime, (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds);
        return step == 0 ? written : written.Int(Step, step);
    }

    private void Append(Protobuf written)
    {
        var record = written.Written;
        Span<byte> head = stackalloc byte[12], tail = stackalloc byte[4];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)record.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], Crc32C.Masked(head[..8]));
        BinaryPrimitives.WriteUInt32LittleEndian(tail, Crc32C.Masked(record));
        _file.Write(head);
        _file.Write(record);
        _file.Write(tail);
        _file.Flush();
    }
}
