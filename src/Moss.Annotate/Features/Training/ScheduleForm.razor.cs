using Microsoft.AspNetCore.Components;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>Makes or changes a training schedule.</summary>
public sealed partial class ScheduleForm
{
    private static readonly (string Cron, string Key)[] Presets = [("0 * * * *", "Hourly"), ("0 2 * * *", "Nightly"), ("0 2 * * 1", "Weekly")];
    private NumbersDraft _settings = SettingsEditor.NewDraft(Recipes.Sft);
    private string _recipe = Recipes.Sft;
    private Guid _id = Guid.CreateVersion7();
    private string _cron = Presets[1].Cron;
    private int _least = 20;
    private bool _enabled = true, _ruleWrong, _saving;
    private DeployRule? _rule = new();
    private string? _wrong, _refusal;

    [Parameter, EditorRequired] public Guid ProjectId { get; set; }

    /// <summary>What to change; null makes a new one.</summary>
    [Parameter] public TrainingSchedule? Schedule { get; set; }

    [Parameter] public EventCallback OnClose { get; set; }
    [Parameter] public EventCallback OnSaved { get; set; }

    protected override void OnInitialized()
    {
        if (Schedule is not { } s) return;
        (_recipe, _settings) = (s.Recipe, SettingsEditor.NewDraft(s.Recipe));
        (_id, _cron, _least, _enabled, _rule) = (s.Id, s.Cron, s.MinNewJudgements, s.Enabled, DeployRule.Parse(s.DeployIf));
        _settings.Take(s.Settings);
    }

    private async Task SaveAsync()
    {
        if (_saving) return;
        (_saving, _refusal) = (true, null);
        try
        {
            CronTimes.Next(_cron, Time.GetUtcNow(), 1);
            var who = await Person.DemandAsync(Policies.Researcher, CancellationToken.None);
            var schedule = new TrainingSchedule
            {
                Id = _id, ProjectId = ProjectId, Recipe = _recipe, Settings = _settings.ToJson(), Cron = string.Join(' ', _cron.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)),
                MinNewJudgements = _least, DeployIf = _rule?.ToJson(), Enabled = _enabled, CreatedBy = who.Id, CreatedAt = Time.GetUtcNow(),
            };
            await Database.DoAsync((db, token) => db.SaveScheduleAsync(schedule, token), CancellationToken.None);
            await OnSaved.InvokeAsync();
        }
        catch (Exception e) when (e is MossInputException or NotAllowedException)
        {
            _refusal = e.Message;
        }
        finally
        {
            _saving = false;
        }
    }
}
