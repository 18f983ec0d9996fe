using System.Text;
using CsCheck;
using Moss.Model.Text;

namespace Moss.Model.Tests;

public class TokenizerTests
{
    private static readonly Lazy<Tokenizer> Qwen = new(() => Tokenizer.Load(Shared.Find("data/tokenizers/qwen2")));
    private static readonly Lazy<Tokenizer> Moss = new(() => Tokenizer.Load(Shared.Find("data/tokenizers/moss")));

    private static Tokenizer Named(string name) => name == "qwen2" ? Qwen.Value : Moss.Value;

    [Theory]
    [InlineData("golden.jsonl", true)]
    [InlineData("golden_plain.jsonl", false)]
    public void Every_golden_text_gives_the_reference_s_ids(string file, bool specials)
    {
        var (rows, wrong) = (0, new List<string>());
        foreach (var row in Shared.Lines($"data/tokenizers/{file}"))
        {
            var (text, tokenizer) = (row.GetProperty("text").GetString()!, Named(row.GetProperty("tokenizer").GetString()!));
            var ids = specials ? tokenizer.EncodeWithSpecials(text) : tokenizer.Encode(text);
            rows++;
            if (!ids.SequenceEqual(row.GetProperty("ids").Ints())) wrong.Add(row.GetRawText());
        }
        Assert.True(rows > 100);
        Assert.Empty(wrong);
    }

    [Fact]
    public void Decoding_the_goldens_gives_the_text_back()
    {
        foreach (var row in Shared.Lines("data/tokenizers/golden.jsonl"))
        {
            var (text, qwen) = (row.GetProperty("text").GetString()!, row.GetProperty("tokenizer").GetString() == "qwen2");
            // Two rows put a combining mark behind a control token: NFC must not join them.
            if (qwen && row.GetProperty("group").GetString() == "nfc_special") continue;
            Assert.Equal(qwen ? Nfc.Of(text) : text, Named(qwen ? "qwen2" : "moss").Decode(row.GetProperty("ids").Ints()));
        }
    }

    private static readonly string[] Awkward =
        ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<eom>", "<eoh>", "<|im_", "end|>", "'s", "'LL", " ", "  ", "\n", "\r\n", "\t", "e\u0301", "3", "ſ"];

    [Fact]
    public void Random_text_survives_and_never_becomes_a_control_token()
    {
        var piece = Gen.OneOf(
            Gen.Int[0, 0x10FFFF].Where(c => c is < 0xD800 or > 0xDFFF).Select(char.ConvertFromUtf32),
            Gen.Int[0, Awkward.Length - 1].Select(i => Awkward[i]),
            Gen.Char.AlphaNumeric.Select(c => c.ToString()));
        piece.List[0, 30].Sample(parts =>
        {
            var text = string.Concat(parts);
            foreach (var tokenizer in (Tokenizer[])[Qwen.Value, Moss.Value])
            {
                var ids = tokenizer.Encode(text);
                Assert.DoesNotContain(ids, tokenizer.IsSpecial);
                Assert.Equal(tokenizer == Qwen.Value ? Nfc.Of(text) : text, tokenizer.Decode(ids));
                var stream = new StreamingDecoder(tokenizer);
                Assert.Equal(tokenizer.Decode(ids), string.Concat(ids.Select(stream.Push)) + stream.Flush());
            }
        }, iter: 2_000, threads: 1);
    }

    [Fact]
    public void A_lone_surrogate_becomes_the_replacement_character() =>
        Assert.Equal("a\uFFFDb", Qwen.Value.Decode(Qwen.Value.Encode("a\uD800b")));

    [Fact]
    public void Long_runs_merge_the_same_way_as_short_ones()
    {
        var tokenizer = Qwen.Value;
        foreach (var text in (string[])["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            string.Concat(Enumerable.Repeat("supercalifragilistic", 40)), string.Concat(Enumerable.Repeat("世界", 60)), new('=', 500)])
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Fact]
    public void Streaming_never_shows_half_a_character()
    {
        var stream = new StreamingDecoder(Qwen.Value);
        var shown = Qwen.Value.Encode("𠮷野家 👩‍👩‍👧 naïve").Select(stream.Push).ToList();
        Assert.DoesNotContain(shown, s => s.Contains('\uFFFD', StringComparison.Ordinal));
        Assert.Equal("𠮷野家 👩‍👩‍👧 naïve", string.Concat(shown));
    }

    [Fact]
    public void The_size_is_one_more_than_the_highest_id() => Assert.Equal((151_646, 106_072), (Qwen.Value.Size, Moss.Value.Size));

    [Theory]
    [InlineData("\"type\": \"NFC\"", "\"type\": \"Lowercase\"", "Lowercase")]
    [InlineData("\\\\p{N}|", "\\\\p{N}{2}|", "pattern")]
    [InlineData("\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"Unigram\"", "Unigram")]
    [InlineData("\"lstrip\": false", "\"lstrip\": true", "lstrip")]
    public void A_part_that_is_not_understood_is_refused_by_name(string from, string to, string named)
    {
        var folder = Shared.NewFolder();
        var path = Path.Combine(folder, "tokenizer.json");
        BpeTrainer.Train(["some text, some text"], 300, path);
        var text = File.ReadAllText(path);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
        var error = Assert.Throws<InvalidDataException>(() => Tokenizer.Load(folder));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trained_vocabulary_is_the_same_every_time_and_reads_its_own_texts()
    {
        string[] texts = ["Who directed The Matrix? The Matrix was directed by …", "谁执导了《黑客帝国》？《黑客帝国》由……执导。", "the the the there then"];
        var (one, two) = (Shared.NewFolder(), Shared.NewFolder());
        BpeTrainer.Train(texts, 400, Path.Combine(one, "tokenizer.json"));
        BpeTrainer.Train(texts, 400, Path.Combine(two, "tokenizer.json"));
        Assert.Equal(File.ReadAllBytes(Path.Combine(one, "tokenizer.json")), File.ReadAllBytes(Path.Combine(two, "tokenizer.json")));

        var tokenizer = Tokenizer.Load(one);
        Assert.InRange(tokenizer.Size, 262, 400);
        Assert.Equal(tokenizer.Size - 1, tokenizer.IdOf("<|im_end|>"));
        Assert.All(texts, text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text))));
        Assert.True(tokenizer.Encode(texts[0]).Length < Encoding.UTF8.GetByteCount(texts[0]) * 0.7);
    }
}
