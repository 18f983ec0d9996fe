using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Moss.Model;
using Moss.Model.Learning;

namespace Moss.Trainer.Training;

/// <summary>
/// The log-probabilities of the network before tuning, which some objectives compare with: computed once per run and kept in its folder, so that an attempt
/// that goes on compares with the very same numbers.
/// </summary>
/// <param name="file">Where they are kept.</param>
/// <param name="key">All that decides the numbers: dataset, base checkpoint, template, number format.</param>
internal sealed class References(string file, string key)
{
    private sealed record Kept(string Key, double[][] Own, double[] Mismatched);

    /// <summary>The lessons with their references filled in.</summary>
    public IReadOnlyList<Lesson> Of(Transformer model, IReadOnlyList<Lesson> lessons, int microBatchTokens)
    {
        var wanted = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        if (Read() is { } kept && kept.Key == wanted && kept.Own.Length == lessons.Count && kept.Mismatched.Length == lessons.Count)
            return [.. lessons.Select((l, i) => l with { Reference = kept.Own[i], MismatchedReference = kept.Mismatched[i] })];
        var measured = TrainingLoop.WithReference(model, lessons, microBatchTokens);
        Write(new(wanted, [.. measured.Select(l => l.Reference!.ToArray())], [.. measured.Select(l => l.MismatchedReference)]));
        return measured;
    }

    private Kept? Read()
    {
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize<Kept>(File.ReadAllBytes(file)) : null;
        }
        catch (JsonException)
        {
            return null; // not whole: computed again
        }
    }

    private void Write(Kept kept)
    {
        var aside = $"{file}.tmp";
        using (var stream = new FileStream(aside, FileMode.Create))
        {
            JsonSerializer.Serialize(stream, kept);
            stream.Flush(flushToDisk: true);
        }
        File.Move(aside, file, overwrite: true);
    }
}
