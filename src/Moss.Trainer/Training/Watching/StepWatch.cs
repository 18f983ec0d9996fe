using Moss.Data.Training;
using Moss.Model;
using Moss.Model.Learning;

namespace Moss.Trainer.Training.Watching;

/// <summary>What people watch besides the numbers that a step itself has: share of the machine's peak, memory, time left.</summary>
/// <param name="flopsPerToken">See <see cref="FlopsPerToken"/>.</param>
/// <param name="peak">Floating-point operations per second of <see cref="MachinePeak"/>.</param>
internal sealed class StepWatch(double flopsPerToken, double peak, TimeProvider clock)
{
    private const int PaceOver = 21; // steps whose times give the pace

    private readonly Queue<double> _paces = new();
    private long _before = clock.GetTimestamp();

    /// <summary>Measures the machine's peak, once.</summary>
    /// <param name="frozen">Whether the network's own weights stay as they are (LoRA).</param>
    public static StepWatch Over(Transformer model, IReadOnlyList<Lesson> lessons, bool frozen) =>
        new(FlopsPerToken(model.Config, frozen, Span(lessons)), MachinePeak.Measure(model.ComputeType, model.Device), TimeProvider.System);

    /// <summary>
    /// Operations that one token costs, forward and back: 6N + 12·L·H·Q·T, and 4N where the N weights themselves are not trained (L layers, H heads of
    /// Q dimensions, T tokens that attention spans). FINE_TUNING; Chowdhery et al. 2022, arXiv:2204.02311, appendix B.
    /// </summary>
    /// <param name="span">Mean over tokens of the length of the document that they stand in.</param>
    public static double FlopsPerToken(ModelConfig config, bool frozen, double span) =>
        (frozen ? 4.0 : 6.0) * config.ParameterCount + 12.0 * config.LayerCount * config.HeadCount * config.HeadDim * span;

    /// <summary>Mean over tokens of the length of the document that they stand in.</summary>
    public static double Span(IEnumerable<Lesson> lessons)
    {
        var lengths = lessons.SelectMany(l => l.Documents).Select(d => (double)d.Tokens.Length).ToList();
        return lengths.Sum(n => n * n) / Math.Max(1, lengths.Sum());
    }

    /// <summary>Adds what this watch knows after a step to the step's own numbers.</summary>
    public void See(TrainingStep step, Dictionary<string, double> numbers)
    {
        var now = clock.GetTimestamp();
        _paces.Enqueue(clock.GetElapsedTime(_before, now).TotalSeconds); // with all that happens between steps, such as saving
        _before = now;
        if (_paces.Count > PaceOver) _paces.Dequeue();
        numbers[TrainingMetric.Mfu] = step.TokensPerSecond * flopsPerToken / peak;
        numbers[TrainingMetric.MemoryBytes] = ProcessMemory.TakePeak();
        numbers[TrainingMetric.SecondsLeft] = (step.Total - step.Number) * _paces.Average(); // not the median, which would forget that saving takes time
    }
}
