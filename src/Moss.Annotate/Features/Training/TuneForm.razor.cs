using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>Queues a run. The run's id is made when the form is shown, so sending twice asks once.</summary>
public sealed partial class TuneForm
{
    private readonly Guid _run = Guid.CreateVersion7();
    private string _recipe = Recipes.Sft;
    private NumbersDraft _settings = SettingsEditor.NewDraft(Recipes.Sft);
    private List<Checkpoint> _checkpoints = [];
    private Guid _version, _base;
    private DeployRule? _rule;
    private PlanResult? _planned;
    private long _seed = 1;
    private string? _wrong, _refusal;
    private bool _ruleWrong, _asking, _masked;

    [Parameter, EditorRequired] public Guid ProjectId { get; set; }
    [Parameter, EditorRequired] public IReadOnlyList<DatasetVersion> Versions { get; set; } = [];

    /// <summary>The version to begin with; the newest when null.</summary>
    [Parameter] public Guid? Version { get; set; }

    [Parameter] public Guid? Champion { get; set; }
    [Parameter] public EventCallback OnClose { get; set; }
    [Parameter] public EventCallback<TrainingRun> OnQueued { get; set; }

    /// <summary>Asked to freeze a version for this recipe.</summary>
    [Parameter] public EventCallback<string> OnFreeze { get; set; }

    private IReadOnlyList<DatasetVersion> Fitting => [.. Versions.Where(v => Recipes.Teaches(v.Recipe, _recipe))];

    private PlanInquiry? Inquiry => _wrong is null && _base != default && _version != default ? new(ProjectId, _recipe, _settings.ToJson(), _version, _base) : null;

    protected override async Task OnInitializedAsync()
    {
        var chosen = Versions.FirstOrDefault(v => v.Id == Version) ?? (Versions is [var newest, ..] ? newest : null);
        Choose(chosen?.Recipe);
        _version = chosen?.Id ?? default;
        var rows = await Database.DoAsync((db, token) => db.CheckpointsAsync(token), CancellationToken.None);
        _checkpoints = [.. rows.Select(r => r.Checkpoint).Where(c => c.State is CheckpointState.Candidate or CheckpointState.Accepted)];
        _base = _checkpoints.Find(c => c.Id == Champion)?.Id ?? _checkpoints.Select(c => c.Id).FirstOrDefault();
        if (_base == default) _refusal = Words["NoCheckpoint"];
    }

    private void Choose(string? recipe)
    {
        if (recipe is null || !Recipes.All.Contains(recipe)) return;
        (_recipe, _settings, _wrong, _planned) = (recipe, SettingsEditor.NewDraft(recipe), null, null);
        if (recipe == Recipes.Reward) (_rule, _ruleWrong) = (null, false); // what scores replies is never deployed
        if (!Fitting.Any(v => v.Id == _version)) _version = Fitting.Select(v => v.Id).FirstOrDefault();
    }

    /// <summary>Takes what the plan offers, besides what was set already.</summary>
    private void Use(string option)
    {
        var settings = JsonNode.Parse(_settings.ToJson())!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(option)!.AsObject()) settings[name] = value!.DeepClone();
        _settings.Take(settings.ToJsonString());
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
                _run, ProjectId, _recipe, settings, _version, _base, _seed, _rule?.ToJson(), who.Id, null, token), CancellationToken.None);
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
