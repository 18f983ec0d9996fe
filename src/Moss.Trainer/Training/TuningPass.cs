using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Training;
using Moss.Model;
using Moss.Model.Adapters;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Trainer.Training.Planning;
using Moss.Trainer.Training.Watching;
using TorchSharp;

namespace Moss.Trainer.Training;

/// <summary>What the tensors' side of a run came to: the folder's hash with what describes it, or null when it was stopped.</summary>
internal sealed record PassResult(string ManifestSha256, string Family, string TemplateSha256, double? EvalLossBefore, double? EvalLossAfter);

/// <summary>One run of any recipe on one thread: load, render, measure, train, measure, write the folder. Knows no database.</summary>
/// <param name="stop">Canceled to save the state and return.</param>
internal sealed class TuningPass(RunPlan plan, RunFolder folder, string checkpoints, MetricWriter metrics, Action<ChildReport> say, CancellationToken stop)
{
    private const int MostMeasured = 1_000; // examples of those learned; enough for a share
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(200);

    private readonly TuningOutput _output = new(plan, checkpoints);

    /// <summary>Trains and writes the checkpoint, or takes the one that an earlier attempt of this run wrote.</summary>
    public PassResult? Run()
    {
        if (_output.Written() is { } written) return written;
        TorchRuntime.Ensure();
        var (basis, adapter) = Load();
        TrainingLoop? training = null;
        try
        {
            var objective = TuningMath.Objective(plan.Settings);
            var (train, eval) = Lessons(basis, objective);
            var settings = TuningMath.Settings(plan, [.. train.Select(l => l.Lesson)], basis.Config.ParameterCount, folder.Halvings);
            _output.RequireDisk(adapter?.ParameterCount ?? basis.Config.ParameterCount, basis.Config.ParameterCount);
            Spare(basis.Transformer, settings);
            var (lessons, held) = Compared(basis.Transformer, objective, train, eval, settings.MicroBatchTokens);

            training = new TrainingLoop(basis.Transformer, lessons, objective, settings, adapter);
            var before = Before(training, held, eval);
            if (folder.Newest() is { } state && !TryResume(training, state.Folder))
            {
                training.Dispose(); // whatever was half filled
                adapter?.Dispose();
                basis.Dispose();
                (basis, adapter) = Load();
                Spare(basis.Transformer, settings);
                training = new TrainingLoop(basis.Transformer, lessons, objective, settings, adapter);
            }

            var last = Train(training, StepWatch.Over(basis.Transformer, lessons, frozen: adapter is not null));
            if (!training.Finished) return null;
            var after = After(training, lessons, held, eval);
            say(new(Phase: "publishing"));
            // The numbers first: a folder that stands means that its run is complete in the database too.
            metrics.Complete();
            if (!metrics.Written.GetAwaiter().GetResult()) throw new LostRunException();
            return _output.Write(basis, adapter, training, last, before, after);
        }
        finally
        {
            training?.Dispose();
            adapter?.Dispose();
            basis.Dispose();
        }
    }

    private (LoadedCheckpoint Basis, LoraAdapter? Adapter) Load()
    {
        say(new(Phase: "loading"));
        var (device, lora) = (TorchRuntime.BestDevice(), plan.Settings.LoraRank > 0);
        var path = Path.Combine(checkpoints, plan.Base.Folder);
        var config = CheckpointFolder.Open(path).Config;
        if (device.type == DeviceType.CPU) MemoryFloor.Require(plan, config, Machine.Here(checkpoints));
        var compute = TuningMath.ComputeType(config.ParameterCount, device);
        // Weights that are trained stay in float32, or small updates would be rounded away; frozen ones may be as short as the products.
        var basis = LoadedCheckpoint.Load(path, device, type: lora ? compute : torch.ScalarType.Float32);
        if (basis.ManifestSha256 == plan.Base.ManifestSha256 && basis.ChatTemplate.Sha256 == plan.Base.TemplateSha256)
        {
            basis.Transformer.ComputeType = compute;
            return (basis, lora ? LoraAdapter.Create(basis.Transformer, TuningMath.Lora(plan.Settings.LoraRank), plan.Run.Seed) : null);
        }
        var what = basis.ManifestSha256 != plan.Base.ManifestSha256 ? ("manifest", plan.Base.ManifestSha256, basis.ManifestSha256)
            : ("chat template", plan.Base.TemplateSha256, basis.ChatTemplate.Sha256);
        basis.Dispose();
        throw new MossInputException(
            $"The folder of checkpoint {plan.Base.Name} is not the one that was registered: its {what.Item1} has hash {what.Item3[..12]}…, expected {what.Item2[..12]}…. " +
            "Replies would be taught in another spelling. Put the original folder back, or choose another base checkpoint.");
    }

    private (IReadOnlyList<RenderedLesson> Train, IReadOnlyList<RenderedLesson> Eval) Lessons(LoadedCheckpoint basis, Objective objective)
    {
        var most = Math.Min(plan.Settings.MaxTokens, basis.Config.ContextLength);
        var rendering = new Rendering(basis.ChatTemplate, most, basis.AskedQuality);
        var (train, tooLong) = rendering.Render(plan.Train);
        if (train.Count == 0) throw new MossInputException(plan.Train.Count == 0
            ? $"Dataset version {plan.Version.Name} has no example to learn from. Correct or rate some replies, and freeze a new version."
            : $"Of the {plan.Train.Count} examples of dataset version {plan.Version.Name} none fits into {most} tokens ({tooLong} too long). Raise max_tokens.");
        if (tooLong > 0) metrics.Say(
            $"{tooLong:N0} of {plan.Train.Count:N0} examples are left out: no whole exchange of them fits into {most:N0} tokens. Raise max_tokens to learn them.");
        if (objective is Kto && train.All(l => l.Lesson.Mismatched is null)) throw new MossInputException(
            $"All examples of dataset version {plan.Version.Name} answer the same prompt; kto compares with replies to other prompts. " +
            "Judge replies to more prompts.");
        return (train, rendering.Render(plan.Eval).Lessons);
    }

