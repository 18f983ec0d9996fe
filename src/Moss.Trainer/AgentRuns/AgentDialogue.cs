using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.AgentRuns;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Judgements;
using Moss.Data.Training;

namespace Moss.Trainer.AgentRuns;

/// <summary>The dialogue of one agent run: who speaks in it, and what was said so far, in order.</summary>
internal sealed class AgentDialogue
{
    private const int Dialogue = 0; // without a matrix there is one
    private const int Sample = 0;
    private const string Target = "target";
    private const string Empty = "empty reply";
    private const double PassScore = 5, FailScore = 1; // CONTRACT, "Smaller decisions"

    private readonly AgentRun _run;
    private readonly Scenario _scenario;
    private readonly int _attempt;
    private readonly Guid _agent;
    private readonly List<Message> _path;

    private AgentDialogue(AgentRun run, Scenario scenario, int attempt, Guid agent, List<Message> path)
    {
        (_run, _scenario, _attempt, _agent, _path) = (run, scenario, attempt, agent, path);
        (Turn, Passed, Failed) = (run.Turn, run.ChecksPassed, run.ChecksFailed);
    }

    /// <summary>Turns that are stored.</summary>
    public int Turn { get; private set; }

    public int Passed { get; private set; }
    public int Failed { get; private set; }

    public IReadOnlyList<string> Replies => [.. _path.Where(m => m.Role == Role.Moss).Select(m => m.Text)];

    /// <summary>Prompt and reply tokens of all stored calls.</summary>
    public long Tokens => _path.Sum(m => (long)(m.Generation?.PromptTokens ?? 0) + (m.Generation?.CompletionTokens ?? 0));

    /// <summary>Time that the replies took, however many workers died between them.</summary>
    public double Seconds => _path.Sum(m => m.Generation?.TotalMs ?? 0) / 1000;

    /// <summary>Opens the run's conversation, or finds it as an earlier worker left it.</summary>
    public static async Task<AgentDialogue> OpenAsync(MossDbContext db, AgentRun run, Scenario scenario, int attempt, CancellationToken cancellation)
    {
        var agent = await db.EnsureMachineAsync(
            AnnotatorKind.Agent, scenario.Sha256, $"Scenario {scenario.Name}", TimeProvider.System.GetUtcNow(), cancellation);
        var conversation = await db.StartConversationAsync(
            RunIds.Of(run.Id, run.CreatedAt, 0, "conversation"), run.ProjectId, ConversationOrigin.Agent, $"{scenario.Name}: {scenario.Turns[0].User}",
            scenario.Languages[0], agent.Id, run.Id, scenario.Target.System, cancellation);
        var last = run.Turn == 0
            ? await db.Messages.Where(m => m.ConversationId == conversation.Id && m.Role == Role.System).Select(m => (Guid?)m.Id).FirstOrDefaultAsync(cancellation)
            : ReplyId(run, run.Turn);
        return new AgentDialogue(run, scenario, attempt, agent.Id, last is { } id ? await db.PathAsync(id, cancellation) : []);
    }

    /// <summary>The next call: reserved and committed before the request leaves. An answer that came back empty twice ends the dialogue.</summary>
    public async Task<(AgentCall Call, Asking Asking)?> NextCallAsync(MossDbContext db, CancellationToken cancellation)
    {
        var redo = await db.AgentCalls.CountAsync(
            c => c.RunId == _run.Id && c.Dialogue == Dialogue && c.Turn == Turn && c.State == AgentCallState.Failed && c.Error == Empty, cancellation);
        if (redo >= 2) return null;
        var seed = Seeds.Of(_run.Seed, _scenario.Sha256, cell: "", run: 0, Turn, Target, Sample, redo);
        var call = await db.ReserveCallAsync(_run.Id, Dialogue, Turn, Target, Sample, seed, cancellation);
        var s = _scenario.Target.Sampling;
        // The checkpoint that began the dialogue goes on with it, whatever is deployed meanwhile.
        var model = _path.Find(m => m.Generation is not null)?.Generation!.CheckpointId.ToString() ?? _scenario.Target.Model;
        IReadOnlyList<Said> messages =
        [
            .. _path.Select(m => new Said(m.Role switch { Role.System => "system", Role.Moss => "assistant", _ => "user" }, m.Text)),
            new Said("user", _scenario.Turns[Turn].User),
        ];
        return (call, new Asking(model, messages, s.Temperature, s.TopP, s.TopK, seed, s.Stop, s.MaxOutputTokens));
    }

