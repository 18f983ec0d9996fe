using System.Text;
using System.Text.Json;
using Moss.Model.Generation;

namespace Moss.Model.Tests;

public class JsonPrefixTests
{
    private static readonly string[] Whole =
    [
        "{}", " {\n} ", """{"a":1}""", """{"a": [], "b": [1, -0.5e+10, 0, 0.0, 12E3], "c": {"d": null}}""",
        """{"text": "tab \t quote \" \u00e9 \/ 谁 😀", "t": true, "f": false, "": [[["x"]], {}]}""", """{"a":-0}""",
    ];

    [Fact]
    public void Every_beginning_of_a_JSON_object_may_be_and_only_the_whole_is_complete()
    {
        foreach (var text in Whole)
        {
            var (prefix, bytes) = (new JsonPrefix(), Encoding.UTF8.GetBytes(text));
            var end = Encoding.UTF8.GetBytes(text.TrimEnd()).Length;
            for (var i = 0; i < bytes.Length; i++)
            {
                Assert.True(prefix.Push(bytes.AsSpan(i, 1)), $"{text} at byte {i}");
                Assert.Equal(i + 1 >= end, prefix.IsComplete);
            }
        }
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("7")]
    [InlineData("{1")]
    [InlineData("""{"a" 1""")]
    [InlineData("""{"a":}""")]
    [InlineData("""{"a":1,}""")]
    [InlineData("""{"a":[1,]""")]
    [InlineData("""{"a":[1}""")]
    [InlineData("""{"a":01""")]
    [InlineData("""{"a":1.}""")]
    [InlineData("""{"a":-,""")]
    [InlineData("""{"a":1e}""")]
    [InlineData("""{"a":+1""")]
    [InlineData("""{"a":tru}""")]
    [InlineData("""{"a":nulL""")]
    [InlineData("""{"a":"\x""")]
    [InlineData("""{"a":"\u12g""")]
    [InlineData("""{"a":"\ud800""")]
    [InlineData("{\"a\":\"line\nbreak")]
    [InlineData("{} {")]
    [InlineData("{}x")]
    public void What_no_JSON_object_begins_with_may_not_be(string text) => Assert.False(new JsonPrefix().Push(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Bytes_that_are_no_UTF_8_may_not_be_in_a_text()
    {
        foreach (var bad in (byte[][])[[0x80], [0xC0, 0xAF], [0xE0, 0x80], [0xED, 0xA0], [0xF4, 0x90], [0xF8], [0xE8, 0xB0, (byte)'"']])
            Assert.False(new JsonPrefix().Push([.. "{\""u8, .. bad]), Convert.ToHexString(bad));
    }

    [Fact]
    public void Neither_depth_nor_white_space_goes_on_for_ever()
    {
        Assert.False(new JsonPrefix().Push(Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 64))));
        Assert.True(new JsonPrefix().Push(Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 63))));
        Assert.False(new JsonPrefix().Push(Encoding.UTF8.GetBytes("{" + new string(' ', 65))));
    }

    // Bytes drawn at random wherever they may be: what comes out must be JSON for the runtime's own reader.
    [Fact]
    public void Whatever_is_written_by_allowed_bytes_is_JSON()
    {
        const string Alphabet = "{}[]\",:\\u0123456789-+.eE truefalsn\n谁x";
        var bytes = Encoding.UTF8.GetBytes(Alphabet);
        var (random, complete) = (new Random(4), 0);
        for (var run = 0; run < 2_000; run++)
        {
            var (prefix, written) = (new JsonPrefix(), new List<byte>());
            while (written.Count < 400 && !prefix.IsComplete)
            {
                var next = written.Count > 40 && random.Next(2) == 0 ? "}]\"1"u8[random.Next(4)] : bytes[random.Next(bytes.Length)];
                if (!prefix.Allows([next])) continue;
                Assert.True(prefix.Push([next]));
                written.Add(next);
            }
            if (!prefix.IsComplete) continue;
            complete++;
            using var parsed = JsonDocument.Parse(written.ToArray());
            Assert.Equal(JsonValueKind.Object, parsed.RootElement.ValueKind);
        }
        Assert.True(complete > 500, $"{complete}");
    }
}
