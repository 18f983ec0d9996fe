using System.Text.Json.Nodes;
using Moss.Model.Families;

namespace Moss.Model;

/// <summary>What a decoder network looks like: every number the network needs, read once from a checkpoint's config.json.</summary>
public sealed record ModelConfig
{
    /// <summary>"llama", "qwen2", "qwen3", "gpt2", "codegen", "moss" or "gptj": which of <see cref="Families"/> read it.</summary>
    public required string Family { get; init; }

    /// <summary>Rows of the embedding table; may be padded beyond what the tokenizer knows.</summary>
    public required int VocabSize { get; init; }

    public required int HiddenSize { get; init; }
    public required int IntermediateSize { get; init; }
    public required int LayerCount { get; init; }
    public required int HeadCount { get; init; }

    /// <summary>Heads of keys and values; each serves <see cref="HeadCount"/> / this many query heads.</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>Dimensions of one head; not always hidden / heads (Qwen3).</summary>
    public required int HeadDim { get; init; }

    public NormKind Norm { get; init; }
    public required double NormEpsilon { get; init; }
    public Activation Activation { get; init; }

    /// <summary>x + attention(norm x) + mlp(norm x), both from one norm (GPT-J, MOSS-003); otherwise the MLP reads what attention made.</summary>
    public bool ParallelResidual { get; init; }

    /// <summary>A table of positions is added to the tokens (GPT-2); otherwise queries and keys are turned.</summary>
    public bool LearnedPositions { get; init; }

    public double RopeTheta { get; init; } = 10_000;
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Pairs of neighbouring dimensions are turned (GPT-J, MOSS-003), not those half a head apart.</summary>
    public bool InterleavedRotation { get; init; }

    /// <summary>Dimensions of a head that are turned, from the first on; null for all.</summary>
    public int? PartialRotaryDim { get; init; }

    /// <summary>Dimensions of a head that are turned; 0 where positions are learned.</summary>
    public int RotaryDim => LearnedPositions ? 0 : PartialRotaryDim ?? HeadDim;

    public bool QueryKeyValueBias { get; init; }
    public bool OutputBias { get; init; }
    public bool MlpBias { get; init; }

    /// <summary>RMS norm of each head's query and key before the rotation (Qwen3).</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>The output head is the embedding table; the file then holds no lm_head.</summary>
    public required bool TiedEmbeddings { get; init; }

    /// <summary>The output head adds a number of its own per vocabulary entry.</summary>
    public bool HeadBias { get; init; }

    /// <summary>Longest sequence the network was made for, tokens.</summary>
    public required int ContextLength { get; init; }

    public int? BosTokenId { get; init; }
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Number format of the published weights: "float32", "float16" or "bfloat16".</summary>
    public string WeightType { get; init; } = "float32";

    /// <summary>Trainable numbers; a tied head counts once.</summary>
    public long ParameterCount
    {
        get
        {
            long d = HiddenSize, q = (long)HeadCount * HeadDim, kv = (long)KeyValueHeadCount * HeadDim, f = IntermediateSize;
            var norm = Norm == NormKind.Layer ? 2 * d : d;
            var layer = 2 * d * q + 2 * d * kv + (ParallelResidual ? norm : 2 * norm);
            layer += Activation == Activation.GatedSilu ? 3 * d * f : 2 * d * f;
            if (QueryKeyValueBias) layer += q + 2 * kv;
            if (OutputBias) layer += d;
            if (MlpBias) layer += d + (Activation == Activation.GatedSilu ? 2 * f : f);
            if (QueryKeyNorm) layer += 2 * HeadDim;
            var outside = norm + VocabSize * d * (TiedEmbeddings ? 1 : 2);
            if (HeadBias) outside += VocabSize;
            if (LearnedPositions) outside += ContextLength * d;
            return LayerCount * layer + outside;
        }
    }

    /// <summary>Reads config.json; an unknown family or switch is refused by name.</summary>
    /// <exception cref="InvalidDataException">What is wrong, in which file, and what is supported.</exception>
    public static ModelConfig Load(string path) => FamilyReader.Read(ConfigFields.Open(path));

    /// <summary>The same from text; <paramref name="source"/> names it in error messages.</summary>
    public static ModelConfig Parse(string json, string source = "config.json") => FamilyReader.Read(ConfigFields.Parse(json, source));

    /// <summary>config.json in the Hugging Face layout, readable by transformers; Qwen3 only, the layout of the starter model.</summary>
    public JsonObject ToJson() => Qwen3Family.Write(this);
}
