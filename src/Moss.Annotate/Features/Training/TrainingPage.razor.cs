using Moss.Annotate.Account;
using Moss.Data.Audit;
using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Training;

/// <summary>Judgements become dataset versions, versions become runs; watched while they happen.</summary>
public sealed partial class TrainingPage
{
    private enum Form { None, Freeze, Tune, Schedule }

    private readonly Curves _curves = new();
    private TrainingView? _view;
    private Form _form;
    private Guid? _version;
    private TrainingSchedule? _editing;
    private RunRow? _canceling;
    private string _recipe = Recipes.Sft;
    private string? _said;

    protected override async Task<bool> LookAsync(CancellationToken cancellation)
    {
        var project = await Project.GetAsync(cancellation);
        var view = await Database.DoAsync((db, token) => TrainingView.LoadAsync(db, project, token), cancellation);
        if (_view?.Project.Id != project.Id)
        {
            _curves.Clear();
            foreach (var row in view.Runs.Where(r => r.UnderWay || r.Run.Id == view.Runs[0].Run.Id).Take(Curves.Most)) _curves.Choose(row.Run.Id);
        }
        _view = view;
        await Database.DoAsync(_curves.ReadAsync, cancellation);
        return view.UnderWay;
    }

    private Task ToggleAsync(Guid run)
    {
        _curves.Toggle(run);
        return Database.DoAsync(_curves.ReadAsync, Closed);
    }

    private Task ShowAsync(Measure measure)
    {
        _curves.Show(measure);
        return Database.DoAsync(_curves.ReadAsync, Closed);
    }

    /// <summary>One click: the newest version, from what serves now, all defaults.</summary>
    private async Task StartAsync()
    {
        if (_view is not { Versions: [var version, ..], Champion: var (_, champion) }) return;
        TrainingRun? run = null;
        var id = Guid.CreateVersion7();
        if (await DoAsync(Policies.Researcher, async (db, who, token) =>
            run = await db.QueueRunAsync(id, _view.Project.Id, version.Recipe, "{}", version.Id, champion.Id, seed: 1, null, who.Id, null, token))) Queued(run!);
    }

    private string NameOf(Guid run) => _view?.Runs.Find(r => r.Run.Id == run)?.Name ?? "";

    private void Open(Form form, Guid? version = null) => (_form, _version, _editing, _said) = (form, version, null, null);

    private void OpenFreeze(string recipe)
    {
        _recipe = recipe;
        Open(Form.Freeze);
    }

    private void Close() => _form = Form.None;

    private void Frozen(DatasetVersion version) => Done(Words["FrozenSaid", version.Name, version.TrainCount, version.EvalCount]);

    private void Queued(TrainingRun run)
    {
        _curves.Choose(run.Id);
        Done(Words["QueuedSaid"]);
    }

    private void Saved() => Done(Words["SavedSaid"]);

    private void Done(string said)
    {
        (_form, _said) = (Form.None, said);
        LookNow();
    }

    private async Task CancelAsync(RunRow row)
    {
        _canceling = null;
        await DoAsync(Policies.Researcher, async (db, who, token) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync(token);
            if (await db.CancelAsync(row.Run.Id, token))
                await db.AuditAsync(who.DisplayName, "canceled", $"{row.Run.Recipe} run on {row.Version}", new { run_id = row.Run.Id }, token);
            await transaction.CommitAsync(token);
        });
    }
}
