using System.Diagnostics;
using Moss.Model.Adapters;
using Moss.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>How a network would be trained, as far as memory and time depend on it.</summary>
/// <param name="WeightType">Number format of weights that stay as they are; trained ones are float32 always.</param>
/// <param name="LoraRank">0 when all weights are trained.</param>
public sealed record TrainedAs(ModelConfig Config, ScalarType WeightType, ScalarType ComputeType, int LoraRank, bool Checkpointing)
{
    /// <summary>Bytes of the network's weights as they are kept.</summary>
    public long WeightBytes => Config.ParameterCount * (WeightType == ScalarType.Float32 ? 4 : 2);

    /// <summary>Bytes that stay between steps: weights; gradient and two moments of what is trained; and, where products are short, a short copy of trained weights.</summary>
    public long StandingBytes => WeightBytes + TrainedNumbers * (LoraRank == 0 ? 12 : 16) + (WeightType == ComputeType ? 0 : 2 * Config.ParameterCount);

    /// <summary>Numbers that the optimizer moves: all of them, or r · (in + out) for every matrix of the layers.</summary>
    public long TrainedNumbers
    {
        get
        {
            if (LoraRank == 0) return Config.ParameterCount;
            long d = Config.HiddenSize, f = Config.IntermediateSize, queries = Config.HeadCount * Config.HeadDim, keys = Config.KeyValueHeadCount * Config.HeadDim;
            return Config.LayerCount * LoraRank * (2 * (d + queries) + 2 * (d + keys) + (Config.Activation == Activation.GatedSilu ? 3 : 2) * (d + f));
        }
    }
}

/// <summary>What steps cost, as planes over sizes.</summary>
/// <param name="Kept">Bytes that a forward pass leaves for the way back: over layers and tokens.</param>
/// <param name="Peak">Most bytes of forward and back without the head, over the same.</param>
/// <param name="Head">Most bytes of the output head and the loss: over rows of one chunk and vocabulary.</param>
/// <param name="LayerTokenSeconds">Forward and back, per layer and token.</param>
/// <param name="OtherTokenSeconds">The same outside the layers, without the head.</param>
/// <param name="HeadSeconds">Per learned row and vocabulary entry.</param>
/// <param name="OptimizerSeconds">Per trained number: clipping and AdamW.</param>
public sealed record StepCost(Plane Kept, Plane Peak, Plane Head, double LayerTokenSeconds, double OtherTokenSeconds, double HeadSeconds, double OptimizerSeconds)
{
    /// <summary>Most bytes of a micro batch besides those that stay.</summary>
    public long PassBytes(ModelConfig config, long tokens, long rows) => (long)Math.Max(
        Peak.At(config.LayerCount, tokens),
        Kept.At(config.LayerCount, tokens) + Head.At(Math.Min(rows, TokenLogProbs.ChunkRows), config.VocabSize));

    /// <summary>Of a whole optimizer step, however many micro batches it is cut into.</summary>
    public double StepSeconds(ModelConfig config, double tokens, double rows, long trained) =>
        PassSeconds(config, tokens, rows) + trained * OptimizerSeconds;

    /// <summary>Forward and back over so many tokens, of which so many are learned.</summary>
    public double PassSeconds(ModelConfig config, double tokens, double rows) =>
        tokens * (config.LayerCount * LayerTokenSeconds + OtherTokenSeconds) + rows * config.VocabSize * HeadSeconds;
}

/// <summary>Measures what a training step takes on slices of the network: one and two layers, small vocabularies, few tokens.</summary>
/// <remarks>Measured and not counted by hand, so that it stays true when the network's code changes. On the CPU; takes about a second.</remarks>
public static class StepProbe
{
    private const double Budget = 6e10; // operations of one pass through one layer
    private const int SmallVocabulary = 4_096, LargeVocabulary = 8_192, MostTokens = 512, Rounds = 3;

