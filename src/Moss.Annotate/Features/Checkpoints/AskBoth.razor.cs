using System.Globalization;
using Microsoft.AspNetCore.Components;
using Moss.Annotate.Features.Conversations.Talking;

namespace Moss.Annotate.Features.Checkpoints;

/// <summary>Asks two checkpoints the same thing, by name, greedily, so that a difference is theirs and not chance's.</summary>
public sealed partial class AskBoth(MossServer server) : IDisposable
{
    private static readonly TimeSpan RenderEvery = TimeSpan.FromMilliseconds(80);

    private string _prompt = "";
    private Answer[] _answers = [];
    private CancellationTokenSource? _asking;

    [Parameter, EditorRequired] public string Left { get; set; } = "";
    [Parameter, EditorRequired] public string Right { get; set; } = "";

    private sealed class Answer(string checkpoint)
    {
        public string Checkpoint { get; } = checkpoint;
        public string Text { get; set; } = "";
        public bool Arriving { get; set; } = true;
        public string? Figures { get; set; }
        public string? Trouble { get; set; }
    }

    private async Task AskAsync()
    {
        if (_asking is not null) return;
        using var asking = _asking = new CancellationTokenSource();
        _answers = [new Answer(Left), new Answer(Right)];
        try
        {
            await Task.WhenAll(_answers.Select(a => ReadAsync(a, asking.Token)));
        }
        finally
        {
            _asking = null;
        }
    }

    private async Task ReadAsync(Answer answer, CancellationToken stop)
    {
        var shown = TimeProvider.System.GetTimestamp();
        try
        {
            await foreach (var piece in server.ReplyAsync(answer.Checkpoint, [new ChatLine("user", _prompt)], Sampling.MostLikely, stop))
            {
                if (piece is TextPiece text) answer.Text += text.Text;
                if (piece is EndPiece { Figures: var f })
                    answer.Figures = Words["Figures", f.CompletionTokens ?? 0, ((f.TotalMs ?? 0) / 1000).ToString("F2", CultureInfo.CurrentCulture)];
                if (TimeProvider.System.GetElapsedTime(shown) < RenderEvery) continue;
                shown = TimeProvider.System.GetTimestamp();
                StateHasChanged();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { /* Stop was pressed, or the page closed */ }
        catch (MossServerException e)
        {
            answer.Trouble = Words["Trouble_" + e.Trouble, e.Message];
        }
        finally
        {
            answer.Arriving = false;
        }
        if (!stop.IsCancellationRequested) StateHasChanged();
    }

    public void Dispose() => _asking?.Cancel();
}
