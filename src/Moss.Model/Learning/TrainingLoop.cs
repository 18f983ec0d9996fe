using System.Diagnostics;
using Moss.Model.Adapters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>The whole loop of tuning, for every objective, over all weights or over an adapter. A pure function of settings, lessons and starting weights.</summary>
public sealed partial class TrainingLoop : IDisposable
{
    private const int MostSkipsInARow = 5;

    private readonly Transformer _model;
    private readonly LoraAdapter? _adapter;
    private readonly Objective _objective;
    private readonly IReadOnlyList<Lesson> _lessons;
    private readonly TrainingSettings _settings;
    private readonly ExampleOrder _order;
    private readonly FusedAdamW _optimizer;
    private readonly List<(string Name, Parameter Value)> _trained;
    private readonly int _batchSize;
    private readonly OutlierGuard _outliers = new();
    private int _skipped;

    /// <param name="model">Trained in place; with an adapter, left as it is.</param>
    /// <param name="adapter">Trained instead of the network's own weights, and attached to it until this loop is disposed.</param>
    /// <exception cref="ArgumentException">Nothing to learn from, or a document this network cannot read.</exception>
    public TrainingLoop(Transformer model, IReadOnlyList<Lesson> lessons, Objective objective, TrainingSettings settings, LoraAdapter? adapter = null)
    {
        settings.Checked();
        Check(model, lessons, objective, settings);
        (_model, _lessons, _objective, _settings, _adapter) = (model, lessons, objective, settings, adapter);
        Head = objective.ScoresDocuments ? new RewardHead(model) : null;
        _order = new ExampleOrder(lessons.Count, settings.Seed);
        _batchSize = Math.Min(settings.BatchSize, lessons.Count);
        TotalSteps = settings.TotalSteps(lessons.Count);
        MicroBatchTokens = settings.MicroBatchTokens;
        // What scores documents does not speak: the output head has no part in it.
        foreach (var (name, parameter) in model.named_parameters())
            parameter.requires_grad = adapter is null && (Head is null || !name.StartsWith("lm_head.", StringComparison.Ordinal));
        adapter?.Attach(model);
        _trained = [.. adapter?.Parameters ?? model.named_parameters().Where(p => p.parameter.requires_grad).Select(p => (p.name, p.parameter))];
        if (Head is not null) _trained.Add((RewardHead.TensorName, Head.Weight));
        _optimizer = adapter is null && Head is null ? new FusedAdamW(model, settings.WeightDecay) : new FusedAdamW(_trained, settings.WeightDecay);
    }

    /// <summary>Supervised tuning of all weights.</summary>
    public TrainingLoop(Transformer model, IReadOnlyList<TrainingExample> examples, TrainingSettings settings)
        : this(model, [.. examples.Select(e => new Lesson(e))], new CrossEntropy(), settings) { }

    /// <summary>Optimizer steps done.</summary>
    public int StepsDone { get; private set; }

    public int TotalSteps { get; }

    public bool Finished => StepsDone >= TotalSteps;

    /// <summary>Tokens per forward pass now: starts as the setting and is halved when memory runs out.</summary>
    public int MicroBatchTokens { get; private set; }

    /// <summary>Activations are computed twice instead of kept, because memory ran out with the shortest forward pass.</summary>
    public bool Checkpointing => _model.Checkpointing;

    /// <summary>What scores documents, for the objective that trains one.</summary>
    public RewardHead? Head { get; }

    /// <summary>The remaining steps, each done when it is pulled, so that the caller may save, report or stop between any two.</summary>
    public IEnumerable<TrainingStep> Run()
    {
        while (!Finished) yield return Step();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        Head?.Dispose();
        if (_adapter is not null) LoraAdapter.Detach(_model);
    }

