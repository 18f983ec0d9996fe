using System.Text.Json.Nodes;
using Moss.Data;
using Moss.Data.Checkpoints;
using Moss.Data.Training;
using Moss.Model;
using Moss.Model.Adapters;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Text;
using TorchSharp;

namespace Moss.Trainer.Training;

/// <summary>The checkpoint folder that a run makes: complete, with an adapter or a reward head beside the weights where there is one.</summary>
internal sealed class TuningOutput(RunPlan plan, string checkpoints)
{
    private string Target => Path.Combine(checkpoints, plan.OutputName);

    /// <summary>What an earlier attempt of this run wrote, if it is whole.</summary>
    public PassResult? Written()
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

    /// <summary>A state is what is trained with its two moments in float32, two of them for a moment, and then comes the checkpoint itself.</summary>
    public void RequireDisk(long trained, long parameters)
    {
        var needed = (trained * 6 + parameters) * sizeof(float);
        var free = new DriveInfo(Path.GetFullPath(checkpoints)).AvailableFreeSpace;
        if (free < needed) throw new MossInputException(
            $"The disk of '{checkpoints}' has {free / 1e6:N0} MB left; this run needs {needed / 1e6:N0} MB for its saved states and its checkpoint. " +
            "Free some space, or move MOSS_CHECKPOINTS and MOSS_STATE to a larger disk; then queue the run again.");
    }

    /// <exception cref="InvalidDataException">The merged weights do not say what base and adapter say.</exception>
    public PassResult Write(LoadedCheckpoint basis, LoraAdapter? adapter, TrainingLoop training, TrainingStep? last, double? before, HeldOut? after)
    {
        var moss = Describe(basis, last, before, after);
        IReadOnlyList<IReadOnlyList<ChatTurn>> prompts = [.. plan.Train.Take(CheckpointChecks.PromptCount).Select(Rendering.Prompt)];
        if (adapter is null)
        {
            basis.Transformer.ComputeType = torch.ScalarType.Float32; // what is recorded is what will be served
            return Result(CheckpointFolder.Write(Target, basis, moss, prompts, Beside));
        }
        LoraAdapter.Detach(basis.Transformer);
        if (basis.Transformer.WeightType == torch.ScalarType.Float32) return Merged(basis);
        using var whole = LoadedCheckpoint.Load(basis.Folder.Path, basis.Transformer.Device); // the frozen weights were shortened for training
        return Merged(whole);

        PassResult Merged(LoadedCheckpoint whole)
        {
            var proof = Merging.Merge(whole, adapter, Merging.Prompts(whole, prompts));
            if (!proof.Holds) throw new InvalidDataException(
                $"The merged weights do not say what checkpoint {plan.Base.Name} and the adapter say together: {proof}. Nothing is published. " +
                "Tune all weights (lora_rank 0) instead.");
            moss["merged"] = new JsonObject
            {
                ["largest_logit_difference"] = proof.LargestDifference, ["same_choice"] = proof.Agreement,
                ["positions"] = proof.Positions, ["weights"] = proof.WeightType,
            };
            return Result(CheckpointFolder.Write(Target, whole, moss, prompts, Beside));
        }

        void Beside(string aside)
        {
            if (plan.OutputKind == CheckpointKind.Lora) AdapterFolder.WriteInto(aside, adapter!, basis.Transformer, plan.Base.Name);
            training.Head?.Save(aside);
        }

        PassResult Result(string hash) => new(hash, basis.Config.Family, basis.ChatTemplate.Sha256, before, after?.Loss);
    }

    private JsonObject Describe(LoadedCheckpoint basis, TrainingStep? last, double? before, HeldOut? after) => new()
    {
        ["format"] = "moss.checkpoint/1", ["kind"] = plan.OutputKind.ToString(), ["recipe"] = plan.Run.Recipe, ["run_id"] = plan.Run.Id.ToString(),
        ["dataset_version"] = plan.Version.Name, ["dataset_version_id"] = plan.Version.Id.ToString(), ["dataset_sha256"] = plan.Version.Sha256,
        ["base"] = plan.Base.Name, ["base_manifest_sha256"] = plan.Base.ManifestSha256, ["settings"] = JsonNode.Parse(plan.Settings.ToJson()),
        ["peak_learning_rate"] = plan.Settings.PeakLearningRate ?? AutomaticLearningRate.For(plan.Run.Recipe, plan.Settings.LoraRank > 0, basis.Config.ParameterCount),
        ["seed"] = plan.Run.Seed, ["loss"] = last?.Loss, ["eval_loss_before"] = before, ["eval_loss_after"] = after?.Loss, ["held_out"] = after?.ToJson(),
        [CheckpointFolder.QualityField] = plan.Run.Recipe == Recipes.Quality ? QualityTag.Best : basis.AskedQuality,
        ["template_sha256"] = basis.ChatTemplate.Sha256, ["compute"] = basis.Transformer.ComputeType.ToString(), ["device"] = basis.Transformer.Device.ToString(),
        ["threads"] = TorchRuntime.Threads, ["code"] = typeof(TuningOutput).Assembly.GetName().Version?.ToString(),
    };
}
