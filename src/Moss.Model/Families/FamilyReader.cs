namespace Moss.Model.Families;

/// <summary>Chooses the family by model_type and refuses, by name, whatever this network does not compute.</summary>
internal static class FamilyReader
{
    private static readonly Dictionary<string, (string Architecture, Func<ConfigFields, ModelConfig> Read)> Families = new()
    {
        ["llama"] = ("LlamaForCausalLM", LlamaFamily.Read),
        ["qwen2"] = ("Qwen2ForCausalLM", Qwen2Family.Read),
        ["qwen3"] = ("Qwen3ForCausalLM", Qwen3Family.Read),
        ["gpt2"] = ("GPT2LMHeadModel", Gpt2Family.Read),
        ["codegen"] = ("CodeGenForCausalLM", CodegenFamily.Read),
        ["moss"] = ("MossForCausalLM", CodegenFamily.ReadMoss),
        ["gptj"] = ("GPTJForCausalLM", GptjFamily.Read),
    };

    private static string Supported => string.Join(", ", Families.Keys);

    public static ModelConfig Read(ConfigFields config)
    {
        var type = config.Text("model_type") ?? throw config.Refuse($"model_type is missing; supported are {Supported}");
        if (!Families.TryGetValue(type, out var family))
            throw config.Refuse($"model_type \"{type}\" is not a family this program computes; supported are {Supported}");
        if (config.Texts("architectures") is { Count: > 0 } architectures && !architectures.Contains(family.Architecture))
            throw config.Refuse($"architectures says {string.Join(", ", architectures)} but model_type \"{type}\" is {family.Architecture}");

        RefuseSwitches(config);
        var read = family.Read(config);
        RefuseShapes(config, read);
        return read;
    }

    private static void RefuseSwitches(ConfigFields config)
    {
        if (config.Has("quantization_config")) throw config.Refuse("quantization_config: quantised weights are not supported; use the float checkpoint");
        if (config.OptionalInt("wbits") is < 16 and var bits) throw config.Refuse($"wbits {bits}: quantised weights are not supported; use the float checkpoint");
        if (config.Flag("use_sliding_window")) throw config.Refuse("use_sliding_window is true; only full attention is supported");
        if (config.Texts("layer_types").FirstOrDefault(t => t != "full_attention") is { } layer)
            throw config.Refuse($"layer_types holds \"{layer}\"; only full_attention is supported");
        foreach (var expert in (string[])["num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok"])
            if (config.Has(expert)) throw config.Refuse($"{expert}: mixtures of experts are not supported");
        if (config.Text("hidden_act") is { } act and not "silu") throw config.Refuse($"hidden_act \"{act}\" is not supported; \"silu\" is");
        if (config.Has("no_rope_layers")) throw config.Refuse("no_rope_layers: layers without rotation (smollm3) are not supported");
    }

    private static void RefuseShapes(ConfigFields config, ModelConfig read)
    {
        // Beyond anything published, and small enough that no product of two overflows.
        RefuseAbove(1 << 24, ("the vocabulary", read.VocabSize), ("the hidden size", read.HiddenSize), ("the MLP's size", read.IntermediateSize));
        RefuseAbove(1 << 14, ("the number of layers", read.LayerCount), ("the number of heads", read.HeadCount), ("the head dimension", read.HeadDim));
        if (read.HeadCount % read.KeyValueHeadCount != 0) throw config.Refuse(
            $"num_attention_heads {read.HeadCount} is not a multiple of num_key_value_heads {read.KeyValueHeadCount}");
        if (read.RotaryDim % 2 != 0) throw config.Refuse($"{read.RotaryDim} dimensions of a head are to be turned; rotary positions turn pairs");
        if (read.RotaryDim > read.HeadDim) throw config.Refuse($"rotary_dim {read.RotaryDim} is more than a head's {read.HeadDim} dimensions");
        if (read.NormEpsilon <= 0) throw config.Refuse($"the norm's epsilon {read.NormEpsilon} must be above zero");
        if (read.RopeTheta <= 0) throw config.Refuse($"rope_theta {read.RopeTheta} must be above zero");

        void RefuseAbove(int most, params ReadOnlySpan<(string What, int Value)> sizes)
        {
            foreach (var (what, value) in sizes)
                if (value > most) throw config.Refuse($"{what} is {value:N0}, above the {most:N0} that this program takes for possible");
        }
    }
}
