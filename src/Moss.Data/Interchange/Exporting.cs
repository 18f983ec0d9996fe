using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Datasets;

namespace Moss.Data.Interchange;

/// <summary>What an export wrote, and what its format could not hold.</summary>
public sealed record ExportReport
{
    public required string Format { get; init; }
    public int Rows { get; set; }

    /// <summary>Examples that the format has no row for (a preference needs a corrected reply).</summary>
    public int Skipped { get; set; }

    public SortedDictionary<string, int> DroppedFields { get; init; } = new(StringComparer.Ordinal);

    public string ToJson() => JsonSerializer.Serialize(this, Json.SnakeCase);

    internal void Dropped(string field, int times = 1)
    {
        if (times > 0) DroppedFields[field] = DroppedFields.GetValueOrDefault(field) + times;
    }
}

/// <summary>Writes a dataset version as JSON lines that TRL reads. Streamed: a version of any size takes little memory.</summary>
public static class Exporting
{
    public static readonly IReadOnlyList<string> Formats = ["trl-sft", "trl-messages", "trl-dpo"];

    private static readonly JsonSerializerOptions Lines = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>
    /// trl-sft: {"prompt","completion"}, a row per learned reply, so that nothing else is learned. trl-messages: {"messages"}, a row per example; a trainer
    /// learns every reply in it. trl-dpo: {"prompt","chosen","rejected"} from corrections. The training side of the version, unless another is asked for.
    /// </summary>
    public static async Task<ExportReport> ExportAsync(
        MossDbContext db, Guid versionId, string format, TextWriter output, CancellationToken cancellation, Split split = Split.Train)
    {
        if (!Formats.Contains(format))
            throw new MossInputException($"'{format}' is not a format that can be exported. Known: {string.Join(", ", Formats)}.");
        if (!await db.DatasetVersions.AnyAsync(v => v.Id == versionId, cancellation))
            throw new MossInputException($"There is no dataset version {versionId} to export.");
        var report = new ExportReport { Format = format };
        await foreach (var example in db.ExamplesAsync(versionId, split).WithCancellation(cancellation))
        {
            var content = DatasetContent.Parse(example.Content);
            var rows = format switch { "trl-sft" => Sft(content), "trl-messages" => Messages(content, report), _ => Dpo(content) };
            if (rows.Count == 0) { report.Skipped++; continue; }
            if (content.Repeat > 1) report.Dropped("repeat");
            if (content.Rejected is not null && format != "trl-dpo") report.Dropped("rejected");
            report.Dropped("sources"); // which judgements taught it is known only here
            foreach (var row in rows) await output.WriteAsync((JsonSerializer.Serialize(row, Lines) + '\n').AsMemory(), cancellation);
            report.Rows += rows.Count;
        }
        await output.FlushAsync(cancellation);
        return report;
    }

    private static List<object> Sft(DatasetContent content) =>
        [.. content.Messages.Index().Where(m => m.Item.Learn).Select(m =>
            new { Prompt = Chat(content.Messages.Take(m.Index)), Completion = Chat([m.Item]) })];

    private static List<object> Messages(DatasetContent content, ExportReport report)
    {
        report.Dropped("learn", content.Messages.Count(m => m.Role == "assistant" && !m.Learn));
        return [new { Messages = Chat(content.Messages) }];
    }

    private static List<object> Dpo(DatasetContent content) => content.Rejected is not { } rejected ? [] :
        [new { Prompt = Chat(content.Messages.SkipLast(1)), Chosen = Chat(content.Messages.TakeLast(1)), Rejected = Chat([new("assistant", rejected, false)]) }];

    private static object[] Chat(IEnumerable<DatasetMessage> messages) => [.. messages.Select(m => new { m.Role, m.Content })];
}
