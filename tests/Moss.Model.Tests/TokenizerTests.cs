using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Moss.Model.Text;

namespace Moss.Model.Tests;

public class TokenizerTests
{
    private static Tokenizer Named(string name) => name == "qwen2" ? Tokenizers.Qwen : Tokenizers.Moss;

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

    [Fact]
    public void Every_text_of_the_shared_data_survives_both_tokenizers()
    {
        var texts = Shared.AllTexts("data");
        Assert.InRange(texts.Sum(t => (long)t.Length), 4_000_000, long.MaxValue);
        foreach (var tokenizer in (Tokenizer[])[Tokenizers.Qwen, Tokenizers.Moss])
        {
            var ids = tokenizer.EncodeAll(texts, threads: 2);
            Assert.DoesNotContain(texts.Zip(ids), pair => Expected(tokenizer, pair.First) != tokenizer.Decode(pair.Second));
        }
    }

    /// <summary>What comes back: Qwen's text is put into form NFC first, and a lone surrogate has no UTF-8.</summary>
    private static string Expected(Tokenizer tokenizer, string text) =>
        tokenizer == Tokenizers.Qwen ? Nfc.Of(text) : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static readonly string[] Awkward =
        ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<eom>", "<eoh>", "<|im_", "end|>", "<|Human|>", "'s", "'LL", " ", "  ", "          ", "\n", "\r\n", "\t\t",
            "e\u0301", "3", "ſ", "\uD800", "\uDC00", "\uFFFE", "𠮷", "👩‍👩‍👧", "\u0338", "\u1100\u1161\u11A8", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

    [Fact]
    public void Random_text_survives_and_never_becomes_a_control_token()
    {
        var piece = Gen.OneOf(
            Gen.Int[0, 0x10FFFF].Select(c => c is >= 0xD800 and <= 0xDFFF ? ((char)c).ToString() : char.ConvertFromUtf32(c)),
            Gen.Int[0xD7F0, 0xE010].Select(c => ((char)c).ToString()), // surrogates, most of them alone
            Gen.Int[0, Awkward.Length - 1].Select(i => Awkward[i]),
            Gen.Char.AlphaNumeric.Select(c => c.ToString()));
        piece.List[0, 30].Sample(parts =>
        {
            var text = string.Concat(parts);
            foreach (var tokenizer in (Tokenizer[])[Tokenizers.Qwen, Tokenizers.Moss])
            {
                var ids = tokenizer.Encode(text);
                Assert.DoesNotContain(ids, tokenizer.IsSpecial);
                Assert.Equal(Expected(tokenizer, text), tokenizer.Decode(ids));
                var stream = new StreamingDecoder(tokenizer);
                var pieces = ids.Select(stream.Push).ToList();
                Assert.Equal(tokenizer.Decode(ids), string.Concat(pieces) + stream.Flush());
                // No piece begins or ends in the middle of a character.
                Assert.DoesNotContain(pieces, p => p.Length > 0 && (char.IsLowSurrogate(p[0]) || char.IsHighSurrogate(p[^1])));
                if (!Expected(tokenizer, text).Contains('\uFFFD', StringComparison.Ordinal))
                    Assert.DoesNotContain(pieces, p => p.Contains('\uFFFD', StringComparison.Ordinal));
            }
        }, iter: 2_000, threads: 1);
    }

    [Fact]
    public void Text_that_needs_no_look_up_is_in_form_C()
    {
        var settled = Enumerable.Range(0, 0x10000).Select(c => (char)c).Where(c => !char.IsSurrogate(c) && Nfc.IsSettled([c])).ToArray();
        Assert.InRange(settled.Length, 20_000, 40_000);
        Gen.Int[0, settled.Length - 1].Array[2, 40].Sample(
            places => Assert.True(string.Concat(places.Select(i => settled[i])).IsNormalized(NormalizationForm.FormC)), iter: 2_000, threads: 1);
        Assert.All(settled, c => Assert.Equal(c.ToString(), $"{c}".Normalize(NormalizationForm.FormC)));
    }