    /// <summary>The lessons with the log-probabilities from before tuning, where the objective needs them.</summary>
    private (IReadOnlyList<Lesson> Train, IReadOnlyList<Lesson> Eval) Compared(
        Transformer model, Objective objective, IReadOnlyList<RenderedLesson> train, IReadOnlyList<RenderedLesson> eval, int microBatchTokens)
    {
        IReadOnlyList<Lesson> all = [.. train.Concat(eval).Select(l => l.Lesson)];
        if (objective.NeedsReference)
        {
            var key = $"{plan.Version.Sha256} {plan.Base.ManifestSha256} {plan.Base.TemplateSha256} {model.ComputeType} " +
                $"{plan.Run.Recipe} {plan.Settings.MaxTokens}";
            all = new References(folder.ReferencesFile, key).Of(model, all, microBatchTokens);
        }
        return ([.. all.Take(train.Count)], [.. all.Skip(train.Count)]);
    }

    private double? Before(TrainingLoop training, IReadOnlyList<Lesson> held, IReadOnlyList<RenderedLesson> eval)
    {
        if (held.Count == 0 || plan.EvalLossBefore is not null) return plan.EvalLossBefore;
        var before = HeldOut.Of(training.Evaluate(held), eval);
        metrics.Add(0, training.TotalSteps, new() { [TrainingMetric.EvalLoss] = before.Loss });
        return before.Loss;
    }

    private HeldOut? After(TrainingLoop training, IReadOnlyList<Lesson> lessons, IReadOnlyList<Lesson> held, IReadOnlyList<RenderedLesson> eval)
    {
        var numbers = new Dictionary<string, double>();
        if (Recipes.Compares(plan.Run.Recipe) && training.Evaluate([.. lessons.Take(MostMeasured)]).Accuracy is { } right)
            numbers[TrainingMetric.TrainAccuracy] = right;
        var after = held.Count == 0 ? null : HeldOut.Of(training.Evaluate(held), eval);
        foreach (var (name, value) in after?.Metrics() ?? []) numbers[name] = value;
        if (numbers.Count > 0) metrics.Add(training.TotalSteps, training.TotalSteps, numbers);
        if (after?.Sentence() is { } sentence) metrics.Say(sentence);
        return after;
    }

    /// <summary>Computes layers again on the way back where keeping them would not fit; the result is the same.</summary>
    private void Spare(Transformer model, TrainingSettings settings)
    {
        var limit = Machine.Here(checkpoints).MemoryLimit;
        model.Checkpointing = folder.Halvings > 0 || MemoryFloor.How(model.Config, plan.Settings.LoraRank, model.Device, settings.MicroBatchTokens, limit).Checkpointing;
        if (model.Checkpointing) metrics.Say("Memory is short: each layer is computed again on the way back, which takes a third more time.");
    }

    private bool TryResume(TrainingLoop training, string state)
    {
        try
        {
            training.Resume(state);
            return true;
        }
        catch (InvalidDataException)
        {
            folder.DeleteStates();
            return false;
        }
    }

    private TrainingStep? Train(TrainingLoop training, StepWatch watch)
    {
        say(new(Phase: "training", Step: training.StepsDone, TotalSteps: training.TotalSteps));
        var (clock, reported, micro, twice) = (TimeProvider.System, 0L, training.MicroBatchTokens, training.Checkpointing);
        TrainingStep? last = null;
        foreach (var step in training.Run())
        {
            last = step;
            var numbers = TuningMath.Metrics(step);
            if (training.MicroBatchTokens != micro)
            {
                metrics.Say($"Memory ran out: from step {step.Number:N0} on {training.MicroBatchTokens:N0} tokens per forward pass " +
                    $"instead of {micro:N0}; the batch is the same.");
                numbers[TrainingMetric.MicroBatchTokens] = micro = training.MicroBatchTokens;
            }
            if (training.Checkpointing != twice)
            {
                twice = training.Checkpointing;
                metrics.Say($"Memory ran out: from step {step.Number:N0} on activations are computed twice instead of kept, " +
                    "which takes about a third more time.");
            }
            watch.See(step, numbers);
            metrics.Add(step.Number, step.Total, numbers);
            if (reported == 0 || clock.GetElapsedTime(reported) > ReportEvery || step.Number == step.Total)
            {
                reported = clock.GetTimestamp();
                say(new(Step: step.Number, TotalSteps: step.Total, Loss: step.Loss));
            }
            var stopping = stop.IsCancellationRequested || metrics.Refused.IsCancellationRequested;
            // The numbers first: a run that goes on after this state never reports these steps again.
            var due = step.Number % plan.Settings.CheckpointEvery == 0 || stopping || training.Finished;
            if (due && metrics.Flush()) folder.Save(step.Number, training.SaveState);
            if (stopping) break;
        }
        return last;
    }
}

/// <summary>The run was canceled or is another worker's by now.</summary>
internal sealed class LostRunException() : Exception("The run was canceled, or another worker has it.");