    private TrainingStep Step()
    {
        using var scope = NewDisposeScope();
        var started = Stopwatch.GetTimestamp();
        List<Lesson> lessons = [.. Enumerable.Range(0, _batchSize).Select(i => _lessons[_order.At((long)StepsDone * _batchSize + i)])];
        var (loss, margins) = WithinMemory(() => Gradients(lessons));
        var norm = _optimizer.ClipGradients(_settings.ClipNorm).item<float>();
        var rate = _settings.LearningRate(StepsDone, TotalSteps);
        var finite = float.IsFinite(norm) && double.IsFinite(loss);
        var applied = finite && !_outliers.IsOutlier(loss, norm);
        if (applied) _optimizer.Step(rate);
        if (finite) _skipped = 0;
        else Skip(loss, norm);
        StepsDone++;
        var (tokens, learned) = (lessons.Sum(l => l.Documents.Sum(d => (long)d.Tokens.Length)), lessons.Sum(l => l.Documents.Sum(d => (long)d.LearnedCount)));
        return new(StepsDone, TotalSteps, loss, rate, norm, tokens, learned, Stopwatch.GetElapsedTime(started))
        {
            Applied = applied,
            Margin = margins.Count == 0 ? null : margins.Average(),
            Accuracy = margins.Count == 0 ? null : margins.Average(m => m > 0 ? 1.0 : 0),
        };
    }

    /// <summary>Adds the step's gradient to what is trained, batch by batch.</summary>
    /// <returns>The step's loss, and by how much each lesson was got right before it.</returns>
    private (double Loss, List<float> Margins) Gradients(List<Lesson> lessons)
    {
        _optimizer.ZeroGradients();
        var (loss, margins, divisor, baseline) = (0.0, new List<float>(), _objective.Divisor(lessons), Baseline(lessons));
        List<TrainingExample> documents = [.. lessons.SelectMany(l => l.Documents)];
        foreach (var (number, batch) in PackedBatch.Cut(documents, MicroBatchTokens, _objective.DocumentsPerLesson).Index())
        {
            using var micro = NewDisposeScope();
            SeedDropout(number);
            var part = new LessonBatch(batch, lessons, _objective.DocumentsPerLesson, _model.Device);
            var values = Head is null ? LearnFromLogProbs(part, divisor, baseline) : LearnFromScores(part, Head, divisor, baseline);
            using var mode = no_grad();
            loss += _objective.Loss(values, part.Known, baseline).item<float>() / divisor;
            margins.AddRange(_objective.Margins(values, part.Known).cpu().data<float>().ToArray());
        }
        DropNothing();
        return (loss, margins);
    }

    /// <returns>(documents) log-probabilities of the batch's documents, without gradient.</returns>
    private Tensor LearnFromLogProbs(LessonBatch batch, double divisor, double baseline)
    {
        using var pass = _model.Learn(batch.Read.Ids, batch.Packed.Segments);
        var rows = pass.Rows(batch.Read.Learned);
        // Where the derivative depends on the values, they are measured first; the way back is taken once either way.
        var before = _objective.IsLinear ? zeros([batch.DocumentCount], float32, _model.Device) : batch.Sums(TokenLogProbs.Of(_model, rows, batch.Read.Targets));
        var perToken = Derivative(before, batch, divisor, baseline).index_select(0, batch.Owners);
        var (logProbs, gradients) = TokenLogProbs.WithGradient(_model, rows, batch.Read.Targets, perToken);
        pass.Backward(batch.Read.Learned, gradients);
        return batch.Sums(logProbs);
    }

    /// <returns>(documents) scores of the batch's documents, without gradient.</returns>
    private Tensor LearnFromScores(LessonBatch batch, RewardHead head, double divisor, double baseline)
    {
        using var pass = _model.Learn(batch.Read.Ids, batch.Packed.Segments);
        var places = Measuring.LastPlaces(batch.Packed, _model.Device);
        var ends = pass.Rows(places).requires_grad_();
        var scores = head.Of(ends).index_select(0, batch.InOrder);
        scores.backward([Derivative(scores.detach(), batch, divisor, baseline)]);
        pass.Backward(places, ends.grad!);
        return scores.detach();
    }

