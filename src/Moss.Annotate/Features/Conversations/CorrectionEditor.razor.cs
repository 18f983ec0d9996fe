using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Conversations.Judging;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Conversations;

namespace Moss.Annotate.Features.Conversations;

/// <summary>Corrects a reply in place.</summary>
public sealed partial class CorrectionEditor(Judge judge, TimeProvider time, IStringLocalizer<ConversationWords> words) : IDisposable
{
    private static readonly string[] Categories = ["fact", "incomplete", "instruction", "language", "style", "harm"];

    private readonly CancellationTokenSource _closed = new();
    private readonly Guid _key = Guid.CreateVersion7(); // made when the editor is shown: sent twice, it is one correction
    private readonly long _shownAt = time.GetTimestamp();
    private DraftBox? _box;
    private string _text = "", _category = "";
    private string? _error;
    private bool _busy;

    private IStringLocalizer<ConversationWords> Words => words;

    [Parameter, EditorRequired] public Message Reply { get; set; } = null!;

    /// <summary>Carries the id of the correction's message.</summary>
    [Parameter] public EventCallback<Guid> OnDone { get; set; }
    [Parameter] public EventCallback OnCancel { get; set; }

    protected override void OnInitialized() => _text = Reply.Text;

    private void Show(string text) => _text = text;

    private async Task SubmitAsync()
    {
        if (_busy || await _box!.ReadAsync() is not { } text) return;
        if (string.IsNullOrWhiteSpace(text) || text == Reply.Text)
        {
            _error = words[text == Reply.Text ? "CorrectionSame" : "CorrectionEmpty"];
            return;
        }
        (_busy, _error) = (true, null);
        try
        {
            var activeMs = (int)Math.Min(time.GetElapsedTime(_shownAt).TotalMilliseconds, int.MaxValue);
            var correction = await judge.CorrectAsync(Reply.Id, _key, text, _category.Length > 0 ? _category : null, activeMs, _closed.Token);
            await _box.ClearAsync();
            await OnDone.InvokeAsync(correction.CorrectionMessageId);
        }
        catch (MossInputException e)
        {
            _error = e.Message;
        }
        catch (NotAllowedException)
        {
            _error = words["NotAllowed"];
        }
        catch (OperationCanceledException) { /* the page closed; the draft is kept */ }
        finally
        {
            _busy = false;
        }
    }

    public void Dispose()
    {
        _closed.Cancel();
        _closed.Dispose();
    }
}
