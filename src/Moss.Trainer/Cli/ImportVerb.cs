using System.CommandLine;
using Moss.Data.Interchange;

namespace Moss.Trainer.Cli;

/// <summary>`import FILE`: conversations of a file into a project, all or nothing, nothing twice.</summary>
internal static class ImportVerb
{
    public static Command Create()
    {
        var file = new Argument<FileInfo>("file") { Description = "JSON lines, or one JSON array." };
        var format = new Option<string>("--format") { Description = "moss, oasst, openai, or auto.", DefaultValueFactory = _ => "auto" };
        var keepGoing = new Option<FileInfo?>("--keep-going") { Description = "Write lines that cannot be read here, with the reason, and import the others." };
        return Session.Verb("import", "Import conversations.", file, format, keepGoing).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var bar = new ProgressBar(TimeProvider.System);
            var report = await Importing.ImportAsync(
                session.Db, parsed.GetValue(file)!.FullName, parsed.GetValue(format)!, session.Project.Name, parsed.GetValue(keepGoing)?.FullName,
                new Progress<ImportProgress>(p => bar.Show($"{p.Conversations:N0} conversations read", p.BytesTotal == 0 ? 1 : (double)p.BytesRead / p.BytesTotal)),
                cancellation);
            bar.End();
            if (session.Json)
            {
                Console.WriteLine(report.ToJson());
                return 0;
            }
            Console.WriteLine($"{report.Conversations:N0} conversations of {report.File} ({report.Format}): {report.Added:N0} added with {report.Messages:N0} messages " +
                $"and {report.Judgements:N0} judgements, {report.Skipped:N0} known already, {report.Rejected:N0} rejected, in {report.Seconds:F1} s.");
            foreach (var (field, times) in report.DroppedFields) Console.WriteLine($"  dropped  {field} ({times:N0} times)");
            foreach (var (field, times) in report.DerivedFields) Console.WriteLine($"  derived  {field} ({times:N0} times)");
            return 0;
        });
    }
}
