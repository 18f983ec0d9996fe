namespace Moss.Model.Families;

/// <summary>CodeGen and MOSS-003, which copied its network. Sources: transformers, models/codegen; OpenMOSS, modeling_moss.py.</summary>
internal static class CodegenFamily
{
    private const int Groups = 4; // mp_num in the sources: q|v|k are packed once per group of heads, in this order

    public static ModelConfig Read(ConfigFields config)
    {
        var read = GptFields.ReadParallel(config, "codegen");
        return read.HeadCount % Groups == 0 ? read : throw config.Refuse($"n_head {read.HeadCount} is not a multiple of {Groups}, the groups that q, v and k are packed in");
    }

    /// <summary>The same model_type is also on a Llama-like network of 7 billion parameters: the fields tell them apart.</summary>
    public static ModelConfig ReadMoss(ConfigFields config) =>
        config.Has("n_embd") ? Read(config) with { Family = "moss" } : throw config.Refuse(
            "model_type is \"moss\" but n_embd is missing: this is not MOSS-003 but the Llama-like moss-base, for which there are no reference numbers yet");

    public static IEnumerable<StoredTensor> Layout(ModelConfig config)
    {
        long share = config.HiddenSize / Groups;
        return GptjFamily.Layout(config, (file, ours) => [new($"{file}.attn.qkv_proj.weight", [
            new($"{ours}.self_attn.q_proj.weight", Rows(0)),
            new($"{ours}.self_attn.v_proj.weight", Rows(1)),
            new($"{ours}.self_attn.k_proj.weight", Rows(2))])]);

        (long, long)[] Rows(int place) => [.. Enumerable.Range(0, Groups).Select(group => ((3 * group + place) * share, share))];
    }
}
