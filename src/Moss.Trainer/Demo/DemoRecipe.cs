using Moss.Data.Datasets;
using Moss.Data.Training;

namespace Moss.Trainer.Demo;

/// <summary>How the demo's small model is taught: found by trying, on two cores in well under a minute.</summary>
internal static class DemoRecipe
{
    /// <summary>Each correction many times over, and every sample once, so that nothing else is forgotten.</summary>
    public static FreezeRule Freeze { get; } = new() { CorrectionRepeat = 12, ReplayShare = 1 };

    public static SftSettings Settings { get; } = new() { Steps = 60, PeakLearningRate = 1e-3, BatchSize = 16, MicroBatchSize = 16, CheckpointEvery = 20 };
}
