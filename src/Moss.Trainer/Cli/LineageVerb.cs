using System.CommandLine;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Lineage;

namespace Moss.Trainer.Cli;

/// <summary>`lineage REPLY-or-CHECKPOINT`: where it came from, down to the judgements that taught it.</summary>
internal static class LineageVerb
{
    public static Command Create()
    {
        var what = new Argument<string>("what") { Description = "A reply's id, or a checkpoint by name or id." };
        var take = new Option<int>("--take") { Description = "How many judgements to print.", DefaultValueFactory = _ => 10 };
        return Session.Verb("lineage", "Say which judgements taught a reply or a checkpoint.", what, take).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            var (name, most) = (parsed.GetValue(what)!, parsed.GetValue(take));
            var why = Guid.TryParse(name, out var reply) ? await session.Db.WhyAsync(reply, most, cancellation) : null;
            var checkpoint = why?.Checkpoint ?? await session.Db.FindCheckpointAsync(name, cancellation);
            var taught = why?.TaughtBy ?? [.. (await session.Db.TaughtByAsync(checkpoint.Id, cancellation)).OrderBy(j => j.Generations).ThenByDescending(j => j.At).Take(most)];
            session.Print(
                new
                {
                    reply_id = why is null ? (Guid?)null : reply, checkpoint = checkpoint.Name, checkpoint_id = checkpoint.Id, run_id = checkpoint.TrainingRunId,
                    dataset = why?.Version?.Name, manifest_sha256 = checkpoint.ManifestSha256, judgements = why?.JudgementCount,
                    taught_by = taught.Select(j => new
                    {
                        judgement_id = j.JudgementId, kind = j.Kind.ToString().ToLowerInvariant(), j.Annotator, annotator_kind = j.AnnotatorKind.ToString().ToLowerInvariant(),
                        j.At, j.Prompt, j.Original, j.Correction, j.Score, j.Generations, same_prompt = why is not null && j.SamePrompt,
                    }),
                },
                string.Join('\n', Words(checkpoint, why, taught)));
            return 0;
        });
    }

    internal static IEnumerable<string> Words(Checkpoint checkpoint, ReplyLineage? why, IReadOnlyList<TaughtBy> taught)
    {
        yield return $"checkpoint {checkpoint.Name}, made {checkpoint.CreatedAt:u}, manifest {checkpoint.ManifestSha256[..12]}…";
        if (why?.Run is { } run) yield return $"  by run {run.Id} ({run.Recipe}) on dataset version {why.Version!.Name}, which rests on {why.JudgementCount:N0} judgements";
        if (taught.Count == 0) yield return "  No judgement taught it.";
        foreach (var j in taught)
        {
            yield return $"  {(why is not null && j.SamePrompt ? "this very question: " : "")}{j.Kind.ToString().ToLowerInvariant()} by {j.Annotator} ({j.AnnotatorKind.ToString().ToLowerInvariant()}), {j.At:u}";
            yield return $"    asked   {Line(j.Prompt)}";
            yield return $"    was     {Line(j.Original)}";
            if (j.Correction is { } correction) yield return $"    should  {Line(correction)}";
            else yield return $"    rated   {j.Score}";
        }
    }

    private static string Line(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= 100 ? line : line[..100] + "…";
    }
}
