using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using Moss.Annotate.Account;
using Moss.Data.Conversations;
using Moss.Data.Drafts;

namespace Moss.Annotate.Features.Shared;

/// <summary>A text field whose words survive a lost connection, a closed page and a killed server.</summary>
public sealed partial class DraftBox(DatabaseLine database, SignedIn signedIn, IJSRuntime js, TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource _closed = new();
    private readonly SemaphoreSlim _saving = new(1); // a draft that is being saved must not outlive the clearing that follows it
    private DotNetObjectReference<DraftBox>? _self;
    private ElementReference _area;
    private string _copy = "", _text = "";
    private Guid _annotator;
    private long _number;
    private int _bytes;
    private bool _elsewhere;

    /// <summary>What the text is for: "say:CONVERSATION", "correct:MESSAGE".</summary>
    [Parameter, EditorRequired] public string Place { get; set; } = "";
    [Parameter, EditorRequired] public string Label { get; set; } = "";
    [Parameter] public string? Placeholder { get; set; }
    [Parameter] public string? Initial { get; set; }
    [Parameter] public string? Language { get; set; }
    [Parameter] public string Test { get; set; } = "draft";
    [Parameter] public int Rows { get; set; } = 1;
    [Parameter] public bool Focus { get; set; }

    /// <summary>Milliseconds of silence after which the text comes to the server.</summary>
    [Parameter] public int Delay { get; set; } = 500;

    /// <summary>A text that must not come back as a draft, because it was sent.</summary>
    [Parameter] public string? Sent { get; set; }

    [Parameter] public EventCallback<string> OnText { get; set; }
    [Parameter] public EventCallback OnSubmit { get; set; }

    public bool TooLong => _bytes > Message.MaxBytes;

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender) return;
        try
        {
            _annotator = (await signedIn.AnnotatorAsync(_closed.Token)).Id;
            _copy = $"{_annotator}:{Place}";
            _self = DotNetObjectReference.Create(this);
            var local = await js.InvokeAsync<string?>("moss.attach", _area, _self, _copy, Delay);
            var draft = await database.DoAsync((db, token) => db.DraftAsync(_annotator, Place, token), _closed.Token);
            if (local == Sent) local = null;
            var text = local is { Length: > 0 } ? local : draft?.Text is { Length: > 0 } kept ? kept : Initial ?? "";
            if (!await js.InvokeAsync<bool>("moss.restore", _area, text, Focus) || text.Length == 0) return;
            await TakeAsync(text);
            if (local is { Length: > 0 }) await TypedAsync(text);
        }
        catch (OperationCanceledException) { /* closed meanwhile */ }
        catch (JSDisconnectedException) { /* closed meanwhile */ }
    }

    /// <summary>What the field holds at this moment, also what no event has reported yet; null when it is too long to take.</summary>
    public async Task<string?> ReadAsync()
    {
        var text = await js.InvokeAsync<string?>("moss.read", _area) ?? _text;
        await TakeAsync(text);
        return TooLong ? null : text;
    }

    /// <summary>Empties the field after its text was stored.</summary>
    public async Task ClearAsync()
    {
        await js.InvokeVoidAsync("moss.forget", _copy);
        await js.InvokeVoidAsync("moss.write", _area, "", true);
        await _saving.WaitAsync(_closed.Token);
        try
        {
            await database.DoAsync((db, token) => db.ClearDraftAsync(_annotator, Place, token), _closed.Token);
        }
        finally
        {
            _saving.Release();
        }
        await TakeAsync("");
    }

    [JSInvokable]
    public async Task TypedAsync(string text)
    {
        var number = _number = Math.Max(_number + 1, time.GetUtcNow().ToUnixTimeMilliseconds());
        await InvokeAsync(() => TakeAsync(text));
        if (TooLong) return; // the browser's copy still has it
        try
        {
            await _saving.WaitAsync(_closed.Token);
            try
            {
                var kept = await database.DoAsync((db, token) => db.SaveDraftAsync(_annotator, Place, text, number, token), _closed.Token);
                if (number != _number) return; // more was typed; that report answers
                await js.InvokeVoidAsync("moss.stored", _copy, text);
                if (_elsewhere == kept) await InvokeAsync(() => { _elsewhere = !kept; StateHasChanged(); });
            }
            finally
            {
                _saving.Release();
            }
        }
        catch (OperationCanceledException) { /* closed; the browser's copy remains */ }
        catch (JSDisconnectedException) { /* closed; the browser's copy remains */ }
    }

    [JSInvokable]
    public Task TooLongAsync(int bytes) => InvokeAsync(() => { _bytes = bytes; StateHasChanged(); });

    [JSInvokable]
    public Task SubmitAsync() => InvokeAsync(() => OnSubmit.InvokeAsync());

    private async Task TakeAsync(string text)
    {
        var wasTooLong = TooLong;
        (_text, _bytes) = (text, Encoding.UTF8.GetByteCount(text));
        if (TooLong || wasTooLong) StateHasChanged();
        await OnText.InvokeAsync(text);
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        try
        {
            await js.InvokeVoidAsync("moss.detach", _area);
        }
        catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException) { /* the page is gone already */ }
        _self?.Dispose();
        _saving.Dispose();
        _closed.Dispose();
    }
}
