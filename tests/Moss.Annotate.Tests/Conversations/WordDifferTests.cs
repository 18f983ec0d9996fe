using Moss.Annotate.Features.Conversations.Judging;

namespace Moss.Annotate.Tests.Conversations;

public sealed class WordDifferTests
{
    [Fact]
    public void Only_the_changed_words_are_marked() => Assert.Equal(
        "=directed by |-Ridley|+Lana|= |-Scott|+Wachowski|= in 1999.", Shown("directed by Ridley Scott in 1999.", "directed by Lana Wachowski in 1999."));

    [Fact]
    public void Chinese_is_compared_sign_by_sign() => Assert.Equal("=导演是|-雷|+沃|=。", Shown("导演是雷。", "导演是沃。"));

    [Fact]
    public void Both_sides_can_be_rebuilt_from_the_difference()
    {
        const string before = "a b  c\n𠮷 d'e", after = "b c\n\n𠮷x d’e f";
        var runs = WordDiffer.Compare(before, after);
        Assert.Equal(before, string.Concat(runs.Where(r => r.Change != Change.Added).Select(r => r.Text)));
        Assert.Equal(after, string.Concat(runs.Where(r => r.Change != Change.Removed).Select(r => r.Text)));
    }

    [Fact]
    public void Very_long_texts_are_shown_as_replaced() => Assert.Equal(2, WordDiffer.Compare(new string('a', 30_000), new string('b', 30_000)).Count);

    private static string Shown(string before, string after) => string.Join('|', WordDiffer.Compare(before, after)
        .Select(r => (r.Change switch { Change.Same => "=", Change.Removed => "-", _ => "+" }) + r.Text));
}
