using System.Globalization;
using Moss.Data;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Training.Planning;

/// <summary>What a run takes at the very least: weights, and gradients and moments of what is trained, before a single token is read.</summary>
internal static class MemoryFloor
{
    private const int AdapterRank = 16; // that is proposed instead
    private const double Comfortable = 0.85; // of the limit: the estimate is some per cent off, and the program itself is not in it

    /// <summary>How a run keeps its numbers on a device. Layers are computed again on the way back where keeping them would not fit: a third slower, the same result.</summary>
    /// <param name="batchTokens">Most tokens of one forward pass.</param>
    /// <param name="limit">Bytes of memory.</param>
    public static TrainedAs How(ModelConfig config, int loraRank, Device device, long batchTokens, long limit)
    {
        var how = How(config, loraRank, device);
        return how with { Checkpointing = device.type == DeviceType.CPU && Estimate(how, batchTokens) > Comfortable * limit };
    }

    /// <summary>Counted, not measured: bytes at the peak, without the program itself.</summary>
    public static long Estimate(TrainedAs how, long batchTokens)
    {
        var counted = new MemoryEstimate(how.Config, Bytes(how.WeightType), Bytes(how.ComputeType));
        return how.LoraRank == 0 ? counted.TuneFull(batchTokens, how.Checkpointing) : counted.TuneLora(how.LoraRank, batchTokens, how.Checkpointing);
    }

    private static int Bytes(ScalarType type) => type == ScalarType.Float32 ? 4 : 2;

    private static TrainedAs How(ModelConfig config, int loraRank, Device device)
    {
        var compute = TuningMath.ComputeType(config.ParameterCount, device);
        return new(config, loraRank > 0 ? compute : ScalarType.Float32, compute, loraRank, Checkpointing: false);
    }

    /// <summary>Refuses what no setting of batch or length could make fit, before anything is loaded.</summary>
    public static void Require(RunPlan plan, ModelConfig config, Machine machine)
    {
        var needed = How(config, plan.Settings.LoraRank, CPU).StandingBytes;
        if (needed <= machine.MemoryLimit) return;
        var adapter = How(config, AdapterRank, CPU).StandingBytes;
        throw new MossInputException(string.Create(CultureInfo.InvariantCulture,
            $"Tuning checkpoint {plan.Base.Name} like this takes at least {needed / 1e9:F1} GB of memory for weights, gradients and moments; there are {machine.MemoryLimit / 1e9:F1} GB. ") +
            (plan.Settings.LoraRank == 0 && adapter < machine.MemoryLimit
                ? string.Create(CultureInfo.InvariantCulture, $"An adapter takes {adapter / 1e9:F1} GB: set lora_rank to {AdapterRank}. `tune --plan` says what else would help.")
                : "Start from a smaller checkpoint, or train on a larger machine."));
    }
}
