using Microsoft.EntityFrameworkCore;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Judgements;

namespace Moss.Data.Tests;

/// <summary>Several replies to one question, and short ways to judge them.</summary>
internal static class Replies
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    /// <summary>A new conversation in which MOSS answered the question in several ways.</summary>
    public static async Task<(Message Question, IReadOnlyList<Guid> Replies)> AnswersAsync(
        this Database data, Guid project, Guid annotator, Guid moss, string question, params string[] answers)
    {
        var (conversation, asked, first) = await data.ExchangeAsync(project, annotator, moss, question, answers[0]);
        var replies = new List<Guid> { first.Id };
        foreach (var answer in answers[1..])
        {
            await using var db = data.CreateDbContext();
            var id = Guid.CreateVersion7();
            await db.BeginReplyAsync(id, conversation, asked.Id, "", new Generation { MessageId = id, CheckpointId = moss }, Test);
            await db.EndReplyAsync(id, answer, MessageState.Complete, new ReplyOutcome("stop", TotalMs: 1), Test);
            replies.Add(id);
        }
        return (asked, replies);
    }

    public static Task<Annotator> AgentAsync(this Database data) => data.With(db => db.EnsureMachineAsync(
        AnnotatorKind.Agent, $"{Guid.NewGuid():N}{Guid.NewGuid():N}", "judge", Database.Now, Test));

    public static async Task<Guid> CompareAsync(this Database data, Guid left, Guid right, Guid by, ComparisonOutcome outcome) =>
        (await data.With(db => db.CompareAsync(left, right, by, Guid.NewGuid(), outcome, null, null, null, Test))).Id;

    public static async Task<Guid> RankAsync(this Database data, Guid question, Guid by, params Guid[] bestFirst) =>
        (await data.With(db => db.RankAsync(question, by, Guid.NewGuid(), bestFirst, null, null, Test))).Id;

    public static async Task<Guid> RateAsync(this Database data, Guid reply, Guid by, double score) =>
        (await data.With(db => db.RateAsync(reply, by, Guid.NewGuid(), score, null, null, Test))).Id;

    public static Task<Correction> CorrectAsync(this Database data, Guid reply, Guid by, string text) =>
        data.With(db => db.CorrectAsync(reply, by, Guid.NewGuid(), text, null, null, null, Test));

    public static Task<DatasetVersion> FreezeAsync(this Database data, Guid project, FreezeRule rule) =>
        data.With(db => db.FreezeAsync(project, null, rule, null, Test));

    /// <summary>All examples in order, with their sources.</summary>
    public static Task<List<DatasetExample>> ExamplesAsync(this Database data, DatasetVersion version) => data.With(db =>
        db.DatasetExamples.AsNoTracking().Include(e => e.Sources).Where(e => e.VersionId == version.Id).OrderBy(e => e.Ordinal).ToListAsync(Test));

    public static async Task<List<PreferenceContent>> PreferencesAsync(this Database data, DatasetVersion version) =>
        [.. (await data.ExamplesAsync(version)).Select(e => PreferenceContent.Parse(e.Content))];
}
