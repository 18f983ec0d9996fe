using Moss.Annotate.Features.Shared;
using Moss.Data;

namespace Moss.Annotate.Tests.Loop;

public sealed class ChartTests
{
    [Theory]
    [InlineData(0, 3.2, 4, new[] { 0.0, 1, 2, 3, 4 })]
    [InlineData(0, 160, 8, new[] { 0.0, 20, 40, 60, 80, 100, 120, 140, 160 })]
    [InlineData(0.41, 0.47, 3, new[] { 0.4, 0.42, 0.44, 0.46, 0.48 })]
    public void A_scale_has_round_ticks(double least, double most, int about, double[] ticks) =>
        Assert.Equal(ticks, ChartScale.Over(least, most, about).Ticks.Select(t => Math.Round(t, 6)));

    [Fact]
    public void One_number_still_has_a_scale()
    {
        var scale = ChartScale.Over(2, 2, 4);
        Assert.InRange(scale.Share(2), 0.2, 0.8);
    }

    [Fact]
    public void A_long_curve_is_drawn_by_means()
    {
        var series = new ChartSeries("long", 1, [.. Enumerable.Range(0, 1_000).Select(n => (n, (double)n))], []);
        Assert.InRange(series.Drawn().Count, 200, 300);
        Assert.Equal(1.5, series.Drawn()[0].Value);
    }

    [Fact]
    public void Only_what_differs_from_the_defaults_is_written()
    {
        var draft = new NumbersDraft("setting", ["epochs", "steps", "rate"], """{"epochs":3,"rate":0.0003}""") { ["epochs"] = "5", ["steps"] = "", ["rate"] = "3e-5" };
        Assert.Equal("""{"epochs":5,"rate":3E-05}""", draft.ToJson());
        draft["rate"] = "";
        Assert.Contains("rate is empty", Assert.Throws<MossInputException>(draft.ToJson).Message, StringComparison.Ordinal);
        draft["rate"] = "0,5";
        Assert.Contains("'0,5', which is not a number", Assert.Throws<MossInputException>(draft.ToJson).Message, StringComparison.Ordinal);
    }
}
