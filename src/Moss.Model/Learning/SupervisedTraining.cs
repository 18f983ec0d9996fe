using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>Supervised fine-tuning: the whole loop. A pure function of settings, examples and starting weights.</summary>
public sealed partial class SupervisedTraining : IDisposable
{
    private const int MostSkipsInARow = 5;

    private readonly Transformer _model;
    private readonly IReadOnlyList<TrainingExample> _examples;
    private readonly SupervisedSettings _settings;
    private readonly ExampleOrder _order;
    private readonly FusedAdamW _optimizer;
    private readonly int _batchSize;
    private int _skipped;

    /// <param name="model">Trained in place, in float32.</param>
    /// <exception cref="ArgumentException">Nothing to learn from, or an example this network cannot read.</exception>
    public SupervisedTraining(Transformer model, IReadOnlyList<TrainingExample> examples, SupervisedSettings settings)
    {
        settings.Checked();
        Check(model, examples, settings);
        (_model, _examples, _settings) = (model, examples, settings);
        _order = new ExampleOrder(examples.Count, settings.Seed);
        _optimizer = new FusedAdamW(model, settings.WeightDecay);
        _batchSize = Math.Min(settings.BatchSize, examples.Count);
        TotalSteps = settings.TotalSteps(examples.Count);
    }

    /// <summary>Optimizer steps done.</summary>
    public int StepsDone { get; private set; }

    public int TotalSteps { get; }

    public bool Finished => StepsDone >= TotalSteps;

    /// <summary>The remaining steps, each done when it is pulled, so that the caller may save, report or stop between any two.</summary>
    public IEnumerable<TrainingStep> Run()
    {
        while (!Finished) yield return Step();
    }

    /// <summary>Mean loss of the examples under the network as it is now, nats per learned token.</summary>
    public double Evaluate(IReadOnlyList<TrainingExample> examples) => Evaluate(_model, examples, _settings.MicroBatchTokens);

    /// <inheritdoc cref="Evaluate(IReadOnlyList{TrainingExample})"/>
    public static double Evaluate(Transformer model, IReadOnlyList<TrainingExample> examples, int microBatchTokens = 4_096)
    {
        if (examples.Count == 0) throw new ArgumentException("There is no example to evaluate on; its mean loss would be 0 / 0.", nameof(examples));
        var sum = 0.0;
        foreach (var batch in Batch.Cut(examples, microBatchTokens))
        {
            using var scope = NewDisposeScope();
            var (ids, targets) = batch.Tensors(model.Device);
            sum += Losses.TokenCrossEntropy(model, ids, targets);
        }
        return sum / examples.Sum(e => (long)e.LearnedCount);
    }

    public void Dispose() => _optimizer.Dispose();

    private TrainingStep Step()
    {
        using var scope = NewDisposeScope();
        var started = Stopwatch.GetTimestamp();
        var chosen = Enumerable.Range(0, _batchSize).Select(i => _examples[_order.At((long)StepsDone * _batchSize + i)]).ToList();
        var divisor = chosen.Sum(e => (long)e.LearnedCount);

        _optimizer.ZeroGradients();
        var loss = 0.0;
        foreach (var batch in Batch.Cut(chosen, _settings.MicroBatchTokens))
        {
            using var micro = NewDisposeScope();
            var (ids, targets) = batch.Tensors(_model.Device);
            loss += Losses.TokenCrossEntropyBackward(_model, ids, targets, divisor).item<float>();
        }
        var norm = _optimizer.ClipGradients(_settings.ClipNorm).item<float>();
        var rate = _settings.LearningRate(StepsDone, TotalSteps);
        if (float.IsFinite(norm) && double.IsFinite(loss)) Update(rate);
        else Skip(loss, norm);
        StepsDone++;
        var seconds = Math.Max(Stopwatch.GetElapsedTime(started).TotalSeconds, 1e-9);
        return new(StepsDone, TotalSteps, loss, rate, norm, chosen.Sum(e => e.Tokens.Length) / seconds);
    }

    private void Update(double rate)
    {
        _optimizer.Step(rate);
        _skipped = 0;
    }

    private void Skip(double loss, double norm)
    {
        if (++_skipped >= MostSkipsInARow) throw new InvalidOperationException(
            $"The loss ({loss}) or gradient norm ({norm}) was not a finite number for {MostSkipsInARow} steps in a row, up to step {StepsDone + 1} of {TotalSteps}. " +
            $"Training has diverged; start again with a lower learning rate than {_settings.PeakLearningRate:G3}.");
    }

    private static void Check(Transformer model, IReadOnlyList<TrainingExample> examples, SupervisedSettings settings)
    {
        if (examples.Count == 0) throw new ArgumentException("There is no example to learn from.", nameof(examples));
        var longest = Math.Min(settings.MaxTokens, model.Config.ContextLength);
        for (var i = 0; i < examples.Count; i++)
        {
            if (examples[i].Tokens.Length > longest) throw new ArgumentException(
                $"Example {i + 1} has {examples[i].Tokens.Length:N0} tokens; at most {longest:N0} are allowed. Cut it by whole exchanges first.", nameof(examples));
            if (examples[i].Tokens.Any(id => id < 0 || id >= model.Config.VocabSize)) throw new ArgumentException(
                $"Example {i + 1} holds a token id outside 0 to {model.Config.VocabSize - 1:N0}; it was made with another tokenizer.", nameof(examples));
        }
    }
}
