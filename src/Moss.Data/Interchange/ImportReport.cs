using System.Text.Json;

namespace Moss.Data.Interchange;

/// <summary>How far an import has come, in bytes of the file.</summary>
public readonly record struct ImportProgress(long BytesRead, long BytesTotal, int Conversations);

/// <summary>What an import did with every row and every field.</summary>
public sealed record ImportReport
{
    public required string File { get; init; }
    public required string Format { get; init; }
    public required string Project { get; init; }

    /// <summary>Conversations that the file holds, without the rejected ones.</summary>
    public int Conversations { get; set; }

    /// <summary>Conversations that were new and are stored now.</summary>
    public int Added { get; set; }

    /// <summary>Conversations that an earlier import had stored.</summary>
    public int Skipped { get; set; }

    /// <summary>Lines that could not be read and are in the rejects file.</summary>
    public int Rejected { get; set; }

    /// <summary>Messages stored.</summary>
    public int Messages { get; set; }

    /// <summary>Judgements stored: rankings that came with the file.</summary>
    public int Judgements { get; set; }

    /// <summary>Field → in how many places its value was not kept.</summary>
    public SortedDictionary<string, int> DroppedFields { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Field → how often its value was computed, because the file has none.</summary>
    public SortedDictionary<string, int> DerivedFields { get; init; } = new(StringComparer.Ordinal);

    public double Seconds { get; set; }

    public string ToJson() => JsonSerializer.Serialize(this, Json.SnakeCase);

    internal void Dropped(string field, int times = 1) => DroppedFields[field] = DroppedFields.GetValueOrDefault(field) + times;
    internal void Derived(string field, int times = 1) => DerivedFields[field] = DerivedFields.GetValueOrDefault(field) + times;
}
