using System.Text.Json.Nodes;

namespace Moss.Model.Families;

/// <summary>Qwen3: Llama with an RMS norm on every head's query and key. Source: transformers, models/qwen3.</summary>
internal static class Qwen3Family
{
    public static ModelConfig Read(ConfigFields config)
    {
        var bias = config.Flag("attention_bias");
        var common = LlamaFamily.Common(config, "qwen3");
        return common with
        {
            HeadDim = config.OptionalInt("head_dim") ?? 128, // transformers' default, whatever hidden / heads says
            QueryKeyValueBias = bias,
            OutputBias = bias,
            QueryKeyNorm = true,
        };
    }

    public static JsonObject Write(ModelConfig config)
    {
        if (config.Family != "qwen3") throw new NotSupportedException(
            $"Only qwen3 configurations are written; a {config.Family} checkpoint keeps the config.json it came with.");
        return new JsonObject
        {
            ["architectures"] = new JsonArray("Qwen3ForCausalLM"),
            ["attention_bias"] = config.QueryKeyValueBias,
            ["attention_dropout"] = 0.0,
            ["bos_token_id"] = config.BosTokenId,
            ["eos_token_id"] = config.EosTokenIds.Count == 1 ? config.EosTokenIds[0]
                : new JsonArray([.. config.EosTokenIds.Select(id => (JsonNode)id)]),
            ["head_dim"] = config.HeadDim,
            ["hidden_act"] = "silu",
            ["hidden_size"] = config.HiddenSize,
            ["initializer_range"] = 0.02,
            ["intermediate_size"] = config.IntermediateSize,
            ["max_position_embeddings"] = config.ContextLength,
            ["max_window_layers"] = config.LayerCount,
            ["model_type"] = "qwen3",
            ["num_attention_heads"] = config.HeadCount,
            ["num_hidden_layers"] = config.LayerCount,
            ["num_key_value_heads"] = config.KeyValueHeadCount,
            ["rms_norm_eps"] = config.NormEpsilon,
            ["rope_scaling"] = null,
            ["rope_theta"] = config.RopeTheta,
            ["sliding_window"] = null,
            ["tie_word_embeddings"] = config.TiedEmbeddings,
            ["torch_dtype"] = config.WeightType,
            ["use_cache"] = true,
            ["use_sliding_window"] = false,
            ["vocab_size"] = config.VocabSize,
        };
    }
}
