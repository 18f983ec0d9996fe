using Moss.Data.Datasets;
using Moss.Data.Datasets.Sides;

namespace Moss.Data.Tests.Datasets;

public sealed class SplitClustersTests
{
    private static readonly IReadOnlySet<string> Nothing = new HashSet<string>();

    [Fact]
    public void What_is_alike_is_never_on_both_sides_and_nothing_that_comes_later_moves_what_was_there()
    {
        for (var seed = 0; seed < 8; seed++)
        {
            var random = new Random(seed);
            var texts = new List<string>();
            for (var n = 0; n < 60; n++)
                texts.Add(texts.Count > 0 && random.NextDouble() < 0.6 ? Changed(texts[random.Next(texts.Count)], random) : Text(random));
            var (clusters, sides) = (new SplitClusters(0.4, Nothing), new List<Split?>());
            var ids = texts.ConvertAll(_ => Guid.NewGuid());
            for (var n = 0; n < texts.Count; n++)
            {
                clusters.Add(ids[n], ids[n], texts[n]);
                sides.Add(clusters.Of(ids[n])!.Side);
            }
            Assert.Equal(sides, ids.Select(id => clusters.Of(id)!.Side)); // as each was when it came
            Assert.Contains(Split.Train, sides);
            Assert.Contains(Split.Eval, sides);
            var shingles = texts.ConvertAll(Shingles.Of);
            for (var a = 0; a < texts.Count; a++)
                for (var b = 0; b < a; b++)
                    if (Shingles.Jaccard(shingles[a], shingles[b]) >= NearDuplicates.Alike)
                        Assert.True(sides[a] is null || sides[b] is null || sides[a] == sides[b], $"seed {seed}: {texts[a]} | {texts[b]}");
        }
    }

    [Fact]
    public void What_lies_between_a_learned_and_a_held_out_beginning_goes_to_neither_side()
    {
        var words = Enumerable.Range(0, 60).Select(n => $"w{n}").ToArray();
        string Window(int topic, int from) => $"{string.Join(' ', words[from..(from + 40)].Select(w => $"{w}t{topic}"))}";
        var topic = Enumerable.Range(0, 999).First(t => !SplitRule.IsHeldOut(Window(t, 0), 0.5) && SplitRule.IsHeldOut(Window(t, 6), 0.5));
        var (clusters, ids) = (new SplitClusters(0.5, Nothing), Enumerable.Range(0, 3).Select(_ => Guid.NewGuid()).ToList());
        clusters.Add(ids[0], ids[0], Window(topic, 0));
        clusters.Add(ids[1], ids[1], Window(topic, 6)); // 30 of 42 shingles shared
        clusters.Add(ids[2], ids[2], Window(topic, 3)); // 33 of 39 shared with either

        Assert.Equal([Split.Train, Split.Eval, null], ids.Select(id => clusters.Of(id)!.Side));
        Assert.Superset(new HashSet<string> { clusters.Of(ids[0])!.Key, clusters.Of(ids[1])!.Key }, clusters.Of(ids[2])!.Touches.ToHashSet());
    }

    [Fact]
    public void Two_beginnings_of_one_conversation_are_on_one_side_or_the_conversation_is_on_neither()
    {
        var (learned, held) = (First(heldOut: false), First(heldOut: true));
        var (clusters, conversation) = (new SplitClusters(0.5, Nothing), Guid.NewGuid());
        Guid Add(Guid of, string text)
        {
            var id = Guid.NewGuid();
            clusters.Add(id, of, text);
            return id;
        }
        var first = Add(conversation, learned);
        var second = Add(conversation, held); // said for the first time, so it follows its conversation
        Assert.Equal((Split.Train, Split.Train), (clusters.Of(first)!.Side, clusters.Of(second)!.Side));

        var otherwise = new SplitClusters(0.5, Nothing);
        var (a, b, c) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        otherwise.Add(a, a, held);
        otherwise.Add(b, b, learned);
        otherwise.Add(c, b, held); // the same conversation as the learned one
        Assert.Equal([Split.Eval, null, null], new[] { a, b, c }.Select(id => otherwise.Of(id)!.Side));
    }

    [Fact]
    public void What_an_earlier_version_held_out_is_held_out_still_when_the_share_shrinks()
    {
        var held = First(heldOut: true);
        var (first, id) = (new SplitClusters(0.5, Nothing), Guid.NewGuid());
        first.Add(id, id, held);
        var second = new SplitClusters(0, new HashSet<string> { first.Of(id)!.Key });
        second.Add(id, id, held);
        Assert.Equal((Split.Eval, Split.Eval), (first.Of(id)!.Side, second.Of(id)!.Side));
    }

    private static string First(bool heldOut) =>
        Enumerable.Range(0, 999).Select(n => $"Where does the river number {n} begin?").First(t => SplitRule.IsHeldOut(t, 0.5) == heldOut);

    private static string Text(Random random) => string.Join(' ', Enumerable.Range(0, random.Next(1, 50)).Select(_ => $"word{random.Next(500)}"));

    private static string Changed(string text, Random random)
    {
        var words = text.Split(' ').ToList();
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            if (random.Next(2) == 0) words.Insert(random.Next(words.Count + 1), $"word{random.Next(500)}");
            else words[random.Next(words.Count)] = "Changed,";
        }
        return string.Join("  ", words);
    }
}
