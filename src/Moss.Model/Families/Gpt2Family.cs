namespace Moss.Model.Families;

/// <summary>GPT-2: learned positions, LayerNorm, q|k|v in one matrix, all matrices stored (in, out). Source: transformers, models/gpt2.</summary>
internal static class Gpt2Family
{
    public static ModelConfig Read(ConfigFields config)
    {
        if (!config.Flag("scale_attn_weights", whenAbsent: true)) throw config.Refuse("scale_attn_weights is false; unscaled attention is not supported");
        foreach (var other in (string[])["scale_attn_by_inverse_layer_idx", "add_cross_attention"])
            if (config.Flag(other)) throw config.Refuse($"{other} is true, which is not supported");
        return GptFields.Read(config, "gpt2", tiedWhenAbsent: true) with { LearnedPositions = true, QueryKeyValueBias = true, OutputBias = true };
    }

    public static IEnumerable<StoredTensor> Layout(ModelConfig config)
    {
        long width = config.HiddenSize;
        yield return new("transformer.wte.weight", "model.embed_tokens.weight");
        yield return new("transformer.wpe.weight", "model.embed_positions.weight");
        for (var n = 0; n < config.LayerCount; n++)
        {
            var (file, ours) = ($"transformer.h.{n}", $"model.layers.{n}");
            foreach (var kind in (string[])["weight", "bias"])
            {
                var matrix = kind == "weight";
                yield return new($"{file}.ln_1.{kind}", $"{ours}.input_layernorm.{kind}");
                yield return new($"{file}.attn.c_attn.{kind}", [
                    new($"{ours}.self_attn.q_proj.{kind}", [(0, width)]),
                    new($"{ours}.self_attn.k_proj.{kind}", [(width, width)]),
                    new($"{ours}.self_attn.v_proj.{kind}", [(2 * width, width)])], matrix);
                yield return new($"{file}.attn.c_proj.{kind}", $"{ours}.self_attn.o_proj.{kind}", matrix);
                yield return new($"{file}.ln_2.{kind}", $"{ours}.post_attention_layernorm.{kind}");
                yield return new($"{file}.mlp.c_fc.{kind}", $"{ours}.mlp.up_proj.{kind}", matrix);
                yield return new($"{file}.mlp.c_proj.{kind}", $"{ours}.mlp.down_proj.{kind}", matrix);
            }
        }
        yield return new("transformer.ln_f.weight", "model.norm.weight");
        yield return new("transformer.ln_f.bias", "model.norm.bias");
        if (!config.TiedEmbeddings) yield return new("lm_head.weight", "lm_head.weight");
    }
}
