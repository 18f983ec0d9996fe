using Microsoft.AspNetCore.Components;
using Moss.Annotate.Account;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Deployments;

namespace Moss.Annotate.Features.Deployments;

/// <summary>Deploys a checkpoint as champion, or rolls back to the one before, with a reason.</summary>
public sealed partial class DeployForm
{
    private Checkpoint _next = null!;
    private Checkpoint? _now;
    private string _reason = "";
    private string? _refusal;
    private bool _doing;

    /// <summary>What will serve.</summary>
    [Parameter, EditorRequired] public Checkpoint Checkpoint { get; set; } = null!;

    /// <summary>What serves now.</summary>
    [Parameter] public Checkpoint? Now { get; set; }

    /// <summary>Go back to the previous checkpoint, whichever it is by then, instead of deploying this one.</summary>
    [Parameter] public bool RollBack { get; set; }

    [Parameter] public EventCallback OnClose { get; set; }
    [Parameter] public EventCallback OnDone { get; set; }

    // Safe to do again when the answer to the first try was lost, and never other than what the person read.
    private async Task DeployAsync(MossDbContext db, string reason, Guid by, CancellationToken cancellation)
    {
        var serves = (await db.CurrentDeploymentAsync(Deployment.Champion, cancellation))?.Checkpoint;
        if (serves?.Id == _next.Id) return;
        if (serves?.Id != _now?.Id) throw new MossInputException(Words["ChangedMeanwhile", serves!.Name]);
        if (RollBack) await db.RollBackAsync(Deployment.Champion, reason, by, cancellation);
        else await db.DeployAsync(Deployment.Champion, _next.Id, reason, by, cancellation);
    }

    // What the person reads and confirms stays as it was when the form opened.
    protected override void OnInitialized() => (_next, _now) = (Checkpoint, Now);

    private async Task DoAsync()
    {
        if (_doing) return;
        (_doing, _refusal) = (true, null);
        try
        {
            var who = await Person.DemandAsync(Policies.Researcher, CancellationToken.None);
            var reason = _reason.Trim();
            await Database.DoAsync((db, token) => DeployAsync(db, reason, who.Id, token), CancellationToken.None);
            await OnDone.InvokeAsync();
        }
        catch (Exception e) when (e is MossInputException or NotAllowedException)
        {
            _refusal = e.Message;
        }
        finally
        {
            _doing = false;
        }
    }
}
