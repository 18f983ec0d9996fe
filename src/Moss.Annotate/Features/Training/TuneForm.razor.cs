using Microsoft.AspNetCore.Components;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>
/// Queues a run by the recipe that its version was frozen for. The run's id is made when the form is shown, so sending twice asks
/// once.
/// </summary>
public sealed partial class TuneForm
{
    private readonly Guid _run = Guid.CreateVersion7();
    private readonly NumbersDraft _settings = SettingsEditor.NewDraft();
    private List<Checkpoint> _checkpoints = [];
    private Guid _version, _base;
    private DeployRule? _rule;
    private long _seed = 1;
    private string? _wrong, _refusal;
    private bool _ruleWrong, _asking;

    [Parameter, EditorRequired] public Guid ProjectId { get; set; }
    [Parameter, EditorRequired] public IReadOnlyList<DatasetVersion> Versions { get; set; } = [];

    /// <summary>The version to begin with; the newest when null.</summary>
    [Parameter] public Guid? Version { get; set; }

    [Parameter] public Guid? Champion { get; set; }
    [Parameter] public EventCallback OnClose { get; set; }
    [Parameter] public EventCallback<TrainingRun> OnQueued { get; set; }

    protected override async Task OnInitializedAsync()
    {
        _version = Version ?? Versions.Select(v => v.Id).FirstOrDefault();
        var rows = await Database.DoAsync((db, token) => db.CheckpointsAsync(token), CancellationToken.None);
        _checkpoints = [.. rows.Select(r => r.Checkpoint).Where(c => c.State is CheckpointState.Candidate or CheckpointState.Accepted)];
        _base = _checkpoints.Find(c => c.Id == Champion)?.Id ?? _checkpoints.Select(c => c.Id).FirstOrDefault();
        if (_base == default) _refusal = Words["NoCheckpoint"];
    }

    private async Task AskAsync()
    {
        if (_asking) return;
        (_asking, _refusal) = (true, null);
        try
        {
            var settings = _settings.ToJson();
            var who = await Person.DemandAsync(Policies.Researcher, CancellationToken.None);
            var run = await Database.DoAsync((db, token) => db.QueueRunAsync(
                _run, ProjectId, Versions.First(v => v.Id == _version).Recipe, settings, _version, _base, _seed, _rule?.ToJson(),
                who.Id, null, token), CancellationToken.None);
            await OnQueued.InvokeAsync(run);
        }
        catch (Exception e) when (e is MossInputException or NotAllowedException)
        {
            _refusal = e.Message;
        }
        finally
        {
            _asking = false;
        }
    }
}
