using Moss.Model.Generation;

namespace Moss.Model.Tests;

public class SamplerTests
{
    private static readonly float[] Logits = [1, 3, 2, 0];

    private static (int Id, double LogProb) Choose(SamplingOptions options, params int[] said)
    {
        var sampler = new Sampler(options);
        foreach (var id in said) sampler.Said(id);
        var chosen = sampler.Choose(Logits.ToArray());
        return (chosen.Id, chosen.LogProb);
    }

    private static double LogProbOf(int id) => Logits[id] - Math.Log(Logits.Sum(l => Math.Exp(l)));

    [Fact]
    public void Temperature_zero_takes_the_likeliest_and_tells_its_own_log_probability()
    {
        var (id, logProb) = Choose(SamplingOptions.Greedy);
        Assert.Equal(1, id);
        Assert.Equal(3 - Math.Log(Logits.Sum(l => Math.Exp(l))), logProb, 6);
    }

    [Theory]
    [InlineData(100, 1, 100)]
    [InlineData(100, 0.5, 50)]
    [InlineData(0, 1, 500)]
    [InlineData(0, 0.5, 250)]
    public void As_many_tokens_can_be_drawn_as_top_k_and_top_p_let_through(int topK, double topP, int most)
    {
        var sampler = new Sampler(new() { TopK = topK, TopP = topP, Temperature = 1, RepetitionPenalty = 1, Seed = 3 });
        var drawn = Enumerable.Range(0, 20_000).Select(_ => sampler.Choose(new float[500]).Id).Distinct().Order().ToList();
        Assert.Equal(Enumerable.Range(0, most), drawn);
    }

    [Fact]
    public void The_repetition_penalty_divides_what_was_said_once()
    {
        Assert.Equal(2, Choose(SamplingOptions.Greedy with { RepetitionPenalty = 2 }, 1, 1, 1).Id);
        // the log-probability stays the network's own
        Assert.Equal(2 - Math.Log(Logits.Sum(l => Math.Exp(l))), Choose(SamplingOptions.Greedy with { RepetitionPenalty = 2 }, 1).LogProb, 6);
    }

    [Fact]
    public void The_repetition_penalty_makes_a_negative_score_more_negative()
    {
        var sampler = new Sampler(SamplingOptions.Greedy with { RepetitionPenalty = 2 });
        sampler.Said(0);
        Assert.Equal(1, sampler.Choose([-1f, -1.5f]).Id);
    }

    [Theory]
    [InlineData(1.2, 0, new[] { 1, 2, 1, 1, 1 })]    // once only, however often: 2 has been said too then
    [InlineData(0, 0.6, new[] { 1, 1, 2, 1, 2, 1 })] // 3, 2.4 | 2 against 1.8, …
    public void Presence_and_frequency_penalties_count_what_the_reply_has_already(double presence, double frequency, int[] expected)
    {
        var sampler = new Sampler(SamplingOptions.Greedy with { PresencePenalty = presence, FrequencyPenalty = frequency });
        sampler.Said(1); // the prompt's tokens do not count
        var chosen = expected.Select(_ => sampler.Choose(Logits.ToArray())).ToList();
        Assert.Equal(expected, chosen.Select(c => c.Id));
        Assert.All(chosen, c => Assert.Equal(LogProbOf(c.Id), c.LogProb, 6)); // still the network's own
    }

    [Fact]
    public void A_bias_lifts_a_token_or_bans_it()
    {
        Assert.Equal(3, Choose(SamplingOptions.Greedy with { LogitBias = new Dictionary<int, double> { [3] = 4 } }).Id);
        Assert.Equal(2, Choose(SamplingOptions.Greedy with { LogitBias = new Dictionary<int, double> { [1] = -100, [99] = 100 } }).Id);
    }

