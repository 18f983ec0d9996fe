using Moss.Model.Checkpoints;

namespace Moss.Model.Tests.Checkpoints;

public class MemoryEstimateTests
{
    // Qwen3-0.6B, by its published config.json.
    private static readonly ModelConfig Config = new()
    {
        Family = "qwen3", VocabSize = 151_936, HiddenSize = 1_024, IntermediateSize = 3_072, LayerCount = 28, HeadCount = 16, KeyValueHeadCount = 8, HeadDim = 128,
        NormEpsilon = 1e-6, RopeTheta = 1e6, QueryKeyNorm = true, TiedEmbeddings = true, ContextLength = 40_960,
    };

    [Fact]
    public void A_published_network_takes_what_its_numbers_say()
    {
        var (wide, narrow) = (new MemoryEstimate(Config), new MemoryEstimate(Config, weightBytes: 2));
        Assert.Equal(596_049_920 * 4L, wide.Load); // as its model card: 0.6 billion
        Assert.Equal(wide.Load / 2, narrow.Load);
        Assert.Equal(28L * 2 * 8 * 128 * 4, wide.Cache(1));
        Assert.Equal(28 * 16 * (2L * (1_024 + 2_048) + 2 * (1_024 + 1_024) + 3 * (1_024 + 3_072)), wide.LoraParameters(16));
        Assert.Equal(16 * 596_049_920L, wide.TuneFull(0));
        Assert.Equal(28L * 4 * (8 * 1_024 + 6 * 2_048 + 2 * 1_024 + 4 * 3_072) + 151_936 * 4L, wide.TuneFull(1) - wide.TuneFull(0));
        Assert.InRange(wide.TuneLora(16, 2_048), wide.Load, wide.TuneFull(2_048));
        Assert.InRange(wide.TuneFull(2_048, checkpointing: true), wide.TuneFull(0), wide.TuneFull(2_048) / 4 * 3);
        Assert.True(wide.Chat(2_048) < wide.Chat(8_192) && wide.Chat(8_192) < wide.Chat(32_768));
    }

    [Fact]
    public void A_conversation_longer_than_the_context_has_no_size() => Assert.Null(new MemoryEstimate(Config with { ContextLength = 2_048 }).Chat(2_049));
}
