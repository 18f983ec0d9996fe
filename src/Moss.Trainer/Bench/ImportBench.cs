using Moss.Data;
using Moss.Data.Interchange;

namespace Moss.Trainer.Bench;

/// <summary>How long a file of conversations takes to come into an empty database, and again when all of it is known.</summary>
internal sealed class ImportBench(Func<MossDbContext> open, string file)
{
    public async Task<object> RunAsync(string project, CancellationToken cancellation)
    {
        await using var db = open();
        var load = Conditions.LoadAverage();
        var first = await Importing.ImportAsync(db, file, "auto", project, null, null, cancellation);
        var again = await Importing.ImportAsync(db, file, "auto", project, null, null, cancellation);
        return new
        {
            bench = "import",
            file = Path.GetFileName(file),
            bytes = new FileInfo(file).Length,
            format = first.Format,
            conversations = first.Added,
            messages = first.Messages,
            seconds = Math.Round(first.Seconds, 2),
            again_added = again.Added,
            again_seconds = Math.Round(again.Seconds, 2),
            load_average = load,
        };
    }
}
