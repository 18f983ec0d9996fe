using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Model.Tests;

/// <summary>templates.jsonl: conversations of ours, rendered by the published Jinja texts with jinja2 3.1.6 set up as transformers does.</summary>
public class TemplateGoldenTests
{
    [Fact]
    public void Every_conversation_is_spelled_as_the_published_text_spells_it()
    {
        var path = Path.Combine(Shared.Repository(), "tests", "Moss.Model.Tests", "templates.jsonl");
        var templates = ChatTemplate.Names.ToDictionary(n => n, n => new ChatTemplate(ChatDialects.Named(n), Tokenizers.ForAllTemplates));
        var rows = 0;
        foreach (var line in File.ReadLines(path))
        {
            using var row = JsonDocument.Parse(line);
            var turns = row.RootElement.GetProperty("messages").EnumerateArray()
                .Select(m => new ChatTurn(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!)).ToList();
            var chat = templates[row.RootElement.GetProperty("template").GetString()!].Render(turns, row.RootElement.GetProperty("generation_prompt").GetBoolean());
            // The test's tokenizer puts what is said into form NFC; the reference text is put so too.
            var text = row.RootElement.GetProperty("text").GetString()!;
            Assert.True(Nfc.Of(text) == Tokenizers.ForAllTemplates.Decode(chat.Tokens), $"{line}\nwas spelled\n{Tokenizers.ForAllTemplates.Decode(chat.Tokens)}");
            rows++;
        }
        Assert.Equal(63, rows);
    }

    /// <summary>The hashes that checkpoints on disk carry.</summary>
    [Theory]
    [InlineData("chatml", "c95ed26ba5b6b2a297564f40862586be670abf45b40ce7134b613f5814a18e3c")]
    [InlineData("qwen2", "2b0a15d32ccc9958c1169f9f105f4bd709e20ccc6a411a6d52387079e365e113")]
    [InlineData("qwen2.5", "7687de806af839566d66a7c46cae7c5f52d97644ae1ea1e448b3cf07222d1224")]
    [InlineData("qwen3", "875e20934dc3268629a93aca448346e4e1161b570cffc51c33c24512e0b0fe71")]
    public void The_identity_of_a_template_that_checkpoints_carry_never_changes(string name, string sha256) =>
        Assert.Equal(sha256, new ChatTemplate(ChatDialects.Named(name), Tokenizers.ForAllTemplates).Sha256);
}
