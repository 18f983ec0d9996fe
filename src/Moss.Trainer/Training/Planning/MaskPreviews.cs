using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Training;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Text;

namespace Moss.Trainer.Training.Planning;

/// <summary>Shows what of one example is learned, by the same rendering that a run uses.</summary>
internal static class MaskPreviews
{
    private const int MostShown = 4_000; // tokens of a document; the page says how many more there are

    public static async Task<MaskPreview> OfAsync(MossDbContext db, TrainingPlan asked, string checkpoints, CancellationToken cancellation)
    {
        var settings = TuningSettings.Parse(asked.Recipe, asked.Settings);
        var count = await db.DatasetExamples.CountAsync(e => e.VersionId == asked.DatasetVersionId, cancellation);
        var example = await db.DatasetExamples.AsNoTracking().Where(e => e.VersionId == asked.DatasetVersionId)
                .OrderBy(e => e.Ordinal).Skip(asked.ExampleOrdinal!.Value).FirstOrDefaultAsync(cancellation)
            ?? throw new MossInputException($"The dataset version has {count} examples; number {asked.ExampleOrdinal + 1} is none of them.");
        var basis = await db.Checkpoints.AsNoTracking().SingleAsync(c => c.Id == asked.BaseCheckpointId, cancellation);
        var folder = CheckpointFolder.Open(Path.Combine(checkpoints, basis.Folder));
        var tokenizer = Tokenizer.Load(folder.Path);
        var most = Math.Min(settings.MaxTokens, folder.Config.ContextLength);
        var content = RunPlan.Content(asked.Recipe, example.Content);
        var (lessons, _) = new Rendering(ChatTemplate.For(folder, tokenizer), most, folder.AskedQuality).Render([content]);
        return new(asked.ExampleOrdinal.Value, example.Split.ToString().ToLowerInvariant(), count, most,
            lessons.Count == 0 ? [] : [.. lessons[0].Lesson.Documents.Select((d, i) => Masked(Name(content, i), d, tokenizer))]);
    }

    private static string Name(IExampleContent content, int place) => content switch
    {
        PreferenceContent => place == 0 ? "chosen" : "rejected",
        DesirableContent { Desirable: true } => "desirable",
        DesirableContent => "undesirable",
        _ => "conversation",
    };

    private static MaskedDocument Masked(string name, TrainingExample document, Tokenizer tokenizer)
    {
        var (spans, shown) = (new List<MaskedSpan>(), Math.Min(document.Tokens.Length, MostShown));
        for (int start = 0, end; start < shown; start = end)
        {
            end = start + 1;
            while (end < shown && document.Learn[end] == document.Learn[start]) end++;
            spans.Add(new(tokenizer.Decode(document.Tokens.AsSpan(start, end - start).ToArray()), end - start, document.Learn[start]));
        }
        return new(name, document.Tokens.Length, document.LearnedCount, document.Tokens.Length - shown, spans);
    }
}
