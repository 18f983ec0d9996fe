namespace Moss.Model.Families;

/// <summary>GPT-J. Source: transformers, models/gptj.</summary>
internal static class GptjFamily
{
    public static ModelConfig Read(ConfigFields config) => GptFields.ReadParallel(config, "gptj");

    public static IEnumerable<StoredTensor> Layout(ModelConfig config) => Layout(config, (file, ours) =>
        from part in (string[])["q_proj", "k_proj", "v_proj"] select new StoredTensor($"{file}.attn.{part}.weight", $"{ours}.self_attn.{part}.weight"));

    /// <param name="attention">How a layer's queries, keys and values are stored, given the layer's name in the file and ours.</param>
    public static IEnumerable<StoredTensor> Layout(ModelConfig config, Func<string, string, IEnumerable<StoredTensor>> attention)
    {
        yield return new("transformer.wte.weight", "model.embed_tokens.weight");
        for (var n = 0; n < config.LayerCount; n++)
        {
            var (file, ours) = ($"transformer.h.{n}", $"model.layers.{n}");
            foreach (var stored in attention(file, ours)) yield return stored;
            yield return new($"{file}.attn.out_proj.weight", $"{ours}.self_attn.o_proj.weight");
            foreach (var kind in (string[])["weight", "bias"])
            {
                yield return new($"{file}.ln_1.{kind}", $"{ours}.input_layernorm.{kind}");
                yield return new($"{file}.mlp.fc_in.{kind}", $"{ours}.mlp.up_proj.{kind}");
                yield return new($"{file}.mlp.fc_out.{kind}", $"{ours}.mlp.down_proj.{kind}");
            }
        }
        foreach (var kind in (string[])["weight", "bias"])
        {
            yield return new($"transformer.ln_f.{kind}", $"model.norm.{kind}");
            yield return new($"lm_head.{kind}", $"lm_head.{kind}");
        }
    }
}
