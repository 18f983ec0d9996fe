using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Datasets;
using Moss.Data.Training;

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
    public static readonly IReadOnlyList<string> Formats = ["trl-sft", "trl-messages", "trl-dpo", "trl-kto"];

    private static readonly JsonSerializerOptions Lines = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The formats that hold what a version of this recipe says; a reward trainer reads trl-dpo.</summary>
    public static IReadOnlyList<string> FormatsOf(string recipe) => recipe switch
    {
        Recipes.Dpo or Recipes.Reward => ["trl-dpo"],
        Recipes.Kto => ["trl-kto"],
        _ => ["trl-sft", "trl-messages", "trl-dpo"],
    };

    /// <summary>
    /// trl-sft: {"prompt","completion"}, a row per learned reply, so that nothing else is learned. trl-messages: {"messages"}, a row per example; a trainer
    /// learns every reply in it. trl-dpo: {"prompt","chosen","rejected"} from preferences, or from the corrections of a supervised version. trl-kto:
    /// {"prompt","completion","label"}. The training side of the version, unless another is asked for.
    /// </summary>
    public static async Task<ExportReport> ExportAsync(
        MossDbContext db, Guid versionId, string format, TextWriter output, CancellationToken cancellation, Split split = Split.Train)
    {
        if (!Formats.Contains(format))
            throw new MossInputException($"'{format}' is not a format that can be exported. Known: {string.Join(", ", Formats)}.");
        var version = await db.DatasetVersions.AsNoTracking().SingleOrDefaultAsync(v => v.Id == versionId, cancellation)
            ?? throw new MossInputException($"There is no dataset version {versionId} to export.");
        if (!FormatsOf(version.Recipe).Contains(format))
            throw new MossInputException(
                $"{format} cannot hold the {version.Recipe} version {version.Name}. It can be exported as {string.Join(", ", FormatsOf(version.Recipe))}.");
        var report = new ExportReport { Format = format };
        await foreach (var example in db.ExamplesAsync(versionId, split).WithCancellation(cancellation))
        {
            var rows = version.Recipe switch
            {
                Recipes.Dpo or Recipes.Reward => Preference(PreferenceContent.Parse(example.Content), report),
                Recipes.Kto => Desirable(DesirableContent.Parse(example.Content), report),
                _ => Supervised(DatasetContent.Parse(example.Content), format, report),
            };
            if (rows.Count == 0) { report.Skipped++; continue; }
            report.Dropped("sources"); // which judgements taught it is known only here
            foreach (var row in rows) await output.WriteAsync((JsonSerializer.Serialize(row, Lines) + '\n').AsMemory(), cancellation);
            report.Rows += rows.Count;
        }
        await output.FlushAsync(cancellation);
        return report;
    }

    private static List<object> Supervised(DatasetContent content, string format, ExportReport report)
    {
        var rows = format switch { "trl-sft" => Sft(content), "trl-messages" => Messages(content, report), _ => Corrected(content) };
        if (rows.Count == 0) return rows;
        if (content.Repeat > 1) report.Dropped("repeat");
        if (content.Quality is not null) report.Dropped("quality");
        if (content.Rejected is not null && format != "trl-dpo") report.Dropped("rejected");
        return rows;
    }

    private static List<object> Sft(DatasetContent content) =>
        [.. content.Messages.Index().Where(m => m.Item.Learn).Select(m =>
            new { Prompt = Chat(content.Messages.Take(m.Index)), Completion = Chat([m.Item]) })];

    private static List<object> Messages(DatasetContent content, ExportReport report)
    {
        report.Dropped("learn", content.Messages.Count(m => m.Role == "assistant" && !m.Learn));
        return [new { Messages = Chat(content.Messages) }];
    }

    private static List<object> Corrected(DatasetContent content) => content.Rejected is not { } rejected ? [] :
        [new { Prompt = Chat(content.Messages.SkipLast(1)), Chosen = Chat(content.Messages.TakeLast(1)), Rejected = Reply(rejected) }];

    private static List<object> Preference(PreferenceContent content, ExportReport report)
    {
        foreach (var field in (string[])["kind", "source", "group"]) report.Dropped(field);
        if (content.Weight < 1) report.Dropped("weight");
        if (content.Soft < 1) report.Dropped("soft");
        if (content.Nll) report.Dropped("nll");
        return [new { Prompt = Chat(content.Prompt), Chosen = Reply(content.Chosen), Rejected = Reply(content.Rejected) }];
    }

    private static List<object> Desirable(DesirableContent content, ExportReport report)
    {
        report.Dropped("source");
        report.Dropped("weight");
        return [new { Prompt = Chat(content.Prompt), Completion = Reply(content.Reply), Label = content.Desirable }];
    }

    private static object[] Reply(string text) => Chat([new("assistant", text)]);

    private static object[] Chat(IEnumerable<DatasetMessage> messages) => [.. messages.Select(m => new { m.Role, m.Content })];
}
