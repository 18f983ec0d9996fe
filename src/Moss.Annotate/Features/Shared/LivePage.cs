using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Moss.Annotate.Account;
using Moss.Data;
using Moss.Data.Annotators;

namespace Moss.Annotate.Features.Shared;

/// <summary>A page that shows what the database says, and looks again while it is open: often while something is under way.</summary>
public abstract class LivePage : ComponentBase, IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(800), Seldom = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource _closed = new();
    private readonly SemaphoreSlim _now = new(0);

    [Inject] protected DatabaseLine Database { get; set; } = null!;
    [Inject] protected SignedIn Person { get; set; } = null!;
    [Inject] protected TimeProvider Time { get; set; } = null!;
    [Inject] protected CurrentProject Project { get; set; } = null!;

    protected CancellationToken Closed => _closed.Token;

    /// <summary>What the last act could not do, in words; null when all is well.</summary>
    protected string? Refusal { get; set; }

    /// <summary>Reads what the page shows. True while something is under way.</summary>
    protected abstract Task<bool> LookAsync(CancellationToken cancellation);

    protected override void OnInitialized()
    {
        Project.Changed += LookNow;
        _ = InvokeAsync(FollowAsync);
    }

    /// <summary>Ends the current wait, so that the page looks at once.</summary>
    protected void LookNow() => _now.Release();

    /// <summary>Does a deed of someone who may still do it; what the database or a rule refuses is said on the page. True when it was done.</summary>
    protected async Task<bool> DoAsync(string policy, Func<MossDbContext, Annotator, CancellationToken, Task> deed)
    {
        Refusal = null;
        try
        {
            var who = await Person.DemandAsync(policy, Closed);
            await Database.DoAsync((db, token) => deed(db, who, token), Closed);
            LookNow();
            return true;
        }
        catch (Exception e) when (e is MossInputException or NotAllowedException)
        {
            Refusal = e.Message;
            return false;
        }
    }

    private async Task FollowAsync()
    {
        try
        {
            while (true)
            {
                var underWay = await LookAsync(Closed);
                StateHasChanged();
                await _now.WaitAsync(underWay ? Soon : Seldom, Closed);
            }
        }
        catch (OperationCanceledException) { /* the page closed */ }
        catch (Exception e)
        {
            await DispatchExceptionAsync(e);
        }
    }

    public void Dispose()
    {
        Project.Changed -= LookNow;
        _closed.Cancel();
        _closed.Dispose();
        _now.Dispose();
        GC.SuppressFinalize(this);
    }
}