    public static Task RejectEmptyAsync(MossDbContext db, AgentCall call, CancellationToken cancellation) =>
        db.SettleCallAsync(call.Id, null, Empty, cancellation);

    /// <summary>Stores the whole turn at once: question, reply, checks, correction, progress. Null when another worker has the run.</summary>
    public async Task<List<CheckResult>?> StoreAsync(MossDbContext db, AgentCall call, Asking asking, Answer answer, CancellationToken cancellation)
    {
        var (turn, number) = (_scenario.Turns[Turn], Turn + 1);
        var (question, reply) = (Id(number, "question"), ReplyId(_run, number));
        var (facts, conversation) = (answer.Facts, Id(0, "conversation"));
        var results = Checks.Run(turn.Expect, answer.Text);
        var (passed, failed) = (Passed + results.Count(r => r.Passed), Failed + results.Count(r => !r.Passed));

        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await db.SayAsync(question, conversation, _path.LastOrDefault()?.Id, turn.User, _agent, cancellation);
        await db.BeginReplyAsync(reply, conversation, question, "", new Generation
        {
            MessageId = reply, CheckpointId = facts.CheckpointId, Seed = asking.Seed,
            Sampling = JsonSerializer.Serialize(asking with { Messages = [] }, MossClient.Json),
        }, cancellation);
        await db.EndReplyAsync(reply, answer.Text, MessageState.Complete, new ReplyOutcome(
            facts.StopReason, facts.TemplateSha256, facts.Seed, facts.PromptTokens, facts.CompletionTokens, facts.FirstTokenMs, facts.TotalMs, facts.SumLogProb), cancellation);
        await JudgeAsync(db, reply, number, results, cancellation);
        await db.SettleCallAsync(call.Id, reply, null, cancellation);
        if (!await db.ProgressAgentRunAsync(_run.Id, _attempt, number, passed, failed, cancellation)) return null;
        await transaction.CommitAsync(cancellation);

        _path.AddRange((await db.PathAsync(reply, cancellation)).TakeLast(2));
        (Turn, Passed, Failed) = (number, passed, failed);
        return results;
    }

    /// <summary>One rating of the attribute check per reply: 5 when all that is required holds, else 1 with what failed; a known answer becomes a correction.</summary>
    private async Task JudgeAsync(MossDbContext db, Guid reply, int number, List<CheckResult> results, CancellationToken cancellation)
    {
        if (results.Count == 0) return;
        var failed = results.Where(r => !r.Passed).ToList();
        var comment = failed.Count == 0 ? null : string.Join("; ", failed.Select(r => $"{r.Check.Name}: {r.Why}"));
        await db.RateAsync(
            reply, _agent, Id(number, "rating"), failed.Any(r => r.Check.Required) ? FailScore : PassScore,
            comment?[..Math.Min(comment.Length, 2_000)], null, cancellation, Rating.Check);
        if (failed.Select(r => Checks.KnownAnswer(r.Check)).FirstOrDefault(a => a is not null) is { } answer)
            await db.CorrectAsync(reply, _agent, Id(number, "correction"), answer, "check", comment, null, cancellation);
    }

    private static Guid ReplyId(AgentRun run, int number) => RunIds.Of(run.Id, run.CreatedAt, number, "reply");

    private Guid Id(int number, string what) => RunIds.Of(_run.Id, _run.CreatedAt, number, what);
}
