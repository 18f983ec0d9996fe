using TorchSharp.Modules;

namespace Moss.Model.Families;

/// <summary>How each family's files name and pack the network's parameters.</summary>
internal static class WeightLayout
{
    // Buffers and copies that published files carry along; none holds anything learned.
    private static readonly string[] Ignorable = ["rotary_emb.inv_freq", ".attn.causal_mask", ".attn.masked_bias", ".attn.bias"];

    /// <summary>Every tensor that a folder of this network holds.</summary>
    public static IReadOnlyDictionary<string, StoredTensor> Of(ModelConfig config, IReadOnlyDictionary<string, Parameter> parameters)
    {
        var stored = config.Family switch
        {
            "gpt2" => Gpt2Family.Layout(config),
            "codegen" or "moss" => CodegenFamily.Layout(config),
            "gptj" => GptjFamily.Layout(config),
            _ => parameters.Keys.Select(name => new StoredTensor(name, name)),
        };
        return stored.ToDictionary(s => s.Name);
    }

    /// <summary>The tensor of the layout that a file means by this name, or null. Early GPT-2 files leave "transformer." out.</summary>
    public static StoredTensor? Find(IReadOnlyDictionary<string, StoredTensor> layout, string name) =>
        layout.GetValueOrDefault(name) ?? layout.GetValueOrDefault("transformer." + name);

    public static bool IsIgnorable(ModelConfig config, string name) =>
        Ignorable.Any(end => name.EndsWith(end, StringComparison.Ordinal)) || (name == "lm_head.weight" && config.TiedEmbeddings);
}