    /// <returns>(documents): by how much the step's loss changes with each value.</returns>
    private Tensor Derivative(Tensor values, LessonBatch batch, double divisor, double baseline)
    {
        var free = values.clone().requires_grad_();
        (_objective.Loss(free, batch.Known, baseline) / divisor).backward();
        return free.grad!;
    }

    /// <summary>KTO's z over the whole step, so that it does not depend on how the step is cut into batches.</summary>
    private double Baseline(List<Lesson> lessons)
    {
        if (_objective is not Kto) return 0;
        var mismatched = lessons.Where(l => l.Mismatched is not null).ToList();
        if (mismatched.Count == 0) return 0;
        var now = Measuring.LogProbs(_model, [.. mismatched.Select(l => l.Mismatched!)], MicroBatchTokens);
        return Math.Max(0, now.Zip(mismatched, (value, l) => value - l.MismatchedReference).Average());
    }

    /// <summary>Half the tokens per forward pass when memory runs out, at last activations computed twice, and the step again from its beginning: nothing of it was applied.</summary>
    private T WithinMemory<T>(Func<T> compute)
    {
        while (true)
        {
            try
            {
                return compute();
            }
            catch (Exception e) when (OutOfMemory.Is(e) && (CanHalve || !_model.Checkpointing))
            {
                // Recovered below: the exception keeps this frame's tensors alive until here is left.
            }
            DropNothing();
            if (CanHalve) MicroBatchTokens /= 2;
            else _model.Checkpointing = true; // the last thing to try: a third more time
        }
    }

    private bool CanHalve => MicroBatchTokens > _lessons.Max(l => l.Documents.Sum(d => d.Tokens.Length));

    private void SeedDropout(int batch)
    {
        if (_adapter is not { Settings.Dropout: > 0 and var share }) return;
        var index = 0;
        foreach (var layer in _adapter.Layers.Values)
        {
            var draw = new DropoutMask(share, [_settings.Seed, StepsDone, batch, index++]);
            layer.Dropout = draw.Apply;
        }
    }

    private void DropNothing()
    {
        foreach (var layer in _adapter?.Layers.Values ?? []) layer.Dropout = null;
    }

    private void Skip(double loss, double norm)
    {
        if (++_skipped >= MostSkipsInARow) throw new InvalidOperationException(
            $"The loss ({loss}) or gradient norm ({norm}) was not a finite number for {MostSkipsInARow} steps in a row, up to step {StepsDone + 1} of {TotalSteps}. " +
            $"Training has diverged; start again with a lower learning rate than {_settings.PeakLearningRate:G3}.");
    }

    private static void Check(Transformer model, IReadOnlyList<Lesson> lessons, Objective objective, TrainingSettings settings)
    {
        if (lessons.Count == 0) throw new ArgumentException("There is no example to learn from.", nameof(lessons));
        var longest = Math.Min(settings.MaxTokens, model.Config.ContextLength);
        foreach (var (i, lesson) in lessons.Index())
        {
            if (lesson.Documents.Count != objective.DocumentsPerLesson) throw new ArgumentException(
                $"Example {i + 1} has {lesson.Documents.Count} documents; this objective needs {objective.DocumentsPerLesson}.", nameof(lessons));
            if (objective.NeedsReference && lesson.Reference?.Count != lesson.Documents.Count) throw new ArgumentException(
                $"Example {i + 1} lacks the log-probabilities from before tuning, which this objective compares with.", nameof(lessons));
            foreach (var document in lesson.Documents.Concat(lesson.Mismatched is { } mismatched ? [mismatched] : []))
            {
                if (document.Tokens.Length > longest) throw new ArgumentException(
                    $"Example {i + 1} has {document.Tokens.Length:N0} tokens; at most {longest:N0} are allowed. Cut it by whole exchanges first.", nameof(lessons));
                if (document.Tokens.Any(id => id < 0 || id >= model.Config.VocabSize)) throw new ArgumentException(
                    $"Example {i + 1} holds a token id outside 0 to {model.Config.VocabSize - 1:N0}; it was made with another tokenizer.", nameof(lessons));
            }
        }
    }
}
