using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Audit;
using Moss.Data.Projects;
using Npgsql;

namespace Moss.Data.Interchange;

/// <summary>Brings conversations of a file into a project: everything or nothing, and nothing twice.</summary>
public static class Importing
{
    internal const int MaxDepth = 2_048;
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    private static readonly Dictionary<string, Func<JsonElement, ImportReport, ImportedConversation>> Formats = new(StringComparer.Ordinal)
    {
        ["moss"] = MossFormat.Read,
        ["oasst"] = OasstFormat.Read,
        ["openai"] = OpenAiFormat.Read,
    };

    /// <summary>
    /// Imports JSON lines (or one array, or one object) of a format: moss, oasst, openai, or auto. The first line that cannot be read stops the import and
    /// nothing is stored; with a rejects file such lines go there, with the reason, and the others are stored.
    /// </summary>
    public static async Task<ImportReport> ImportAsync(
        MossDbContext db, string path, string format, string project, string? rejectsPath, IProgress<ImportProgress>? progress, CancellationToken cancellation)
    {
        if (format != "auto" && !Formats.ContainsKey(format))
            throw new MossInputException($"'{format}' is not a format that can be imported. Known: {string.Join(", ", Formats.Keys)}, auto.");
        if (string.IsNullOrWhiteSpace(project) || project.Length > 64) throw new MossInputException("A project's name has 1 to 64 characters.");
        var clock = Stopwatch.StartNew();
        await using var file = Open(path);
        var name = Path.GetFileName(path);

        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var now = await db.Database.SqlQuery<DateTime>($"SELECT now() AS \"Value\"").SingleAsync(cancellation);
        var owner = await db.EnsureProjectAsync(project, new DateTimeOffset(now, TimeSpan.Zero), cancellation);
        // One import into a project at a time: two that hold the same keys in another order would deadlock.
        await db.LockAsync($"import:{owner.Id}", cancellation);

        var report = new ImportReport { File = name, Format = format, Project = project };
        var store = await ImportStore.OpenAsync((NpgsqlConnection)db.Database.GetDbConnection(), owner.Id, cancellation);
        await using var rejects = rejectsPath is null ? null : new RejectsFile(rejectsPath);
        var occurrences = new Dictionary<UInt128, int>();
        try
        {
            await foreach (var item in JsonItems.ReadAsync(file, cancellation))
            {
                // Counted apart, so that a rejected line leaves no trace in the report.
                var fields = new ImportReport { File = name, Format = format, Project = project };
                try
                {
                    var conversation = Read(item.Bytes, ref format, fields);
                    var hash = SHA256.HashData(item.Bytes.Span);
                    var occurrence = CountOf(occurrences, hash);
                    await store.AddAsync(conversation, $"{Convert.ToHexStringLower(hash)}:{occurrence}", cancellation);
                }
                catch (ImportProblem problem) when (rejects is not null)
                {
                    report.Rejected++;
                    await rejects.AddAsync(item, problem.Message, cancellation);
                    continue;
                }
                catch (ImportProblem problem)
                {
                    throw new MossInputException($"{name}, {item.Where}: {problem.Message}. Nothing was stored. Mend the line, or keep going with a rejects file.", problem);
                }
                report.Conversations++;
                foreach (var (field, count) in fields.DroppedFields) report.Dropped(field, count);
                foreach (var (field, count) in fields.DerivedFields) report.Derived(field, count);
                if (report.Conversations % 200 == 0) progress?.Report(new(item.EndsAt, file.Length, report.Conversations));
            }
        }
        catch (ImportProblem problem)
        {
            throw new MossInputException($"{name}: {problem.Message}. Nothing was stored.", problem);
        }
        if (report.Conversations + report.Rejected == 0) throw new MossInputException($"{name} holds no conversation: the file is empty. Nothing was stored.");
        report = report with { Format = format };
        report.Derived("title", report.Conversations);

        (report.Added, report.Messages, report.Judgements) = await store.FinishAsync(db, cancellation);
        report.Skipped = report.Conversations - report.Added;
        await db.AuditAsync("import", "imported", $"{name} into {project}", new { report.Format, report.Added, report.Skipped, report.Rejected }, cancellation);
        await transaction.CommitAsync(cancellation);
        if (report.Added > 0) await db.Database.ExecuteSqlAsync($"ANALYZE conversations, messages", cancellation); // so that the next freeze is planned well
        report.Seconds = clock.Elapsed.TotalSeconds;
        progress?.Report(new(file.Length, file.Length, report.Conversations));
        return report;
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MossInputException($"The file {path} cannot be read: {e.Message}", e);
        }
    }

    private static ImportedConversation Read(ReadOnlyMemory<byte> bytes, ref string format, ImportReport fields)
    {
        if (bytes.Span is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..]) throw new ImportProblem("encoding", "the file is UTF-16; save it as UTF-8");
        if (!Utf8.IsValid(bytes.Span)) throw new ImportProblem("encoding", "the line is not UTF-8");
        JsonDocument line;
        try
        {
            line = JsonDocument.Parse(bytes, Strict);
        }
        catch (JsonException e)
        {
            throw new ImportProblem("JSON", e.Message.Split(". Path:")[0].Split(". LineNumber:")[0].TrimEnd('.') +
                FormattableString.Invariant($" (at byte {e.BytePositionInLine ?? 0})"));
        }
        using (line)
        {
            if (format == "auto") format = Detect(line.RootElement);
            return Formats[format](line.RootElement, fields);
        }
    }

    private static string Detect(JsonElement line)
    {
        JsonFields.Is(line, JsonValueKind.Object, "line");
        return line.TryGetProperty("chat", out _) && line.TryGetProperty("meta_instruction", out _) ? "moss"
            : line.TryGetProperty("prompt", out _) && line.TryGetProperty("message_tree_id", out _) ? "oasst"
            : line.TryGetProperty("messages", out _) ? "openai"
            : throw new ImportProblem("format", "not recognized: moss has chat and meta_instruction, oasst has message_tree_id and prompt, openai has messages; name the format");
    }

    private static int CountOf(Dictionary<UInt128, int> occurrences, byte[] hash)
    {
        var key = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(hash);
        var count = occurrences.GetValueOrDefault(key);
        occurrences[key] = count + 1;
        return count;
    }

    private sealed class RejectsFile(string path) : IAsyncDisposable
    {
        private StreamWriter? writer;

        public async Task AddAsync(JsonItem item, string reason, CancellationToken cancellation)
        {
            writer ??= new StreamWriter(path, false, new UTF8Encoding(false));
            var text = Utf8.IsValid(item.Bytes.Span) ? Encoding.UTF8.GetString(item.Bytes.Span) : null;
            var row = JsonSerializer.Serialize(
                new { item.Where, reason, content = text, content_base64 = text is null ? Convert.ToBase64String(item.Bytes.Span) : null }, Json.SnakeCase);
            await writer.WriteLineAsync(row.AsMemory(), cancellation);
        }

        public ValueTask DisposeAsync() => writer?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
