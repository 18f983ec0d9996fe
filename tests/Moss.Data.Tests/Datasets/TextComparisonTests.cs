using Moss.Data.Datasets;
using Moss.Data.Datasets.Preferences;
using Moss.Data.Datasets.Sides;

namespace Moss.Data.Tests.Datasets;

public sealed class TextComparisonTests
{
    [Theory]
    [InlineData("one two three four five six", "one two three four five seven", 1.0 / 3)]
    [InlineData("The cat, sat — on the MAT!", "the cat sat on the mat", 1)]
    [InlineData("ｗｉｄｅ letters count as narrow ones", "wide letters count as narrow ones", 1)]
    [InlineData("今天天气怎么样呢", "今天天气怎么样吗", 3.0 / 5)] // four runs of 5 characters each, three shared
    [InlineData("short text", "text short", 0)]
    [InlineData("𠀀𠀁𠀂𠀃𠀄𠀅", "𠀀𠀁𠀂𠀃𠀄𠀆", 1.0 / 3)] // beyond the basic plane a character is one, too
    [InlineData("?!", "…", 0)]
    public void Texts_are_as_alike_as_the_runs_of_five_that_they_share(string a, string b, double alike) =>
        Assert.Equal(alike, Shingles.Jaccard(Shingles.Of(a), Shingles.Of(b)), 12);

    [Fact]
    public void Near_duplicates_are_found_at_80_percent_and_others_are_not_taken_for_them()
    {
        var random = new Random(1);
        var (found, near) = (new NearDuplicates(), 0);
        for (var n = 0; n < 300; n++)
        {
            var words = Enumerable.Range(0, 60).Select(_ => $"w{random.Next(5_000)}").ToArray();
            found.Add(Shingles.Of(string.Join(' ', words)));
            words[random.Next(5, 55)] = "changed"; // 51 of 61 shared
            var changed = Shingles.Of(string.Join(' ', words));
            var hits = found.Candidates(changed).Where(c => found.AreAlike(changed, c)).ToList();
            Assert.All(hits, hit => Assert.Equal(n, hit));
            near += hits.Count;
        }
        Assert.Equal(300, near);
    }

    [Fact]
    public void The_band_of_the_edit_distance_says_what_the_whole_table_says()
    {
        var random = new Random(2);
        for (var n = 0; n < 3_000; n++)
        {
            var (a, b) = (Letters(random), Letters(random));
            var distance = Whole(a, b);
            for (var least = 1; least <= 8; least++)
            {
                var share = (least - 0.5) / Math.Max(1, Math.Max(a.Length, b.Length));
                Assert.Equal(a != b && distance >= Math.Ceiling(share * Math.Max(a.Length, b.Length)), EditDistance.IsAtLeast(a, b, share));
            }
        }

        static string Letters(Random random) => new([.. Enumerable.Range(0, random.Next(0, 9)).Select(_ => (char)('a' + random.Next(3)))]);
    }

    [Fact]
    public void The_longest_texts_are_compared_in_a_moment()
    {
        var (a, b) = (new string('a', 65_000), string.Concat(Enumerable.Repeat("ab", 32_500)));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.True(EditDistance.IsAtLeast(a, b, 0.02));
        Assert.False(EditDistance.IsAtLeast(a + "x", a + "y", 0.02));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 5);
    }

    [Fact]
    public void Wilsons_interval_is_that_of_the_textbook()
    {
        var share = WilsonShare.Of95(60, 100)!;
        Assert.Equal((0.6, 0.502003, 0.690599), (share.Share, Math.Round(share.Low, 6), Math.Round(share.High, 6)));
        Assert.Equal(0.277533, WilsonShare.Of95(0, 10)!.High, 6);
        Assert.Null(WilsonShare.Of95(0, 0));
        Assert.Equal((0, 1), (WilsonShare.Of95(0, 3)!.Low, WilsonShare.Of95(3, 3)!.High));
    }

    [Fact]
    public void Only_what_leads_back_to_itself_is_one_component()
    {
        var component = StrongComponents.Of([("a", "b"), ("b", "c"), ("c", "a"), ("top", "a"), ("c", "bottom"), ("d", "e"), ("e", "d")]);
        Assert.Equal(component["a"], component["b"]);
        Assert.Equal(component["a"], component["c"]);
        Assert.Equal(component["d"], component["e"]);
        Assert.Equal(4, component.Values.Distinct().Count());
        var chain = StrongComponents.Of([.. Enumerable.Range(0, 20_000).Select(n => ($"{n}", $"{n + 1}"))]); // deeper than the call stack
        Assert.Equal(20_001, chain.Values.Distinct().Count());
    }

    [Fact]
    public void A_rating_means_what_it_means_in_the_hands_of_its_annotator()
    {
        var (stern, kind, once) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        var ratings = new List<(Guid Judgement, Guid Rater, int Rubric, double Score)>();
        for (var n = 0; n < 40; n++)
        {
            ratings.Add((Guid.NewGuid(), stern, 1, n < 30 ? 2 : 3));
            ratings.Add((Guid.NewGuid(), kind, 1, n < 30 ? 5 : 3));
        }
        ratings.Add((Guid.NewGuid(), once, 1, 5));
        var scale = new RaterScale(ratings);
        double Of(Guid rater, double score) => scale.Of([ratings.First(r => r.Rater == rater && r.Score == score).Judgement])!.Value;

        Assert.Equal((30 + 5 + 5 * 0.5) / 45, Of(stern, 3), 12); // their best
        Assert.Equal((5 + 5 * 0.5) / 45, Of(kind, 3), 12); // their worst: the same score
        Assert.Equal((0.5 + 5) / 6, Of(once, 5), 12); // taken at their word
        Assert.Equal(["high", "poor", "high"], new[] { Of(stern, 3), Of(kind, 3), Of(once, 5) }.Select(QualityLevels.Of));
        Assert.Null(scale.Of([Guid.NewGuid()]));
    }

    private static int Whole(string a, string b)
    {
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            for (var j = 0; j <= b.Length; j++)
                table[i, j] = i == 0 ? j : j == 0 ? i
                    : Math.Min(table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), Math.Min(table[i - 1, j], table[i, j - 1]) + 1);
        return table[a.Length, b.Length];
    }
}
