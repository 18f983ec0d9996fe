using Moss.Data.Datasets;
using Moss.Data.Training;
using Moss.Model;
using Moss.Model.Learning;
using Moss.Model.Text;
using static TorchSharp.torch;

namespace Moss.Trainer.Training.Planning;

/// <summary>What the pass makes of settings and examples, without any weights.</summary>
internal static class PlannedLessons
{
    private const long HalfPrecisionFrom = 30_000_000; // parameters: below, float32 is as fast on a CPU

    /// <summary>All lessons that fit, and how many examples were left out because nothing of them fits.</summary>
    public static (IReadOnlyList<Lesson> Lessons, int TooLong) Of(string recipe, ChatTemplate template, IReadOnlyList<string> contents, int maxTokens)
    {
        var (lessons, tooLong) = (new List<Lesson>(), 0);
        foreach (var content in contents)
        {
            var (documents, repeat) = Documents(recipe, template, content, maxTokens);
            if (documents is null) tooLong++;
            else lessons.AddRange(Enumerable.Repeat(new Lesson([.. documents.Select(d => d.Document)]), repeat));
        }
        return (lessons, tooLong);
    }

    /// <summary>The documents of one example with their names; null when nothing of it fits.</summary>
    public static (IReadOnlyList<(string Name, TrainingExample Document)>? Documents, int Repeat) Documents(
        string recipe, ChatTemplate template, string content, int maxTokens)
    {
        switch (recipe)
        {
            case Recipes.Dpo or Recipes.Reward:
                var pair = PreferenceContent.Parse(content);
                return Rendered(pair.Prompt, pair.Chosen) is { } chosen && Rendered(pair.Prompt, pair.Rejected) is { } rejected
                    ? ([("chosen", chosen), ("rejected", rejected)], 1) : (null, 1);
            case Recipes.Kto:
                var single = DesirableContent.Parse(content);
                return Rendered(single.Prompt, single.Reply) is { } reply ? ([(single.Desirable ? "desirable" : "undesirable", reply)], 1) : (null, 1);
            default:
                var supervised = DatasetContent.Parse(content);
                return Rendering.Render(template, [supervised with { Repeat = 1 }], maxTokens).Examples is [var whole]
                    ? ([("conversation", whole)], Math.Max(1, supervised.Repeat)) : (null, 1);
        }

        TrainingExample? Rendered(IReadOnlyList<DatasetMessage> prompt, string reply) =>
            Rendering.Render(template, [new DatasetContent([.. prompt, new(ChatTurn.Assistant, reply, Learn: true)])], maxTokens).Examples.FirstOrDefault();
    }

    public static Objective ObjectiveOf(TuningSettings settings) => settings switch
    {
        DpoSettings dpo => new Dpo(dpo.Beta, dpo.LabelSmoothing, dpo.NllWeight),
        KtoSettings kto => new Kto(kto.Beta),
        RewardSettings reward => new Reward(reward.Centering),
        _ => new CrossEntropy(),
    };

    public static TrainingSettings SettingsOf(TuningSettings settings, IReadOnlyList<Lesson> lessons, long parameters, long seed)
    {
        var batch = Math.Min(settings.BatchSize, lessons.Count);
        return new TrainingSettings
        {
            Steps = settings.WantedSteps() ?? (int)Math.Clamp(Math.Ceiling(settings.Epochs * lessons.Count / batch), 1, settings.MaxSteps),
            PeakLearningRate = settings.PeakLearningRate ?? AutomaticLearningRate.For(settings.RecipeName(), settings.LoraRank > 0, parameters),
            WarmupFraction = settings.WarmupShare(), BatchSize = batch, ClipNorm = settings.ClipNorm, WeightDecay = settings.Decay(), Seed = seed,
            MicroBatchTokens = settings.ExamplesPerPass() * lessons.Max(l => l.Documents.Sum(d => d.Tokens.Length)), MaxTokens = settings.MaxTokens,
        };
    }

    public static TrainedAs HowOf(TuningSettings settings, ModelConfig config)
    {
        var compute = config.ParameterCount >= HalfPrecisionFrom || TorchRuntime.BestDevice().type == TorchSharp.DeviceType.CUDA ? ScalarType.BFloat16 : ScalarType.Float32;
        return new(config, settings.LoraRank > 0 ? compute : ScalarType.Float32, compute, settings.LoraRank, Checkpointing: false);
    }
}
