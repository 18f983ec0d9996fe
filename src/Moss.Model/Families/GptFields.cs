namespace Moss.Model.Families;

/// <summary>What GPT-2, CodeGen, MOSS-003 and GPT-J write alike: n_embd, n_layer, n_head and their relatives.</summary>
internal static class GptFields
{
    private static readonly string[] TanhGelu = ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]; // one formula under three names

    /// <param name="tiedWhenAbsent">What a config without tie_word_embeddings means in this family.</param>
    public static ModelConfig Read(ConfigFields config, string family, bool tiedWhenAbsent)
    {
        var (width, heads) = (config.Positive("n_embd"), config.Positive("n_head"));
        if (width % heads != 0) throw config.Refuse($"n_embd {width} is not a multiple of n_head {heads}");
        if (config.Text("activation_function") is { } bend && !TanhGelu.Contains(bend)) throw config.Refuse(
            $"activation_function \"{bend}\" is not supported; {string.Join(", ", TanhGelu)} are");
        return new ModelConfig
        {
            Family = family,
            VocabSize = config.Positive("vocab_size"),
            HiddenSize = width,
            IntermediateSize = config.Has("n_inner") ? config.Positive("n_inner") : 4 * width,
            LayerCount = config.Positive("n_layer"),
            HeadCount = heads,
            KeyValueHeadCount = heads,
            HeadDim = width / heads,
            Norm = NormKind.Layer,
            NormEpsilon = config.OptionalDouble("layer_norm_epsilon") ?? 1e-5,
            Activation = Activation.GeluTanh,
            MlpBias = true,
            TiedEmbeddings = config.Flag("tie_word_embeddings", tiedWhenAbsent),
            ContextLength = config.Has("n_positions") ? config.Positive("n_positions") : config.Positive("n_ctx"),
            BosTokenId = config.Ids("bos_token_id") is [var bos, ..] ? bos : null,
            EosTokenIds = config.Ids("eos_token_id"),
            WeightType = LlamaFamily.WeightType(config),
        };
    }

    /// <summary>GPT-J's layer, which CodeGen and MOSS-003 copied: one norm, both branches from it, neighbouring pairs turned in part of each head.</summary>
    public static ModelConfig ReadParallel(ConfigFields config, string family)
    {
        var read = Read(config, family, tiedWhenAbsent: false);
        if (read.TiedEmbeddings) throw config.Refuse("tie_word_embeddings is true; the head of this family has numbers of its own");
        return read with
        {
            ParallelResidual = true,
            InterleavedRotation = true,
            PartialRotaryDim = config.Has("rotary_dim") ? config.Positive("rotary_dim") : read.HeadDim,
            HeadBias = true,
        };
    }
}
