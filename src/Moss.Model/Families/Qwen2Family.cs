namespace Moss.Model.Families;

/// <summary>Qwen2 and Qwen2.5: Llama with biases on q, k and v that no switch announces. Source: transformers, models/qwen2.</summary>
internal static class Qwen2Family
{
    public static ModelConfig Read(ConfigFields config) => LlamaFamily.Common(config, "qwen2") with { QueryKeyValueBias = true };
}