    [Fact]
    public void The_likeliest_are_told_as_the_network_sees_them_whatever_the_penalties()
    {
        var sampler = new Sampler(SamplingOptions.Greedy with { Likeliest = 2, LogitBias = new Dictionary<int, double> { [1] = -100 } });
        var chosen = sampler.Choose(Logits.ToArray());
        Assert.Equal([2, 1, 2], [chosen.Id, .. chosen.Likeliest.Select(l => l.Id)]);
        Assert.Equal(LogProbOf(1), chosen.Likeliest[0].LogProb, 6);
    }

    [Fact]
    public void What_is_not_allowed_is_never_chosen_and_the_others_keep_their_odds()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopP = 1, RepetitionPenalty = 1, Seed = 5 });
        var draws = Enumerable.Range(0, 20_000).Select(_ => sampler.Choose(Logits.ToArray(), id => id is 0 or 2).Id).ToList();
        Assert.Equal([0, 2], draws.Distinct().Order());
        Assert.InRange(draws.Count(d => d == 2) / 20_000.0 - Math.E / (1 + Math.E), -0.015, 0.015);
    }

    [Fact]
    public void One_allowed_token_among_thousands_is_found_and_none_at_all_is_said()
    {
        var many = Enumerable.Range(0, 5_000).Select(i => i / 1_000f).ToArray();
        Assert.Equal(7, new Sampler(SamplingOptions.Greedy).Choose(many.ToArray(), id => id == 7).Id);
        Assert.Equal(7, new Sampler(new SamplingOptions { Seed = 1 }).Choose(many.ToArray(), id => id == 7).Id);
        Assert.Throws<InvalidDataException>(() => new Sampler(SamplingOptions.Greedy).Choose(many.ToArray(), _ => false));
    }

    [Theory]
    [InlineData(2, 1.0, new[] { 1, 2 })]
    [InlineData(1, 1.0, new[] { 1 })]
    [InlineData(0, 0.6, new[] { 1 })]
    [InlineData(0, 0.8, new[] { 1, 2 })]
    [InlineData(0, 1.0, new[] { 0, 1, 2, 3 })]
    public void Top_k_and_top_p_keep_the_likeliest(int topK, double topP, int[] kept)
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopK = topK, TopP = topP, RepetitionPenalty = 1, Seed = 1 });
        Assert.Equal(kept, Enumerable.Range(0, 2_000).Select(_ => sampler.Choose(Logits.ToArray()).Id).Distinct().Order());
    }

    [Fact]
    public void Draws_follow_the_probabilities()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopP = 1, RepetitionPenalty = 1, Seed = 9 });
        var draws = Enumerable.Range(0, 20_000).Select(_ => sampler.Choose(Logits.ToArray()).Id).ToList();
        var total = Logits.Sum(l => Math.Exp(l));
        for (var id = 0; id < 4; id++) Assert.InRange(draws.Count(d => d == id) / 20_000.0 - Math.Exp(Logits[id]) / total, -0.015, 0.015);
    }

    [Fact]
    public void A_seed_gives_the_same_draws_and_another_seed_others()
    {
        List<int> Draw(long seed)
        {
            var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopP = 1, Seed = seed });
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Choose(Logits.ToArray()).Id)];
        }
        Assert.Equal(Draw(7), Draw(7));
        Assert.NotEqual(Draw(7), Draw(8));
    }

    [Theory]
    [InlineData("the end", "the ", new[] { "the ", "e", "nd", " more" }, true)]
    [InlineData("the ennui", "the ennui", new[] { "the ", "en", "nui" }, false)]
    [InlineData("", "", new[] { "end" }, true)]
    public void Stop_texts_never_show_even_when_they_come_in_parts(string _, string shown, string[] pieces, bool stops)
    {
        var held = new StopTexts(["end", "\nUser:"]);
        var (text, stopped) = ("", false);
        foreach (var piece in pieces)
        {
            text += held.Push(piece, out stopped);
            if (stopped) break;
        }
        if (!stopped) text += held.Flush();
        Assert.Equal((shown, stops), (text, stopped));
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name() =>
        Assert.Contains("TopP is 1.5", Assert.Throws<ArgumentException>(() => new SamplingOptions { TopP = 1.5 }.Checked()).Message, StringComparison.Ordinal);
}
