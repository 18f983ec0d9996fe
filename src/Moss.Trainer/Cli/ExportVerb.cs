using System.CommandLine;
using System.Text;
using Moss.Data.Datasets;
using Moss.Data.Interchange;

namespace Moss.Trainer.Cli;

/// <summary>`export`: a dataset version as JSON lines for another trainer, streamed.</summary>
internal static class ExportVerb
{
    public static Command Create()
    {
        var dataset = new Option<string>("--dataset") { Required = true, Description = "A dataset version, by name or id." };
        var format = new Option<string>("--format") { Description = string.Join(", ", Exporting.Formats), DefaultValueFactory = _ => Exporting.Formats[0] };
        var output = new Option<FileInfo>("--out") { Required = true, Description = "The file to write." };
        return Session.Verb("export", "Export a dataset version.", dataset, format, output).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var version = await session.Db.FindDatasetVersionAsync(session.Project.Id, parsed.GetValue(dataset)!, cancellation);
            var target = parsed.GetValue(output)!.FullName;
            var aside = $"{target}.tmp-{Guid.NewGuid():N}"; // an export that fails leaves no half a file
            ExportReport report;
            try
            {
                await using (var writer = new StreamWriter(aside, append: false, new UTF8Encoding(false)))
                    report = await Exporting.ExportAsync(session.Db, version.Id, parsed.GetValue(format)!, writer, cancellation);
                File.Move(aside, target, overwrite: true);
            }
            finally
            {
                File.Delete(aside);
            }
            if (session.Json) Console.WriteLine(report.ToJson());
            else
            {
                Console.WriteLine($"{report.Rows:N0} rows of {version.Name} written to {target} ({report.Format}); {report.Skipped:N0} examples have no row in this format.");
                foreach (var (field, times) in report.DroppedFields) Console.WriteLine($"  dropped  {field} ({times:N0} times)");
            }
            return 0;
        });
    }
}
