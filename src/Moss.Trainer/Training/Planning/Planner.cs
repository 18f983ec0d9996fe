using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Data;
using Moss.Data.Training;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Native;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Training.Planning;

/// <summary>Says what a run would do and take, from the checkpoint's config and tokenizer and the examples; reads no weights.</summary>
internal sealed class Planner
{
    private const double ForwardShare = 1.0 / 3; // of a pass forward and back
    private const int SmallestTokens = 128, ProofRows = 8; // per prompt: see Merging
    private static readonly int[] Ranks = [16];

    private readonly RunPlan _run;
    private readonly string _state;
    private readonly Machine _machine;
    private readonly ModelConfig _config;
    private readonly ChatTemplate _template;
    private readonly string? _askedQuality;
    private readonly long _bytesOnDisk;
    private readonly Dictionary<TrainedAs, StepCost?> _costs = [];

    public Planner(RunPlan run, string checkpoints, string state, Machine? machine = null)
    {
        TorchRuntime.Ensure();
        (_run, _state, _machine) = (run, state, machine ?? Machine.Here(checkpoints));
        var folder = CheckpointFolder.Open(Path.Combine(checkpoints, run.Base.Folder));
        (_config, _askedQuality) = (folder.Config, folder.AskedQuality);
        _template = ChatTemplate.For(folder, Tokenizer.Load(folder.Path));
        _bytesOnDisk = Directory.EnumerateFiles(folder.Path).Sum(f => new FileInfo(f).Length);
    }

    /// <exception cref="MossInputException">Nothing of the version can be learned.</exception>
    public PlanResult Plan()
    {
        var plan = Plan(_run.Settings);
        return plan.Fits ? plan : plan with { Options = Options(plan) };
    }

    private PlanResult Plan(TuningSettings settings)
    {
        var rendering = new Rendering(_template, Math.Min(settings.MaxTokens, _config.ContextLength), _askedQuality);
        var (rendered, tooLong) = rendering.Render(_run.Train);
        if (rendered.Count == 0) throw new MossInputException(_run.Train.Count == 0
            ? $"Dataset version {_run.Version.Name} has no example to learn from. Correct or rate some replies, and freeze a new version."
            : $"Of the {_run.Train.Count} examples of dataset version {_run.Version.Name} none fits into {settings.MaxTokens} tokens. Raise max_tokens.");
        IReadOnlyList<Lesson> lessons = [.. rendered.Select(l => l.Lesson)], eval = [.. rendering.Render(_run.Eval).Lessons.Select(l => l.Lesson)];
        var objective = TuningMath.Objective(settings);
        var loop = TuningMath.Settings(_run with { Settings = settings }, lessons, _config.ParameterCount, halvings: 0);
        var work = Workload.Of(lessons, loop, objective.DocumentsPerLesson);
        var how = MemoryFloor.How(_config, settings.LoraRank, TorchRuntime.BestDevice(), loop.MicroBatchTokens, _machine.MemoryLimit);
        var trained = how.TrainedNumbers;
        var cost = Cost(how, Typical(lessons));
        var memory = Memory(how, cost, work, objective);
        var (perStep, all) = Seconds(cost, settings, work, objective, trained, Tokens(lessons), Tokens(eval));
        return new PlanResult
        {
            Recipe = _run.Run.Recipe, Examples = lessons.Count, HeldOut = eval.Count, TooLong = tooLong,
            TokensPerEpoch = Tokens(lessons), LongestTokens = lessons.Max(l => l.Documents.Max(d => d.Tokens.Length)),
            Steps = work.Steps, BatchSize = work.BatchSize, MicroBatchTokens = work.BatchTokens, Tokens = work.Tokens, LearnedTokens = work.LearnedTokens,
            Parameters = _config.ParameterCount, TrainedParameters = trained, LoraRank = how.LoraRank, Checkpointing = how.Checkpointing,
            Device = TorchRuntime.BestDevice().type == DeviceType.CUDA ? "cuda" : "cpu", Compute = how.ComputeType == ScalarType.BFloat16 ? "bf16" : "fp32",
            SecondsPerStep = perStep, Seconds = all, Memory = memory, MemoryLimitBytes = _machine.MemoryLimit, MemoryFreeBytes = _machine.MemoryFree,
            DiskBytes = DiskBytes(trained), DiskFreeBytes = _machine.DiskFree, Options = [],
        };
    }

    /// <summary>What would take less, most harmless first, up to the first that fits.</summary>
    private List<PlanOption> Options(PlanResult refused)
    {
        var options = new List<PlanOption>();
        foreach (var change in Changes(refused))
        {
            var settings = JsonNode.Parse(_run.Settings.ToJson())!.AsObject();
            foreach (var (name, value) in change) settings[name] = value!.DeepClone();
            try
            {
                var plan = Plan(TuningSettings.Parse(_run.Run.Recipe, settings.ToJsonString()));
                options.Add(new(change.ToJsonString(), plan.Memory.Total, plan.DiskBytes, plan.Seconds, plan.Fits));
                if (plan.Fits) break;
            }
            catch (MossInputException)
            {
                break; // so short that nothing is left to learn
            }
        }
        return options;
    }

