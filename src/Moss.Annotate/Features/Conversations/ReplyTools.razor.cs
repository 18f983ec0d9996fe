using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations.Judging;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Conversations;
using Moss.Data.Judgements;

namespace Moss.Annotate.Features.Conversations;

/// <summary>Rate, correct, flag, ask again, ask why - and what others said about this reply.</summary>
public sealed partial class ReplyTools(Judge judge, TimeProvider time, IStringLocalizer<ConversationWords> words) : IDisposable
{
    private readonly CancellationTokenSource _closed = new();
    private readonly long _shownAt = time.GetTimestamp();

    // One key per score, made when the control is shown: a click delivered twice rates once, another score rates anew.
    private readonly Dictionary<int, Guid> _keys = Enumerable.Range(1, 5).ToDictionary(score => score, _ => Guid.CreateVersion7());
    private OpenConversation? _seen;
    private int? _given; // shown at once, until the conversation is read again
    private bool _busy, _flagging;
    private string? _error;

    private IStringLocalizer<ConversationWords> Words => words;

    [Parameter, EditorRequired] public Message Message { get; set; } = null!;
    [Parameter, EditorRequired] public OpenConversation In { get; set; } = null!;
    [Parameter] public Guid Me { get; set; }
    [Parameter] public bool IsCorrection { get; set; }
    [Parameter] public bool Replying { get; set; }
    [Parameter] public bool WhyOpen { get; set; }
    [Parameter] public EventCallback OnJudged { get; set; }
    [Parameter] public EventCallback OnCorrect { get; set; }
    [Parameter] public EventCallback OnRegenerate { get; set; }
    [Parameter] public EventCallback OnWhy { get; set; }

    /// <summary>Carries the id of a message to show in this one's place.</summary>
    [Parameter] public EventCallback<Guid> OnShow { get; set; }

    private int? Mine => _given ?? (int?)In.Judgements[Message.Id].OfType<Rating>()
        .LastOrDefault(r => r.AnnotatorId == Me && r.Attribute == Rating.Overall)?.Score;

    // Everything but the person's own overall score, which the buttons show.
    private IEnumerable<Judgement> Said => In.Judgements[Message.Id]
        .Where(j => j is not Rating { Attribute: Rating.Overall } || j.AnnotatorId != Me).Where(j => j is Rating or Flag or Correction);

    protected override void OnParametersSet()
    {
        if (ReferenceEquals(_seen, In)) return;
        (_seen, _given) = (In, null);
    }

    private string Describe(Judgement said)
    {
        var person = In.People.GetValueOrDefault(said.AnnotatorId);
        var name = person?.Kind == AnnotatorKind.Agent ? "⚙ " + person.DisplayName : person?.DisplayName ?? "?";
        return said switch
        {
            Rating r => words["SaidRating", name, r.Score.ToString("0.#", CultureInfo.CurrentCulture), r.ScaleMax],
            Flag f => words["SaidFlag", name, words[$"Flag-{f.Category}"]],
            _ => words["SaidCorrection", name],
        };
    }

    private async Task RateAsync(int score)
    {
        if (_busy || Mine == score) return;
        (_busy, _given) = (true, score);
        if (!await TryAsync(() => judge.RateAsync(Message.Id, _keys[score], score, ActiveMs(), _closed.Token))) _given = null;
        _keys[score] = Guid.CreateVersion7(); // rating so again later is another judgement
        _busy = false;
    }

    private Task FlaggedAsync()
    {
        _flagging = false;
        return OnJudged.InvokeAsync();
    }

    private async Task<bool> TryAsync(Func<Task> work)
    {
        _error = null;
        try
        {
            await work();
            await OnJudged.InvokeAsync();
            return true;
        }
        catch (MossInputException e)
        {
            _error = e.Message;
        }
        catch (NotAllowedException)
        {
            _error = words["NotAllowed"];
        }
        catch (OperationCanceledException) { /* the page closed */ }
        return false;
    }

    // Time since the control was shown; idle stretches are capped (a reply is read within minutes).
    private int ActiveMs() => (int)Math.Min(time.GetElapsedTime(_shownAt).TotalMilliseconds, TimeSpan.FromMinutes(5).TotalMilliseconds);

    public void Dispose()
    {
        _closed.Cancel();
        _closed.Dispose();
    }
}
