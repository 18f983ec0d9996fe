using Moss.Model;

namespace Moss.Trainer.Bench;

/// <summary>Networks to measure with, by name; their weights are random.</summary>
internal static class Shapes
{
    public static readonly IReadOnlyDictionary<string, ModelConfig> ByName = new Dictionary<string, ModelConfig>(StringComparer.Ordinal)
    {
        // GPT-2's smallest, its vocabulary rounded up as in llm.c.
        ["gpt2-124m"] = new()
        {
            Family = "gpt2", VocabSize = 50_304, HiddenSize = 768, IntermediateSize = 3_072, LayerCount = 12, HeadCount = 12, KeyValueHeadCount = 12,
            HeadDim = 64, Norm = NormKind.Layer, NormEpsilon = 1e-5, Activation = Activation.GeluTanh, LearnedPositions = true,
            QueryKeyValueBias = true, OutputBias = true, MlpBias = true, TiedEmbeddings = true, ContextLength = 1_024,
        },
        // SmolLM2-135M with a vocabulary of 32,000: 124.6 M weights.
        ["smollm2-135m-32k"] = new()
        {
            Family = "llama", VocabSize = 32_000, HiddenSize = 576, IntermediateSize = 1_536, LayerCount = 30, HeadCount = 9, KeyValueHeadCount = 3,
            HeadDim = 64, NormEpsilon = 1e-5, TiedEmbeddings = true, ContextLength = 2_048,
        },
        // The starter model: small enough for a thousand steps.
        ["starter"] = new()
        {
            Family = "qwen3", VocabSize = 4_096, HiddenSize = 192, IntermediateSize = 512, LayerCount = 4, HeadCount = 8, KeyValueHeadCount = 4,
            HeadDim = 32, NormEpsilon = 1e-6, RopeTheta = 500, QueryKeyNorm = true, TiedEmbeddings = true, ContextLength = 2_048,
        },
        ["qwen3-0.6b"] = new()
        {
            Family = "qwen3", VocabSize = 151_936, HiddenSize = 1_024, IntermediateSize = 3_072, LayerCount = 28, HeadCount = 16, KeyValueHeadCount = 8,
            HeadDim = 128, NormEpsilon = 1e-6, RopeTheta = 1_000_000, QueryKeyNorm = true, TiedEmbeddings = true, ContextLength = 40_960,
        },
    };
}
