using System.Text;
using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Trainer.Bench;

/// <summary>
/// Megabytes of UTF-8 text per second through a folder's tokenizer: with an empty piece cache and with a filled one, by one
/// thread and by several.
/// </summary>
internal sealed class TokenizeBench(string folder, string file, int passes)
{
    private const int FreshTokenizers = 3;

    public IEnumerable<object> Run(IReadOnlyList<int> threads)
    {
        var texts = Texts(file);
        var bytes = texts.Sum(text => (long)Encoding.UTF8.GetByteCount(text));
        foreach (var count in threads)
        {
            // Cold: the first pass of a tokenizer that has seen no text. Warm: what follows in the same process.
            var (cold, warm, load, tokens) = (new List<double>(), new List<double>(), new List<double>(), 0L);
            for (var fresh = 0; fresh < FreshTokenizers; fresh++)
            {
                var started = TimeProvider.System.GetTimestamp();
                var tokenizer = Tokenizer.Load(folder);
                load.Add(TimeProvider.System.GetElapsedTime(started).TotalMilliseconds);
                cold.Add(Seconds(tokenizer, texts, count, out tokens));
                for (var pass = 0; pass < passes; pass++) warm.Add(Seconds(tokenizer, texts, count, out tokens));
            }
            yield return new
            {
                bench = "tokenize",
                tokenizer = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
                file = Path.GetFileName(file),
                texts = texts.Count,
                bytes,
                tokens,
                threads = count,
                cold_mb_per_s_best = Speed(bytes, cold.Min()),
                warm_mb_per_s_best = Speed(bytes, warm.Min()),
                warm_mb_per_s_median = Speed(bytes, warm.Order().ElementAt(warm.Count / 2)),
                warm_passes = warm.Count,
                load_ms_best = Math.Round(load.Min(), 1),
                cores = Environment.ProcessorCount,
                load_average = Conditions.LoadAverage(),
            };
        }
    }

    private static double Seconds(Tokenizer tokenizer, IReadOnlyList<string> texts, int threads, out long tokens)
    {
        var started = TimeProvider.System.GetTimestamp();
        tokens = tokenizer.EncodeAll(texts, threads).Sum(ids => (long)ids.Length);
        return TimeProvider.System.GetElapsedTime(started).TotalSeconds;
    }

    private static double Speed(long bytes, double seconds) => Math.Round(bytes / seconds / 1e6, 2);

    /// <summary>Every "text" in a file of JSON lines, however deep; for OASST trees that is each message.</summary>
    private static List<string> Texts(string file)
    {
        var texts = new List<string>();
        foreach (var line in File.ReadLines(file))
        {
            using var document = JsonDocument.Parse(line);
            Collect(document.RootElement, texts);
        }
        return texts.Count > 0 ? texts : throw new InvalidDataException(
            $"'{file}' has no \"text\" in any line; give a file of JSON lines that has.");
    }

    private static void Collect(JsonElement element, List<string> texts)
    {
        if (element.ValueKind == JsonValueKind.Array)
            foreach (var child in element.EnumerateArray()) Collect(child, texts);
        if (element.ValueKind != JsonValueKind.Object) return;
        foreach (var field in element.EnumerateObject())
            if (field.NameEquals("text") && field.Value.ValueKind == JsonValueKind.String) texts.Add(field.Value.GetString()!);
            else Collect(field.Value, texts);
    }
}
