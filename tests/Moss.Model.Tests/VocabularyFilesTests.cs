using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;
using Moss.Model.Text;

namespace Moss.Model.Tests;

public class VocabularyFilesTests
{
    // 256 bytes, "ab", then <|endoftext|>: GPT-2's form in small.
    private static string Small(Action<string>? change = null)
    {
        var folder = Shared.NewFolder();
        var vocabulary = new JsonObject();
        foreach (var b in ByteSymbols.InOrder) vocabulary[ByteSymbols.Of(b).ToString()] = vocabulary.Count;
        vocabulary["ab"] = 256;
        vocabulary["<|endoftext|>"] = 257;
        File.WriteAllText(Path.Combine(folder, "vocab.json"), vocabulary.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\na b\n");
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{"tokenizer_class": "GPT2Tokenizer"}""");
        change?.Invoke(folder);
        return folder;
    }

    [Fact]
    public void MOSS_s_published_form_gives_the_reference_s_ids()
    {
        var tokenizer = Tokenizer.Load(Tokenizers.AsVocabularyFiles(Shared.Find("data/tokenizers/moss/tokenizer.json")));
        var (rows, wrong) = (0, new List<string>());
        foreach (var (file, specials) in new[] { ("golden.jsonl", true), ("golden_plain.jsonl", false) })
            foreach (var row in Shared.Lines($"data/tokenizers/{file}").Where(r => r.GetProperty("tokenizer").GetString() == "moss"))
            {
                var text = row.GetProperty("text").GetString()!;
                rows++;
                if (!(specials ? tokenizer.EncodeWithSpecials(text) : tokenizer.Encode(text)).SequenceEqual(row.GetProperty("ids").Ints())) wrong.Add(text);
            }
        Assert.Equal((731, 106_072), (rows, tokenizer.Size));
        Assert.Empty(wrong);
        Assert.All(["<eoh>", "<eom>", "<eot>", "<eoc>", "<eor>", "<|endoftext|>"], token => Assert.NotNull(tokenizer.IdOf(token)));
        Assert.Null(tokenizer.IdOf("  "));
    }

    [Fact]
    public void The_shared_folder_s_own_files_say_the_same_as_its_tokenizer_json()
    {
        var folder = Shared.NewFolder();
        foreach (var file in (string[])["vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json"])
            File.CreateSymbolicLink(Path.Combine(folder, file), Shared.Find($"data/tokenizers/moss/{file}"));
        var files = Tokenizer.Load(folder);
        Assert.Equal(Tokenizers.Moss.Size, files.Size);
        foreach (var line in Shared.Lines("data/moss-sft/conversations.jsonl").Take(50))
            Assert.Equal(Tokenizers.Moss.EncodeWithSpecials(line.GetRawText()), files.EncodeWithSpecials(line.GetRawText()));
    }

    [Fact]
    public void Plain_GPT2_files_are_read_and_their_end_of_text_is_a_control_token()
    {
        var tokenizer = Tokenizer.Load(Small());
        Assert.Equal([256, 257], tokenizer.EncodeWithSpecials("ab<|endoftext|>"));
        Assert.DoesNotContain(257, tokenizer.Encode("ab<|endoftext|>"));
        Assert.Equal(257, tokenizer.IdOf("<|endoftext|>"));
    }

    [Fact]
    public void Tokenizer_json_goes_before_the_other_form()
    {
        var other = Tokenizers.WithControlTokens([]);
        var both = Small(folder => File.Copy(Path.Combine(other, "tokenizer.json"), Path.Combine(folder, "tokenizer.json")));
        Assert.Equal(Tokenizer.Load(other).Size, Tokenizer.Load(both).Size);
    }

    [Theory]
    [InlineData("merges.txt", "#version: 0.2\na b\na  b\n", "line 3")]
    [InlineData("merges.txt", "#version: 0.2\na zz\n", "merge 0 (a + zz)")]
    [InlineData("merges.txt", "#version: 0.2\nabc\n", "line 2")]
    [InlineData("vocab.json", "[1, 2]", "vocab.json")]
    [InlineData("vocab.json", """{"a": 0, "a": 1}""", "twice")]
    [InlineData("vocab.json", """{"a": 2000000000}""", "2000000000")]
    [InlineData("vocab.json", """{"a": -1}""", "-1")]
    [InlineData("vocab.json", """{"a": "1"}""", "\"1\"")]
    [InlineData("vocab.json", """{"a": 0}""", "byte 0x00")]
    [InlineData("vocab.json", "{", "vocab.json")]
    [InlineData("added_tokens.json", """{"": 300}""", "empty")]
    [InlineData("added_tokens.json", """{"<x>": 256}""", "id 256 stands for")]
    [InlineData("added_tokens.json", "[]", "added_tokens.json")]
    [InlineData("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizer"}""", "LlamaTokenizer")]
    [InlineData("tokenizer_config.json", """{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true}""", "add_prefix_space")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"x": {"content": "<x>"}}}""", "\"x\"")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"300": {"content": "<x>", "rstrip": true}}}""", "rstrip")]
    [InlineData("tokenizer_config.json", "{}", "do not say how text is split")]
    public void What_is_wrong_with_a_file_is_said_with_its_name(string file, string content, string named)
    {
        var folder = Small(f => File.WriteAllText(Path.Combine(f, file), content));
        var message = Assert.Throws<InvalidDataException>(() => Tokenizer.Load(folder)).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.Contains(folder, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        var folder = Small(f => File.WriteAllBytes(Path.Combine(f, "merges.txt"), [.. "a b\n"u8, 0xFF, 0xFE, (byte)'\n']));
        Assert.Contains("UTF-8", Assert.Throws<InvalidDataException>(() => Tokenizer.Load(folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("moss", true)]
    [InlineData("codegen", true)]
    [InlineData("qwen3", false)]
    [InlineData("gpt2", false)]
    public void MOSS_s_template_is_the_default_only_for_its_own_kind_of_network(string family, bool moss)
    {
        var folder = Small(f =>
        {
            File.WriteAllText(Path.Combine(f, "added_tokens.json"), """{"<eoh>": 258, "<eom>": 259, "<eot>": 260, "<eoc>": 261, "<eor>": 262}""");
            File.WriteAllText(Path.Combine(f, "config.json"), $$"""{"model_type": "{{family}}"}""");
        });
        var tokenizer = Tokenizer.Load(folder);
        if (moss) Assert.Equal("moss", ChatTemplate.For(folder, tokenizer).Name);
        else Assert.Contains("Name one of moss, chatml", Assert.Throws<InvalidDataException>(() => ChatTemplate.For(folder, tokenizer)).Message, StringComparison.Ordinal);
        Assert.Equal((259, 261), (ChatTemplate.For(folder, tokenizer, "moss").Terminators[0], ChatTemplate.For(folder, tokenizer, "moss").Terminators[1]));
    }

    [Fact]
    public void Without_the_five_closers_nothing_makes_a_MOSS_of_it()
    {
        var folder = Small(f => File.WriteAllText(Path.Combine(f, "config.json"), """{"model_type": "codegen"}"""));
        var tokenizer = Tokenizer.Load(folder);
        Assert.Contains("Name one of", Assert.Throws<InvalidDataException>(() => ChatTemplate.For(folder, tokenizer)).Message, StringComparison.Ordinal);
        Assert.Contains("<eoh>", Assert.Throws<InvalidDataException>(() => ChatTemplate.For(folder, tokenizer, "moss")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_folder_with_these_files_opens()
    {
        var folder = Small(f =>
        {
            var golden = Shared.Find("golden/qwen3");
            foreach (var file in (string[])["config.json", "model.safetensors"]) File.CreateSymbolicLink(Path.Combine(f, file), Path.Combine(golden, file));
        });
        Assert.Null(CheckpointFolder.Open(folder).ChatTemplateText);
        File.Delete(Path.Combine(folder, "merges.txt"));
        Assert.Contains("vocab.json with merges.txt", Assert.Throws<InvalidDataException>(() => CheckpointFolder.Open(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MOSS_s_published_form_is_loaded_and_talked_with_and_nothing_needs_to_be_named()
    {
        var folder = Small(f =>
        {
            File.WriteAllText(Path.Combine(f, "added_tokens.json"), """{"<eoh>": 258, "<eom>": 259, "<eot>": 260, "<eoc>": 261, "<eor>": 262}""");
            var config = JsonNode.Parse(File.ReadAllText(Shared.Find("golden/moss/config.json")))!;
            (config["vocab_size"], config["n_positions"], config["n_ctx"], config["eos_token_id"]) = (264, 4_096, 4_096, 259);
            File.WriteAllText(Path.Combine(f, "config.json"), config.ToJsonString());
            using var network = new Transformer(ModelConfig.Load(Path.Combine(f, "config.json")), TorchSharp.torch.CPU);
            Learning.RandomWeights.Fill(network, 1, 0.02);
            CheckpointFolder.WriteWeights(f, network, TorchSharp.torch.ScalarType.Float32, long.MaxValue);
        });
        using var loaded = LoadedCheckpoint.Load(folder, TorchSharp.torch.CPU);
        Assert.Equal("moss", loaded.ChatTemplate.Name);
        Assert.Equal([259, 261], loaded.StopIds.Order());
        var prompt = loaded.ChatTemplate.Render(Samples.Ask("Hi"), generationPrompt: true);
        Assert.EndsWith("<|Human|>: Hi<eoh>\n<|MOSS|>:", loaded.Tokenizer.Decode(prompt.Tokens), StringComparison.Ordinal);
        var reply = Generation.Generation.Complete(loaded, Samples.Ask("Hi"), Generation.SamplingOptions.Greedy with { MaxNewTokens = 8 });
        Assert.DoesNotContain("<e", reply, StringComparison.Ordinal);
    }
}