    /// <param name="span">Tokens of a typical document.</param>
    public static StepCost Measure(TrainedAs how, int span)
    {
        TorchRuntime.Ensure();
        var layer = (how.Config with { LayerCount = 1 }).ParameterCount - (how.Config with { LayerCount = 0 }).ParameterCount;
        var many = (int)Math.Clamp(Budget / (6.0 * layer), 64, Math.Min(MostTokens, how.Config.ContextLength));
        new Slice(how, 1, SmallVocabulary).Dispose(); // what libraries allocate once, at their first product, is no slice's
        using var one = new Slice(how, 1, SmallVocabulary);
        using var two = new Slice(how, 2, SmallVocabulary);
        using var wide = new Slice(how, 1, LargeVocabulary);
        var few = Math.Max(16, many / 4);
        var rows = (int)Math.Clamp(Budget / (6.0 * LargeVocabulary * how.Config.HiddenSize), 128, TokenLogProbs.ChunkRows);
        var kept = Plane.Through(1, 2, few, many, (layers, tokens) => Of(layers).Kept((int)tokens, span));
        var peak = Plane.Through(1, 2, few, many, (layers, tokens) => Of(layers).Peak((int)tokens, span));
        var head = Plane.Through(rows / 4, rows, SmallVocabulary, LargeVocabulary, (r, v) => (v == SmallVocabulary ? one : wide).HeadPeak((int)r));
        var (once, twice) = (one.PassSeconds(many, span), two.PassSeconds(many, span));
        var perLayer = Math.Max(0, twice - once);
        return new(kept, peak, head, perLayer / many, Math.Max(0, once - perLayer) / many,
            wide.HeadSeconds(rows) / (rows * (double)LargeVocabulary), two.OptimizerSeconds());

        Slice Of(double layers) => layers == 1 ? one : two;
    }

    /// <summary>A random network of the same shape with few layers and a small vocabulary.</summary>
    private sealed class Slice : IDisposable
    {
        private readonly Transformer _model;
        private readonly LoraAdapter? _adapter;
        private readonly FusedAdamW _optimizer;
        private readonly long _trained;

        public Slice(TrainedAs how, int layers, int vocabulary)
        {
            var config = how.Config with { LayerCount = layers, VocabSize = vocabulary };
            _model = new Transformer(config, CPU, how.LoraRank > 0 ? how.WeightType : ScalarType.Float32)
            {
                ComputeType = how.ComputeType, Checkpointing = how.Checkpointing,
            };
            RandomWeights.Fill(_model, seed: 1);
            if (how.LoraRank > 0) (_adapter = LoraAdapter.Create(_model, new LoraSettings { Rank = how.LoraRank, Alpha = how.LoraRank }, 1)).Attach(_model);
            foreach (var parameter in _model.parameters()) parameter.requires_grad = _adapter is null;
            _optimizer = _adapter is null ? new FusedAdamW(_model, 0.1) : new FusedAdamW(_adapter.Parameters, 0.1);
            _trained = _adapter?.ParameterCount ?? config.ParameterCount;
            Pass(16, 16); // gradients stay from here on
            HeadPass(16);
        }

        public long Kept(int tokens, int span)
        {
            using var scope = NewDisposeScope();
            var before = LiveMemory.Bytes() ?? 0;
            using var pass = Forward(tokens, span);
            return (LiveMemory.Bytes() ?? 0) - before;
        }

        public long Peak(int tokens, int span) => Most(() => Pass(tokens, span));

        public long HeadPeak(int rows) => Most(() => HeadPass(rows));

        public double PassSeconds(int tokens, int span) => Best(() => Pass(tokens, span));

        public double HeadSeconds(int rows) => Best(() => HeadPass(rows));

        public double OptimizerSeconds() => Best(() =>
        {
            using var scope = NewDisposeScope();
            _optimizer.ClipGradients(1);
            _optimizer.Step(1e-9);
        }) / _trained;

        public void Dispose()
        {
            _optimizer.Dispose();
            _adapter?.Dispose();
            _model.Dispose();
        }

        private LearningPass Forward(int tokens, int span)
        {
            List<Segment> segments = [.. Enumerable.Repeat(new Segment(Math.Min(span, tokens)), tokens / Math.Min(span, tokens))];
            if (tokens - segments.Sum(s => s.Count) is > 0 and var rest) segments.Add(new(rest));
            return _model.Learn(arange(tokens, int64) % _model.Config.VocabSize, segments);
        }

        private void Pass(int tokens, int span)
        {
            using var scope = NewDisposeScope();
            using var pass = Forward(tokens, span);
            pass.Backward(ones_like(pass.Hidden));
        }

        private void HeadPass(int rows)
        {
            using var scope = NewDisposeScope();
            var hidden = ones([rows, _model.Config.HiddenSize], _model.ComputeType);
            _ = TokenLogProbs.WithGradient(_model, hidden, zeros(rows, int64), ones(rows));
        }

        // More than once: on a busy machine a short peak can pass unseen.
        private static long Most(Action work) => Enumerable.Range(0, Rounds).Max(_ => LiveMemory.PeakOf(work));

        private static double Best(Action work) => Enumerable.Range(0, Rounds).Min(_ =>
        {
            var started = Stopwatch.GetTimestamp();
            work();
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        });
    }
}
