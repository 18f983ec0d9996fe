using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Microsoft.JSInterop;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Conversations;

namespace Moss.Annotate.Features.Conversations;

/// <summary>Talk with MOSS, watch the reply arrive, judge it. What is on screen is read from the database, never only from fields.</summary>
public sealed partial class ConversationView(
    DatabaseLine database, Dialogue dialogue, Saying saying, SignedIn signedIn, IJSRuntime js, IStringLocalizer<ConversationWords> words) : IDisposable
{
    private const int Step = 60; // messages of a long path that are shown at first, and more at each asking

    private readonly CancellationTokenSource _closed = new();
    private CancellationTokenSource? _stop;
    private OpenConversation? _open;
    private ConversationTree _tree = new([]);
    private LiveReply? _live;
    private MossServerException? _trouble;
    private ElementReference _scroll;
    private Composer? _composer;
    private Guid _me, _nextMessage = Guid.CreateVersion7();
    private Guid? _why, _revealed;
    private int _shown = Step;
    private bool _missing, _sending, _following, _signedOut;
    private string? _error, _lastSaid, _announcement;

    private IStringLocalizer<ConversationWords> Words => words;

    [Parameter, EditorRequired] public Guid Id { get; set; }
    [Parameter] public Guid? Reveal { get; set; }
    [Parameter] public EventCallback<string> OnTitle { get; set; }

    /// <summary>Something that the list of conversations shows has changed.</summary>
    [Parameter] public EventCallback OnChanged { get; set; }

    private IReadOnlyList<Message> Path => _live is { } live ? _tree.PathTo(live.ParentId) : _tree.Path;
    private IEnumerable<Message> Shown => Path.Skip(Hidden);
    private int Hidden => Math.Max(0, Path.Count - _shown);
    private Message? Leaf => _tree.Path.Count > 0 ? _tree.Path[^1] : null;

    protected override async Task OnInitializedAsync()
    {
        try
        {
            _me = (await signedIn.AnnotatorAsync(_closed.Token)).Id;
            await LoadAsync();
            if (_open is not null) await OnTitle.InvokeAsync(_open.Conversation.Title);
            if (Leaf is { Role: Role.Human } question && saying.TakeToAnswer(question.Id)) _ = InvokeAsync(() => ReplyAsync(question.Id, Sampling.MostLikely));
        }
        catch (OperationCanceledException) { /* the page closed */ }
    }

    protected override void OnParametersSet()
    {
        if (_open is not null && Reveal is { } id && _revealed != id) ShowJudged(id);
    }

    // A link names the message that was judged; where it was corrected, the correction shows both.
    private void ShowJudged(Guid id) => _tree.Show(_tree.All.LastOrDefault(m => m.CorrectsId == id)?.Id ?? id);

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_open is null) return;
        if (!_following)
        {
            _following = true;
            await js.InvokeVoidAsync("moss.follow", _scroll, _open.Conversation.Origin == ConversationOrigin.Human); // others are read from the beginning
        }
        if (Reveal is not { } id || _revealed == id) return;
        _revealed = id;
        await js.InvokeVoidAsync("moss.reveal", _tree.All.LastOrDefault(m => m.CorrectsId == id)?.Id ?? id);
    }

    private async Task LoadAsync()
    {
        _open = await database.DoAsync((db, token) => db.OpenAsync(Id, token), _closed.Token);
        _missing = _open is null;
        if (_open is null) return;
        _tree = new ConversationTree(_open.Messages, _tree);
        if (Reveal is { } id && _revealed != id) ShowJudged(id);
        _lastSaid = _open.Messages.LastOrDefault(m => m.AuthorId == _me && m.Role == Role.Human)?.Text;
    }

    private async Task SendAsync(string text)
    {
        (_sending, _signedOut, _error, _trouble) = (true, false, null, null);
        try
        {
            var id = _nextMessage;
            await saying.SayAsync(Id, id, Leaf?.Id, text, _closed.Token);
            _nextMessage = Guid.CreateVersion7();
            await _composer!.ClearAsync();
            await LoadAsync();
            _tree.Show(id);
            _sending = false;
            await ReplyAsync(id, Sampling.MostLikely);
        }
        catch (MossInputException e)
        {
            _error = e.Message;
        }
        catch (NotAllowedException)
        {
            (_error, _signedOut) = (words["NotAllowed"], true);
        }
        catch (OperationCanceledException) { /* the page closed; the draft is kept */ }
        finally
        {
            _sending = false;
        }
    }

    private async Task ReplyAsync(Guid questionId, Sampling sampling)
    {
        if (_live is not null) return;
        var live = _live = new LiveReply(questionId);
        using var stop = _stop = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token);
        (_trouble, _announcement) = (null, null);
        StateHasChanged();
        try
        {
            await js.InvokeVoidAsync("moss.toEnd", stop.Token, _scroll);
            await dialogue.ReplyAsync(Id, _tree.PathTo(questionId), live, sampling, stop.Token);
            _announcement = words["Announced", live.Text.Length > 400 ? live.Text[..400] : live.Text];
        }
        catch (MossServerException e)
        {
            _trouble = e;
        }
        catch (OperationCanceledException) { /* stopped before the first word, or the page closed */ }
        finally
        {
            (_live, _stop) = (null, null);
        }
        if (_closed.IsCancellationRequested) return;
        await LoadAsync();
        if (_tree.Find(live.Id) is not null) _tree.Show(live.Id);
        StateHasChanged();
        await OnChanged.InvokeAsync();
    }

    private void Stop() => _stop?.Cancel();

    private Task RegenerateAsync(Message reply) => ReplyAsync(reply.ParentId!.Value, Sampling.Another(Random.Shared.NextInt64(1, int.MaxValue)));

    private Task AskAgainAsync()
    {
        var question = Leaf?.Role == Role.Moss ? Leaf.ParentId : Leaf?.Id;
        return question is { } id ? ReplyAsync(id, Sampling.MostLikely) : Task.CompletedTask;
    }

    private Task GoOnAsync() => SendAsync(words["PleaseGoOn"]);

    private void ShowAsync(Guid id)
    {
        _tree.Show(id);
        _why = null;
    }

    private async Task JudgedAsync(Guid? toShow)
    {
        await LoadAsync();
        if (toShow is { } id) _tree.Show(id);
        await OnChanged.InvokeAsync();
    }

    private void Why(Guid id) => _why = _why == id ? null : id;

    public void Dispose()
    {
        _closed.Cancel();
        _closed.Dispose();
    }
}
