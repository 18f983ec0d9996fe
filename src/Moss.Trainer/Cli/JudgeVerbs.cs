using System.CommandLine;
using Moss.Data.Judgements;

namespace Moss.Trainer.Cli;

/// <summary>`correct REPLY TEXT` and `rate REPLY SCORE`: judgements from the command line.</summary>
internal static class JudgeVerbs
{
    public static Command CreateCorrect()
    {
        var reply = new Argument<Guid>("reply") { Description = "The reply's id." };
        var text = new Argument<string>("text") { Description = "What it should have said." };
        var comment = Comment();
        return Session.Verb("correct", "Say what a reply should have been.", reply, text, comment).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var correction = await session.Db.CorrectAsync(
                parsed.GetValue(reply), session.Person.Id, Guid.CreateVersion7(), parsed.GetValue(text)!, null, parsed.GetValue(comment), null, cancellation);
            session.Print(
                new { judgement_id = correction.Id, kind = "correction", reply_id = correction.MessageId, correction_message_id = correction.CorrectionMessageId, annotator = session.Person.DisplayName },
                $"Correction {correction.Id} by {session.Person.DisplayName} is stored.");
            return 0;
        });
    }

    public static Command CreateRate()
    {
        var reply = new Argument<Guid>("reply") { Description = "The reply's id." };
        var score = new Argument<double>("score") { Description = "1 (harmful or useless) to 5 (could not be better)." };
        var comment = Comment();
        return Session.Verb("rate", "Rate a reply.", reply, score, comment).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var rating = await session.Db.RateAsync(
                parsed.GetValue(reply), session.Person.Id, Guid.CreateVersion7(), parsed.GetValue(score), parsed.GetValue(comment), null, cancellation);
            session.Print(
                new { judgement_id = rating.Id, kind = "rating", reply_id = rating.MessageId, rating.Score, annotator = session.Person.DisplayName },
                $"Rating {rating.Id}: {rating.Score} by {session.Person.DisplayName} is stored.");
            return 0;
        });
    }

    private static Option<string?> Comment() => new("--comment") { Description = "Why." };
}
