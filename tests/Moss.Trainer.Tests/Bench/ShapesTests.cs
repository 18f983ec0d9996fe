using Moss.Trainer.Bench;

namespace Moss.Trainer.Tests.Bench;

public class ShapesTests
{
    [Theory, InlineData("gpt2-124m", 124.48), InlineData("smollm2-135m-32k", 124.6), InlineData("qwen3-0.6b", 596.05)]
    public void A_named_shape_has_the_size_it_is_known_by(string name, double millions) =>
        Assert.Equal(millions, Shapes.ByName[name].ParameterCount / 1e6, 0.05);
}
