using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Datasets;
using Moss.Data.Judgements;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Datasets;

/// <summary>Why an example is in a version: someone's judgement, or an imported conversation.</summary>
public sealed record ExampleReason(Guid? JudgementId, string? Kind, double? Score, string? By, AnnotatorKind? ByKind, DateTimeOffset? At, Guid ConversationId, Guid MessageId);

/// <summary>
/// An example as it is shown: its words, what is said about them (the key of a word, and a number for its place), and why it is
/// there.
/// </summary>
public sealed record ExampleView(
    int Ordinal, DatasetContent Content, IReadOnlyList<(string Key, double Number)> Marks, IReadOnlyList<ExampleReason> Reasons);

internal static class ExamplePage
{
    public const int Size = 20;

    /// <summary>One page of a side of a version, in its own order; only those that hold the words, if there are any.</summary>
    public static async Task<List<ExampleView>> ExamplePageAsync(
        this MossDbContext db, DatasetVersion version, Split split, string? words, int skip, CancellationToken cancellation)
    {
        var found = db.DatasetExamples.AsNoTracking().Where(e => e.VersionId == version.Id && e.Split == split);
        if (!string.IsNullOrWhiteSpace(words))
        {
            var pattern = $"%{words.Trim().Replace("\0", "").Replace(@"\", @"\\").Replace("%", @"\%").Replace("_", @"\_")}%";
            found = found.Where(e => EF.Functions.ILike(e.Content, pattern, @"\"));
        }
        var examples = await found.OrderBy(e => e.Ordinal).Skip(skip).Take(Size).ToListAsync(cancellation);
        var ordinals = examples.ConvertAll(e => e.Ordinal);

        var judged = await (
            from s in db.DatasetExampleSources.AsNoTracking()
            where s.VersionId == version.Id && ordinals.Contains(s.Ordinal)
            join j in db.Judgements on s.JudgementId equals j.Id
            join a in db.Annotators on j.AnnotatorId equals a.Id
            join m in db.Messages on j.MessageId equals m.Id
            select new { s.Ordinal, j, Score = j is Rating ? ((Rating)j).Score : (double?)null, a.DisplayName, a.Kind, m.ConversationId }).ToListAsync(cancellation);
        var imported = await (
            from s in db.DatasetExampleSources.AsNoTracking()
            where s.VersionId == version.Id && ordinals.Contains(s.Ordinal)
            join m in db.Messages on s.MessageId equals m.Id
            select new { s.Ordinal, m.Id, m.ConversationId }).ToListAsync(cancellation);

        return examples.ConvertAll(e => new ExampleView(
            e.Ordinal, DatasetContent.Read(version.Recipe, e.Content), Marks(version.Recipe, e.Content),
        [
            .. judged.Where(s => s.Ordinal == e.Ordinal).OrderBy(s => s.j.CreatedAt)
                .Select(s => new ExampleReason(s.j.Id, s.j.GetType().Name, s.Score, s.DisplayName, s.Kind, s.j.CreatedAt, s.ConversationId, s.j.MessageId)),
            .. imported.Where(s => s.Ordinal == e.Ordinal).DistinctBy(s => s.ConversationId)
                .Select(s => new ExampleReason(null, null, null, null, null, null, s.ConversationId, s.Id)),
        ]));
    }

    private static List<(string Key, double Number)> Marks(string recipe, string content)
    {
        switch (recipe)
        {
            case Recipes.Dpo or Recipes.Reward:
                var preference = PreferenceContent.Parse(content);
                return [("Mark_weight", preference.Weight), ("Mark_soft", preference.Soft)];
            case Recipes.Kto:
                var reply = DesirableContent.Parse(content);
                return [(reply.Desirable ? "Mark_desirable" : "Mark_undesirable", 0), ("Mark_weight", reply.Weight)];
            default:
                return DatasetContent.Parse(content).Quality is { } quality ? [("Mark_" + quality, 0)] : [];
        }
    }
}
