using Microsoft.AspNetCore.Components;
using Moss.Annotate.Account;
using Moss.Annotate.Features.Shared;
using Moss.Data;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Datasets;

/// <summary>Cuts a dataset version after showing what it would hold.</summary>
public sealed partial class FreezeForm : IDisposable
{
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(250);
    private string _recipe = Recipes.Sft;
    private NumbersDraft _rule = NewRule(Recipes.Sft);
    private readonly CancellationTokenSource _closed = new();
    private CancellationTokenSource? _count;
    private FreezePreview? _preview;
    private string _name = "";
    private string? _wrong, _refusal;
    private bool _counting, _freezing;

    [Parameter, EditorRequired] public Guid ProjectId { get; set; }

    /// <summary>A free name, to begin with.</summary>
    [Parameter] public string SuggestedName { get; set; } = "";

    /// <summary>The recipe to begin with.</summary>
    [Parameter] public string Recipe { get; set; } = Recipes.Sft;

    [Parameter] public EventCallback OnClose { get; set; }
    [Parameter] public EventCallback<DatasetVersion> OnFrozen { get; set; }

    protected override Task OnInitializedAsync()
    {
        (_name, _recipe, _rule) = (SuggestedName, Recipe, NewRule(Recipe));
        return CountAsync();
    }

    /// <summary>Counts again once the typing pauses; an earlier count that is still under way is dropped.</summary>
    private async Task CountAsync()
    {
        (_wrong, _refusal) = (null, null);
        if (_count is not null) await _count.CancelAsync();
        using var mine = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token);
        _count = mine;
        try
        {
            var rule = FreezeRule.Parse(_rule.ToJson(), _recipe);
            _counting = true;
            if (_preview is not null) await Task.Delay(Settle, mine.Token);
            _preview = await Database.DoAsync((db, token) => db.PreviewAsync(ProjectId, rule, token), mine.Token);
        }
        catch (MossInputException e)
        {
            _wrong = e.Message;
        }
        catch (OperationCanceledException) when (mine.IsCancellationRequested)
        {
            return; // a newer count, or the form closed
        }
        finally
        {
            if (_count == mine) (_count, _counting) = (null, false);
        }
    }

    private async Task FreezeAsync()
    {
        if (_freezing) return;
        (_freezing, _refusal) = (true, null);
        try
        {
            var rule = FreezeRule.Parse(_rule.ToJson(), _recipe);
            var who = await Person.DemandAsync(Policies.Researcher, _closed.Token);
            var version = await Database.DoAsync((db, token) => db.FreezeAsync(ProjectId, _name.Trim(), rule, who.Id, token), _closed.Token);
            await OnFrozen.InvokeAsync(version);
        }
        catch (Exception e) when (e is MossInputException or NotAllowedException)
        {
            _refusal = e.Message;
        }
        finally
        {
            _freezing = false;
        }
    }

    private Task ChooseAsync(string? recipe)
    {
        (_recipe, _rule, _preview) = (recipe!, NewRule(recipe!), null);
        return CountAsync();
    }

    private static NumbersDraft NewRule(string recipe) =>
        new("freeze rule's", FreezeRule.FieldsOf(recipe), new FreezeRule { Recipe = recipe }.ToJson());

    private string? Unit(string name) => name switch
    {
        "min_score" or "score_gap" => Words["UnitScore"].Value,
        "correction_repeat" => Words["UnitTimes"].Value,
        "replay_share" or "eval_share" or "untagged_share" or "agent_share" or "smallest_edit" => Words["UnitShare"].Value,
        "rater_cap" => Words["UnitPerDay"].Value,
        "replay_max" => Words["UnitConversations"].Value,
        _ => null,
    };

    public void Dispose()
    {
        _closed.Cancel();
        _closed.Dispose();
    }
}
