using System.Text.Json.Nodes;
using Moss.Data;
using Moss.Data.Training;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Text;
using Moss.Trainer.Training.Watching;

namespace Moss.Trainer.Training;

/// <summary>What the tensors' side of a run came to: the folder's hash with what describes it, or null when it was stopped.</summary>
internal sealed record PassResult(string ManifestSha256, string Family, string TemplateSha256, double? EvalLossBefore, double? EvalLossAfter);

/// <summary>One supervised run on one thread: load, render, measure, train, measure, write the folder. Knows no database.</summary>
/// <param name="stop">Canceled to save the state and return.</param>
internal sealed class SupervisedPass(RunPlan plan, RunFolder folder, string checkpoints, MetricWriter metrics, Action<ChildReport> say, CancellationToken stop)
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(200);

    private string Target => Path.Combine(checkpoints, plan.OutputName);

    /// <summary>Trains and writes the checkpoint, or takes the one that an earlier attempt of this run wrote.</summary>
    public PassResult? Run()
    {
        if (Written() is { } written) return written;
        TorchRuntime.Ensure();
        var basis = Load();
        try
        {
            var (train, eval) = Examples(basis.ChatTemplate);
            var settings = Settings(train);
            RequireDisk(basis);

            double? before = eval.Count == 0 ? null : plan.EvalLossBefore ?? TrainingLoop.Evaluate(basis.Transformer, eval, settings.MicroBatchTokens);
            var training = new TrainingLoop(basis.Transformer, train, settings);
            try
            {
                if (before is { } loss && plan.EvalLossBefore is null) metrics.Add(0, training.TotalSteps, new() { [TrainingMetric.EvalLoss] = loss });
                if (folder.Newest() is { } state && !TryResume(training, state.Folder))
                {
                    training.Dispose();
                    basis.Dispose();
                    basis = Load(); // whatever was half filled
                    training = new TrainingLoop(basis.Transformer, train, settings);
                }

                var last = Train(training, StepWatch.Over(basis.Transformer, [.. train.Select(e => new Lesson(e))], frozen: false));
                if (!training.Finished) return null;
                double? after = eval.Count == 0 ? null : training.Evaluate(eval);
                if (after is { } end) metrics.Add(training.TotalSteps, training.TotalSteps, new() { [TrainingMetric.EvalLoss] = end });
                return Write(basis, last, before, after);
            }
            finally
            {
                training.Dispose();
            }
        }
        finally
        {
            basis.Dispose();
        }
    }

    private PassResult? Written()
    {
        Directory.CreateDirectory(checkpoints);
        foreach (var aside in Directory.EnumerateDirectories(checkpoints, plan.OutputName + ".tmp-*")) Directory.Delete(aside, recursive: true);
        if (!Directory.Exists(Target)) return null;
        try
        {
            var known = CheckpointFolder.Open(Target);
            if (known.VerifyManifest() is { } hash) return new(hash, known.Config.Family, plan.Base.TemplateSha256, plan.EvalLossBefore, plan.EvalLossAfter);
        }
        catch (InvalidDataException)
        {
            // damaged since: written again below
        }
        Directory.Delete(Target, recursive: true);
        return null;
    }

    private LoadedCheckpoint Load()
    {
        say(new(Phase: "loading"));
        var basis = LoadedCheckpoint.Load(Path.Combine(checkpoints, plan.Base.Folder));
        if (basis.ManifestSha256 == plan.Base.ManifestSha256 && basis.ChatTemplate.Sha256 == plan.Base.TemplateSha256) return basis;
        var what = basis.ManifestSha256 != plan.Base.ManifestSha256 ? ("manifest", plan.Base.ManifestSha256, basis.ManifestSha256)
            : ("chat template", plan.Base.TemplateSha256, basis.ChatTemplate.Sha256);
        basis.Dispose();
        throw new MossInputException(
            $"The folder of checkpoint {plan.Base.Name} is not the one that was registered: its {what.Item1} has hash {what.Item3[..12]}…, expected {what.Item2[..12]}…. " +
            "Replies would be taught in another spelling. Put the original folder back, or choose another base checkpoint.");
    }

    private (List<TrainingExample> Train, List<TrainingExample> Eval) Examples(ChatTemplate template)
    {
        var (train, tooLong) = Rendering.Render(template, plan.Train, plan.Settings.MaxTokens);
        if (train.Count == 0) throw new MossInputException(plan.Train.Count == 0
            ? $"Dataset version {plan.Version.Name} has no example to learn from. Correct or rate some replies, and freeze a new version."
            : $"Of the {plan.Train.Count} examples of dataset version {plan.Version.Name} none fits into {plan.Settings.MaxTokens} tokens " +
              $"({tooLong} too long). Raise max_tokens.");
        var (eval, _) = Rendering.Render(template, plan.Eval, plan.Settings.MaxTokens);
        return (train, eval);
    }

    private TrainingSettings Settings(List<TrainingExample> train)
    {
        var s = plan.Settings;
        var batch = Math.Min(s.BatchSize, train.Count);
        return new TrainingSettings
        {
            Steps = s.Steps ?? (int)Math.Clamp(Math.Ceiling(s.Epochs * train.Count / batch), 1, s.MaxSteps),
            PeakLearningRate = s.PeakLearningRate ?? AutomaticLearningRate.For("sft", false, 2_000_000), WarmupFraction = s.WarmupFraction, BatchSize = batch,
            MicroBatchTokens = s.ExamplesPerPass() * train.Max(e => e.Tokens.Length), MaxTokens = s.MaxTokens,
            WeightDecay = s.WeightDecay, ClipNorm = s.ClipNorm, Seed = plan.Run.Seed,
        };
    }

    private void RequireDisk(LoadedCheckpoint basis)
    {
        // A state is the weights and two moments in float32, two of them for a moment, and then the checkpoint itself.
        var weights = basis.Transformer.parameters().Sum(p => p.NumberOfElements) * sizeof(float);
        var free = new DriveInfo(Path.GetFullPath(checkpoints)).AvailableFreeSpace;
        if (free < weights * 7) throw new MossInputException(
            $"The disk of '{checkpoints}' has {free / 1e6:N0} MB left; this run needs {weights * 7 / 1e6:N0} MB for its saved states and its checkpoint. " +
            "Free some space, or move MOSS_CHECKPOINTS and MOSS_STATE to a larger disk; then queue the run again.");
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
        var (clock, reported) = (TimeProvider.System, 0L);
        TrainingStep? last = null;
        foreach (var step in training.Run())
        {
            last = step;
            Dictionary<string, double> numbers = new()
            {
                [TrainingMetric.Loss] = step.Loss, ["learning_rate"] = step.LearningRate,
                ["gradient_norm"] = step.GradientNorm, ["tokens_per_second"] = step.TokensPerSecond,
            };
            watch.See(step, numbers);
            metrics.Add(step.Number, step.Total, numbers);
            if (reported == 0 || clock.GetElapsedTime(reported) > ReportEvery || step.Number == step.Total)
            {
                reported = clock.GetTimestamp();
                say(new(Step: step.Number, TotalSteps: step.Total, Loss: step.Loss));
            }
            var stopping = stop.IsCancellationRequested || metrics.Refused.IsCancellationRequested;
            // The numbers first: a run that goes on after this state never reports these steps again.
            if ((step.Number % plan.Settings.CheckpointEvery == 0 || stopping || training.Finished) && metrics.Flush()) folder.Save(step.Number, training.SaveState);
            if (stopping) break;
        }
        return last;
    }

    private PassResult Write(LoadedCheckpoint trained, TrainingStep? last, double? before, double? after)
    {
        say(new(Phase: "publishing"));
        // The numbers first: a folder that stands means that its run is complete in the database too.
        metrics.Complete();
        if (!metrics.Written.GetAwaiter().GetResult()) throw new LostRunException();
        var hash = CheckpointFolder.Write(Target, trained, new JsonObject
        {
            ["format"] = "moss.checkpoint/1", ["kind"] = "Full", ["recipe"] = plan.Run.Recipe, ["run_id"] = plan.Run.Id.ToString(),
            ["dataset_version"] = plan.Version.Name, ["dataset_version_id"] = plan.Version.Id.ToString(), ["dataset_sha256"] = plan.Version.Sha256,
            ["base"] = plan.Base.Name, ["base_manifest_sha256"] = plan.Base.ManifestSha256, ["settings"] = JsonNode.Parse(plan.Settings.ToJson()),
            ["seed"] = plan.Run.Seed, ["loss"] = last?.Loss, ["eval_loss_before"] = before, ["eval_loss_after"] = after,
            ["template_sha256"] = trained.ChatTemplate.Sha256, ["threads"] = TorchRuntime.Threads,
            ["code"] = typeof(SupervisedPass).Assembly.GetName().Version?.ToString(),
        }, [.. plan.Train.Take(CheckpointChecks.PromptCount).Select(Prompt)]);
        return new(hash, trained.Config.Family, trained.ChatTemplate.Sha256, before, after);
    }

    /// <summary>Up to the last question.</summary>
    private static IReadOnlyList<ChatTurn> Prompt(Data.Datasets.DatasetContent content)
    {
        var turns = Rendering.Turns(content);
        var end = turns.Count;
        while (end > 1 && turns[end - 1].Role == ChatTurn.Assistant) end--;
        return [.. turns.Take(end)];
    }
}

/// <summary>The run was canceled or is another worker's by now.</summary>
internal sealed class LostRunException() : Exception("The run was canceled, or another worker has it.");