    [Fact]
    public void Digits_alone_split_as_if_each_digit_were_cut_out_first()
    {
        string[] parts = ["1", "²", "Ⅷ", " ", "  ", "\n", "a", "'s", "'", "!", "é", "𠮷", "𝟗", "\u3000"];
        Gen.Int[0, parts.Length - 1].Array[1, 12].Sample(places =>
        {
            var text = string.Concat(places.Select(i => parts[i]));
            var expected = new List<string>();
            foreach (var stretch in System.Text.RegularExpressions.Regex.Split(text, @"(1|²|Ⅷ|𝟗)"))
                if (stretch is "1" or "²" or "Ⅷ" or "𝟗") expected.Add(stretch);
                else expected.AddRange(Pieces(SplitRule.Gpt2, stretch));
            Assert.Equal(expected, Pieces(SplitRule.Gpt2Digits, text));
        }, iter: 5_000, threads: 1);

        static List<string> Pieces(SplitRule rule, string text)
        {
            var pieces = new List<string>();
            for (int at = 0, end; at < text.Length; at = end) pieces.Add(text[at..(end = rule.Next(text, at))]);
            return pieces;
        }
    }

    [Fact]
    public void Many_threads_get_the_ids_that_one_gets()
    {
        var texts = Shared.AllTexts("data/oasst").Take(400).ToList();
        var alone = texts.Select(Tokenizers.Qwen.Encode).ToList();
        var together = Tokenizer.Load(Shared.Find("data/tokenizers/qwen2")).EncodeAll(texts, threads: 4);
        Assert.Equal(alone, together);
    }

    [Theory]
    [InlineData("""{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}], "pair": [], "special_tokens": {}}""", null)]
    [InlineData("""{"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": []}]}""", null)]
    [InlineData("null", null)]
    [InlineData("""{"type": "RobertaProcessing"}""", "RobertaProcessing")]
    [InlineData("""{"type": "Sequence", "processors": [{"type": "BertProcessing"}]}""", "BertProcessing")]
    public void Tokens_that_a_post_processor_would_add_are_left_to_the_template_and_others_refused(string processor, string? refused)
    {
        var folder = Tokenizers.WithControlTokens([]);
        var path = Path.Combine(folder, "tokenizer.json");
        var file = JsonNode.Parse(File.ReadAllText(path))!;
        var plain = Tokenizer.Load(folder).Encode("some text");
        file["post_processor"] = JsonNode.Parse(processor);
        File.WriteAllText(path, file.ToJsonString());
        if (refused is null) Assert.Equal(plain, Tokenizer.Load(folder).Encode("some text"));
        else Assert.Contains(refused, Assert.Throws<InvalidDataException>(() => Tokenizer.Load(folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ignore_merges_takes_a_word_of_the_vocabulary_whole(bool ignore)
    {
        var path = Path.Combine(Shared.NewFolder(), "tokenizer.json");
        BpeTrainer.Train(["nothing merges"], 300, path);
        var file = JsonNode.Parse(File.ReadAllText(path))!;
        file["model"]!["ignore_merges"] = ignore;
        file["model"]!["vocab"]!["Ġxyz"] = 400;
        File.WriteAllText(path, file.ToJsonString());
        Assert.Equal(ignore, Tokenizer.Load(Path.GetDirectoryName(path)!).Encode(" xyz").SequenceEqual([400]));
    }

    [Fact]
    public void A_lone_surrogate_becomes_the_replacement_character() =>
        Assert.Equal("a\uFFFDb", Tokenizers.Qwen.Decode(Tokenizers.Qwen.Encode("a\uD800b")));

    [Fact]
    public void Long_runs_merge_the_same_way_as_short_ones()
    {
        var tokenizer = Tokenizers.Qwen;
        foreach (var text in (string[])["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            string.Concat(Enumerable.Repeat("supercalifragilistic", 40)), string.Concat(Enumerable.Repeat("世界", 60)), new('=', 500)])
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Fact]
    public void Streaming_never_shows_half_a_character()
    {
        var stream = new StreamingDecoder(Tokenizers.Qwen);
        var shown = Tokenizers.Qwen.Encode("𠮷野家 👩‍👩‍👧 naïve").Select(stream.Push).ToList();
        Assert.DoesNotContain(shown, s => s.Contains('\uFFFD', StringComparison.Ordinal));
        Assert.Equal("𠮷野家 👩‍👩‍👧 naïve", string.Concat(shown));
    }

    [Theory]
    [InlineData(" Hello", "Hello")]
    [InlineData("  Hello", " Hello")]
    [InlineData("你 好", "你 好")]
    public void A_space_that_the_template_spells_before_a_reply_is_no_part_of_it(string written, string said)
    {
        var stream = new StreamingDecoder(Tokenizers.Qwen, dropFirstSpace: true);
        Assert.Equal(said, string.Concat(Tokenizers.Qwen.Encode(written).Select(stream.Push)) + stream.Flush());
    }

    [Fact]
    public void The_size_is_one_more_than_the_highest_id() => Assert.Equal((151_646, 106_072), (Tokenizers.Qwen.Size, Tokenizers.Moss.Size));

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