    private IEnumerable<JsonObject> Changes(PlanResult refused)
    {
        var s = _run.Settings;
        JsonObject sofar = [];
        if (!refused.FitsMemory && s.ExamplesPerPass() > 1) yield return With("micro_batch_size", 1);
        if (s.LoraRank == 0)
        {
            foreach (var rank in Ranks) yield return new JsonObject { ["lora_rank"] = rank };
            yield return With("lora_rank", Ranks[0]);
        }
        for (var tokens = refused.LongestTokens / 2; !refused.FitsMemory && tokens >= SmallestTokens; tokens /= 2) yield return With("max_tokens", tokens);

        JsonObject With(string name, int value)
        {
            sofar[name] = value;
            return sofar.DeepClone().AsObject();
        }
    }

    /// <summary>Null where the slices themselves would not fit, or this system cannot say what they take: they are measured on the CPU.</summary>
    private StepCost? Cost(TrainedAs how, int span)
    {
        if (_costs.TryGetValue(how, out var known)) return known;
        var slice = (_config with { LayerCount = 4 }).ParameterCount - (_config with { LayerCount = 0 }).ParameterCount;
        var bytes = slice * (how.LoraRank == 0 ? 18L : 4);
        return _costs[how] = LiveMemory.Bytes() is null || TorchRuntime.BestDevice().type != DeviceType.CPU || bytes > _machine.MemoryFree / 3 ? null : StepProbe.Measure(how, span);
    }

    private PlanMemory Memory(TrainedAs how, StepCost? cost, Workload work, Objective objective)
    {
        var (weights, learning) = (how.WeightBytes, how.StandingBytes - how.WeightBytes);
        if (cost is null) return new(ProgramBytes(), weights, learning, Math.Max(0, MemoryFloor.Estimate(how, work.BatchTokens) - how.StandingBytes));
        // Writing: the largest matrix put together; for short frozen weights also the base once more in float32, and the proof's logits before and after.
        var writing = (long)_config.VocabSize * _config.HiddenSize * sizeof(float);
        if (how.WeightType != ScalarType.Float32) writing += (_config.ParameterCount + 2L * CheckpointChecks.PromptCount * ProofRows * _config.VocabSize) * sizeof(float);
        var pass = cost.PassBytes(_config, work.BatchTokens, objective.ScoresDocuments ? 0 : work.BatchRows);
        return new(ProgramBytes(), weights, learning, Math.Max(pass, writing));
    }

    /// <summary>What this process holds besides tensors; the run's process will hold the same, and its examples.</summary>
    private static long ProgramBytes()
    {
        LiveMemory.Trim();
        using var me = Process.GetCurrentProcess();
        return me.WorkingSet64;
    }

    private (double? PerStep, double? All) Seconds(
        StepCost? cost, TuningSettings settings, Workload work, Objective objective, long trained, long tokens, long evalTokens)
    {
        if (cost is null) return (null, null);
        double steps = work.Steps;
        var pass = cost.StepSeconds(_config, work.Tokens / steps, objective.ScoresDocuments ? 0 : work.LearnedTokens / steps, trained);
        var perToken = cost.PassSeconds(_config, 1, (double)work.LearnedTokens / work.Tokens);
        // What the objective compares is measured first: the head once more, and for single replies a mismatched one as well.
        if (!objective.IsLinear && !objective.ScoresDocuments) pass += ForwardShare * cost.PassSeconds(_config, objective is Kto ? work.Tokens / steps : 0, work.LearnedTokens / steps);
        var reference = objective.NeedsReference ? tokens * perToken * ForwardShare : 0;
        var held = 2 * evalTokens * perToken * ForwardShare;
        var perByte = Machine.SecondsPerWrittenByte(_state);
        var saves = (steps / settings.CheckpointEvery * trained * 12 + 3.0 * _bytesOnDisk) * perByte; // states; the base read and hashed, the result written
        return (pass, steps * pass + reference + held + saves);
    }

    /// <summary>A state is weights and two moments of what is trained, two of them for a moment; then the checkpoint itself, as large as the base in float32.</summary>
    private long DiskBytes(long trained) => 2 * 12 * trained + Math.Max(_bytesOnDisk, _config.ParameterCount * sizeof(float));

    private static long Tokens(IReadOnlyList<Lesson> lessons) => lessons.Sum(l => l.Documents.Sum(d => (long)d.Tokens.Length));

    private static int Typical(IReadOnlyList<Lesson> lessons)
    {
        var documents = lessons.SelectMany(l => l.Documents).ToList();
        return Math.Max(1, documents.Sum(d => d.Tokens.Length) / documents.Count);
    }
}
