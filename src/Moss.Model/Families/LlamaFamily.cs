namespace Moss.Model.Families;

/// <summary>Llama 2, 3 and what copies their layout (SmolLM2, TinyLlama). Source: transformers, models/llama.</summary>
internal static class LlamaFamily
{
    public static ModelConfig Read(ConfigFields config)
    {
        var bias = config.Flag("attention_bias"); // Llama's switch covers q, k, v and o
        return Common(config, "llama") with { QueryKeyValueBias = bias, OutputBias = bias, MlpBias = config.Flag("mlp_bias") };
    }

    /// <summary>What llama, qwen2 and qwen3 write alike.</summary>
    public static ModelConfig Common(ConfigFields config, string family)
    {
        var (hidden, heads) = (config.Positive("hidden_size"), config.Positive("num_attention_heads"));
        if (config.OptionalInt("head_dim") is null && hidden % heads != 0) throw config.Refuse(
            $"hidden_size {hidden} is not a multiple of num_attention_heads {heads} and head_dim is not given");
        var (theta, scaling) = RopeFields.Read(config);
        return new ModelConfig
        {
            Family = family,
            VocabSize = config.Positive("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = config.Positive("intermediate_size"),
            LayerCount = config.Positive("num_hidden_layers"),
            HeadCount = heads,
            KeyValueHeadCount = config.Has("num_key_value_heads") ? config.Positive("num_key_value_heads") : heads,
            HeadDim = config.Has("head_dim") ? config.Positive("head_dim") : hidden / heads,
            NormEpsilon = config.OptionalDouble("rms_norm_eps") ?? 1e-6,
            RopeTheta = theta,
            RopeScaling = scaling,
            TiedEmbeddings = config.Flag("tie_word_embeddings"),
            ContextLength = config.OptionalInt("max_position_embeddings") ?? 2048,
            BosTokenId = config.Ids("bos_token_id") is [var bos, ..] ? bos : null,
            EosTokenIds = config.Ids("eos_token_id"),
            WeightType = WeightType(config),
        };
    }

    public static string WeightType(ConfigFields config) => (config.Text("dtype") ?? config.Text("torch_dtype")) switch
    {
        null or "float32" => "float32",
        "float16" => "float16",
        "bfloat16" => "bfloat16",
        var other => throw config.Refuse($"dtype \"{other}\" is not supported; float32, float16 and bfloat16 are"),
    };
}
