using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Moss.Annotate.Features.Shared;
using Moss.Data.Training;

namespace Moss.Annotate.Features.Checkpoints;

/// <summary>Two checkpoints side by side: how they were made, what they gained, what each says.</summary>
public sealed partial class ComparePage
{
    private CheckpointDetail[]? _sides;
    private IReadOnlyList<ChartSeries> _series = [];
    private bool _missing;

    [SupplyParameterFromQuery] public Guid? Left { get; set; }
    [SupplyParameterFromQuery] public Guid? Right { get; set; }

    protected override void OnParametersSet()
    {
        if (_sides is not null || _missing) LookNow();
    }

    protected override async Task<bool> LookAsync(CancellationToken cancellation)
    {
        if (_sides is not null && _sides[0].Checkpoint.Id == Left && _sides[1].Checkpoint.Id == Right) return false; // checkpoints do not change
        var (left, right) = (await LoadAsync(Left), await LoadAsync(Right));
        _missing = left is null || right is null;
        _sides = _missing ? null : [left!, right!];
        _series = [.. (_sides ?? []).Select((s, n) => new ChartSeries(s.Checkpoint.Name, n + 1, s.Loss, s.Eval)).Where(s => s.Line.Count + s.Points.Count > 0)];
        return false;

        async Task<CheckpointDetail?> LoadAsync(Guid? id) =>
            id is { } known ? await Database.DoAsync((db, token) => CheckpointDetail.LoadAsync(db, known, token), cancellation) : null;
    }

    private IEnumerable<(string Name, string Left, string Right)> Facts()
    {
        var (l, r) = (_sides![0], _sides[1]);
        yield return (Words["ParentHead"], Parent(l), Parent(r));
        yield return (Words["DatasetVersion"], l.Version?.Name ?? "—", r.Version?.Name ?? "—");
        yield return (Words["JudgementsHead"], Count(l.Version?.JudgementCount), Count(r.Version?.JudgementCount));
        yield return (Words["ExamplesHead"], Count(l.Version?.TrainCount), Count(r.Version?.TrainCount));
        yield return (Words["LossBefore"], Loss(l.EvalLoss?.Before), Loss(r.EvalLoss?.Before));
        yield return (Words["LossAfter"], Loss(l.EvalLoss?.After), Loss(r.EvalLoss?.After));
        yield return (Words["Steps"], Count(l.Run?.TotalSteps), Count(r.Run?.TotalSteps));
        yield return (Words["Seed"], Number(l.Run?.Seed), Number(r.Run?.Seed));
        var (left, right) = (Settings(l.Run), Settings(r.Run));
        foreach (var name in left.Keys.Union(right.Keys).Where(n => left.GetValueOrDefault(n) != right.GetValueOrDefault(n)))
            yield return (name, left.GetValueOrDefault(name, "—"), right.GetValueOrDefault(name, "—"));
    }

    private string SameSettings()
    {
        var right = Settings(_sides![1].Run);
        return string.Join(" · ", Settings(_sides[0].Run).Where(s => right.GetValueOrDefault(s.Key) == s.Value).Select(s => $"{s.Key} {s.Value}"));
    }

    private static string Parent(CheckpointDetail side) => side.Ancestors.Find(a => a.Id == side.Checkpoint.ParentId)?.Name ?? "—";
    private static string Count(int? count) => count?.ToString("N0", CultureInfo.CurrentCulture) ?? "—";
    private static string Number(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "—";
    private static string Loss(double? loss) => loss?.ToString("F4", CultureInfo.CurrentCulture) ?? "—";

    // With the defaults filled in: what the run really used.
    private static Dictionary<string, string> Settings(TrainingRun? run) => run is null
        ? []
        : JsonNode.Parse(TuningSettings.Parse(run.Recipe, run.Settings).ToJson())!.AsObject().ToDictionary(p => p.Key, p => p.Value!.ToJsonString());
}
