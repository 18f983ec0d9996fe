using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Moss.Data;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>What a run records, as it happens: the newest numbers in words, and each step as a line of JSON for whoever asked for that.</summary>
/// <param name="line">Called with each new step's numbers; null when only the words are wanted.</param>
internal sealed class StepLines(Guid run, Action<JsonObject>? line)
{
    private readonly Dictionary<string, double> _newest = [];
    private HashSet<string> _ofStep = []; // names that were seen of the last step: a held-out loss comes after the step's own numbers
    private int _step = -1;

    /// <returns>"loss 2.345, 1,234 tokens/s", or null before the first step.</returns>
    public async Task<string?> ReadAsync(MossDbContext db, CancellationToken cancellation)
    {
        var from = _step;
        var rows = await db.TrainingMetrics.AsNoTracking().Where(m => m.RunId == run && m.Step >= from)
            .OrderBy(m => m.Step).ThenBy(m => m.Name).Select(m => new { m.Step, m.Name, m.Value }).ToListAsync(cancellation);
        foreach (var step in rows.Where(r => r.Step > from || !_ofStep.Contains(r.Name)).GroupBy(r => r.Step))
        {
            if (step.Key > _step) (_step, _ofStep) = (step.Key, []);
            var told = new JsonObject { ["run_id"] = run, ["step"] = step.Key };
            foreach (var number in step)
            {
                _ofStep.Add(number.Name);
                _newest[number.Name] = number.Value;
                told[number.Name] = double.IsFinite(number.Value) ? number.Value : null; // JSON has no NaN
            }
            line?.Invoke(told);
        }
        return Words();
    }

    private string? Words()
    {
        if (!_newest.TryGetValue(TrainingMetric.Loss, out var loss)) return null;
        var words = string.Create(CultureInfo.InvariantCulture, $"loss {loss:F3}");
        return _newest.TryGetValue(TrainingMetric.TokensPerSecond, out var pace) ? string.Create(CultureInfo.InvariantCulture, $"{words}, {pace:N0} tokens/s") : words;
    }
}
