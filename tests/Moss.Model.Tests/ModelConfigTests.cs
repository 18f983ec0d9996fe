using System.Text.Json.Nodes;

namespace Moss.Model.Tests;

public class ModelConfigTests
{
    private static JsonObject Llama() => new()
    {
        ["model_type"] = "llama",
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["vocab_size"] = 100,
        ["hidden_size"] = 64,
        ["intermediate_size"] = 128,
        ["num_hidden_layers"] = 2,
        ["num_attention_heads"] = 4,
        ["num_key_value_heads"] = 2,
        ["rms_norm_eps"] = 1e-5,
        ["rope_theta"] = 5e5,
        ["eos_token_id"] = 2,
    };

    [Fact]
    public void Both_dialects_of_config_json_mean_the_same()
    {
        var (old, young) = (Llama(), Llama());
        old["torch_dtype"] = "bfloat16";
        old["rope_scaling"] = new JsonObject { ["type"] = "linear", ["factor"] = 4.0 };
        young["dtype"] = "bfloat16";
        young.Remove("rope_theta");
        young["rope_parameters"] = new JsonObject { ["rope_type"] = "linear", ["factor"] = 4.0, ["rope_theta"] = 5e5 };
        var (a, b) = (ModelConfig.Parse(old.ToJsonString()), ModelConfig.Parse(young.ToJsonString()));
        Assert.Equal((5e5, "bfloat16", new RopeScaling.Linear(4)), (a.RopeTheta, a.WeightType, a.RopeScaling));
        Assert.Equal((a.RopeTheta, a.WeightType, a.RopeScaling), (b.RopeTheta, b.WeightType, b.RopeScaling));
    }

    [Fact]
    public void Ends_of_text_may_be_one_several_or_none()
    {
        foreach (var (value, expected) in new (JsonNode?, int[])[] { (2, [2]), (new JsonArray(2, 7), [2, 7]), (null, []) })
        {
            var config = Llama();
            config["eos_token_id"] = value;
            Assert.Equal(expected, ModelConfig.Parse(config.ToJsonString()).EosTokenIds);
        }
    }

    [Fact]
    public void Absent_head_counts_follow_the_reference_s_defaults()
    {
        var config = Llama();
        config.Remove("num_key_value_heads");
        Assert.Equal((4, 16), (ModelConfig.Parse(config.ToJsonString()).KeyValueHeadCount, ModelConfig.Parse(config.ToJsonString()).HeadDim));
    }

    [Theory]
    [InlineData("model_type", "\"gemma3\"", "gemma3")]
    [InlineData("model_type", "\"smollm3\"", "smollm3")]
    [InlineData("architectures", "[\"MistralForCausalLM\"]", "MistralForCausalLM")]
    [InlineData("quantization_config", "{\"bits\":4}", "quantization_config")]
    [InlineData("wbits", "4", "wbits")]
    [InlineData("use_sliding_window", "true", "use_sliding_window")]
    [InlineData("layer_types", "[\"full_attention\",\"sliding_attention\"]", "sliding_attention")]
    [InlineData("num_experts", "8", "num_experts")]
    [InlineData("hidden_act", "\"gelu\"", "gelu")]
    [InlineData("rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4}", "yarn")]
    [InlineData("rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":4}", "low_freq_factor")]
    [InlineData("num_key_value_heads", "3", "num_key_value_heads")]
    [InlineData("hidden_size", "66", "hidden_size")]
    [InlineData("vocab_size", "\"many\"", "vocab_size")]
    [InlineData("intermediate_size", "-1", "intermediate_size")]
    [InlineData("torch_dtype", "\"float8\"", "float8")]
    public void What_is_not_computed_is_refused_by_name(string field, string value, string named)
    {
        var config = Llama();
        config[field] = JsonNode.Parse(value);
        var error = Assert.Throws<InvalidDataException>(() => ModelConfig.Parse(config.ToJsonString(), "some/config.json"));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("some/config.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bits_of_an_unquantised_MOSS_file_are_accepted()
    {
        var config = Llama();
        config["wbits"] = 32;
        Assert.Equal("llama", ModelConfig.Parse(config.ToJsonString()).Family);
    }

    [Fact]
    public void The_configuration_written_for_a_starter_reads_back_the_same()
    {
        var starter = new ModelConfig
        {
            Family = "qwen3",
            VocabSize = 300,
            HiddenSize = 48,
            IntermediateSize = 96,
            LayerCount = 2,
            HeadCount = 4,
            KeyValueHeadCount = 2,
            HeadDim = 16,
            NormEpsilon = 1e-6,
            RopeTheta = 10_000,
            QueryKeyNorm = true,
            TiedEmbeddings = true,
            ContextLength = 128,
            BosTokenId = 1,
            EosTokenIds = [2],
        };
        Assert.Equal(starter with { EosTokenIds = [] }, ModelConfig.Parse(starter.ToJson().ToJsonString()) with { EosTokenIds = [] });
    }
}
