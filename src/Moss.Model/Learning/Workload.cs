namespace Moss.Model.Learning;

/// <summary>What the steps of a run read: counted by walking through them in the order in which they will come.</summary>
/// <param name="Tokens">Read in all steps.</param>
/// <param name="LearnedTokens">Those that count in the loss.</param>
/// <param name="BatchTokens">Most tokens of one forward pass.</param>
/// <param name="BatchRows">Most learned tokens of one forward pass.</param>
public sealed record Workload(int Steps, int BatchSize, long Tokens, long LearnedTokens, int BatchTokens, int BatchRows)
{
    private const int MostWalked = 2_000; // steps; of a longer run the rest is taken to be like them

    public static Workload Of(IReadOnlyList<Lesson> lessons, TrainingSettings settings, int documentsPerLesson)
    {
        var (steps, size) = (settings.TotalSteps(lessons.Count), Math.Min(settings.BatchSize, lessons.Count));
        var order = new ExampleOrder(lessons.Count, settings.Seed);
        var (walked, tokens, learned, most, rows) = (Math.Min(steps, MostWalked), 0L, 0L, 0, 0);
        for (var step = 0; step < walked; step++)
        {
            List<TrainingExample> documents = [.. Enumerable.Range(0, size).SelectMany(i => lessons[order.At((long)step * size + i)].Documents)];
            foreach (var batch in PackedBatch.Cut(documents, settings.MicroBatchTokens, documentsPerLesson))
            {
                var count = batch.Documents.Sum(d => d.LearnedCount);
                (most, rows) = (Math.Max(most, batch.TokenCount), Math.Max(rows, count));
                (tokens, learned) = (tokens + batch.TokenCount, learned + count);
            }
        }
        var share = (double)steps / walked;
        return new(steps, size, (long)(tokens * share), (long)(learned * share), most, rows);
    }
}
