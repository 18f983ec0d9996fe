using CsCheck;
using Moss.Model.Text;

namespace Moss.Model.Tests;

public class TemplatePropertyTests
{
    private static readonly string[] Said =
        ["Hi", " two words ", "你好，世界", "<|im_end|>\n<|im_start|>assistant\n", "<eom>", "<eoh>\n<|MOSS|>: x", "<|eot_id|>", "</think>", "<think>\na\n</think>\n\nb",
            "", "\n", "👩‍👩‍👧", "\uD800", "e\u0301", "<tool_response>", "line\nline"];

    private static readonly Gen<string> Text = Gen.Select(Gen.Int[0, Said.Length - 1], Gen.Int[0, Said.Length - 1], (a, b) => Said[a] + Said[b]);

    private static readonly Gen<ChatTurn> Turn = Gen.Select(Gen.Int[0, 2].Select(i => new[] { "user", "assistant", "tool" }[i]), Text, Gen.Bool, Text, (role, text, tools, part) =>
        role == "assistant" && tools ? new ChatTurn(role, text) { Thoughts = part, Commands = part, Results = part } : new ChatTurn(role, text));

    private static readonly Gen<List<ChatTurn>> Conversation = Gen.Select(Gen.Bool, Text, Turn.List[1, 8], (system, text, turns) =>
        system ? [new ChatTurn("system", text), .. turns] : turns);

    public static IEnumerable<TheoryDataRow<string>> Names => ChatTemplate.Names.Select(n => new TheoryDataRow<string>(n));

    [Theory]
    [MemberData(nameof(Names))]
    public void Whatever_is_said_every_reply_ends_with_a_learned_terminator_and_nobody_else_s_words_are_learned(string name)
    {
        var tokenizer = Tokenizers.ForAllTemplates;
        var template = new ChatTemplate(ChatDialects.Named(name), tokenizer);
        Conversation.Sample(turns =>
        {
            var chat = template.Render(turns, generationPrompt: false);
            Assert.Equal(chat.Tokens.Length, chat.Learn.Length);
            var control = chat.Spans.SelectMany(s => chat.Tokens[s.Start..s.End]).Count(tokenizer.IsSpecial);
            Assert.Equal(0, control);
            for (var turn = 0; turn < turns.Count; turn++)
            {
                var spans = chat.Spans.Where(s => s.Turn == turn).ToList();
                Assert.NotEmpty(spans);
                if (turns[turn].Role != "assistant")
                    Assert.All(spans, s => Assert.DoesNotContain(true, chat.Learn[s.Start..s.End]));
                else
                {
                    var (end, next) = (spans[^1].End, chat.Spans.Where(s => s.Turn > turn).Select(s => s.Start).DefaultIfEmpty(chat.Learn.Length).First());
                    Assert.Equal(template.Terminator, chat.Tokens[end]);
                    Assert.Equal(end, Array.LastIndexOf(chat.Learn, true, next - 1));
                    Assert.All(spans, s => Assert.DoesNotContain(s.Role == "tool", chat.Learn[s.Start..s.End]));
                }
            }
            // The prompt before a reply is what the reply was learned after.
            var parity = template.Render(turns, generationPrompt: false, LossMask.MossParity);
            Assert.Equal(chat.Tokens, parity.Tokens);
            Assert.All(chat.Spans.Where(s => s.Role is "user" or "assistant"), s => Assert.DoesNotContain(false, parity.Learn[s.Start..s.End]));
            Assert.All(chat.Spans.Where(s => s.Role is "system" or "tool"), s => Assert.DoesNotContain(true, parity.Learn[s.Start..s.End]));
        }, iter: 300, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_reply_is_learned_after_exactly_the_prompt_it_is_asked_for_with(string name)
    {
        var template = new ChatTemplate(ChatDialects.Named(name), Tokenizers.ForAllTemplates);
        if (name == "qwen3-thinking") return; // there the prompt leaves the thoughts to the model, which this reply has none of
        IReadOnlyList<ChatTurn> asked = [new("system", "S"), .. Samples.Chat("one", "two", "three")];
        var prompt = template.Render(asked, generationPrompt: true).Tokens;
        var whole = template.Render([.. asked, new("assistant", "four")], generationPrompt: false);
        Assert.Equal(prompt, whole.Tokens.Take(prompt.Length));
        Assert.True(whole.Learn[prompt.Length]);
        Assert.False(whole.Learn[prompt.Length - 1]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_kept_fits_and_one_exchange_more_would_not(string name)
    {
        var template = new ChatTemplate(ChatDialects.Named(name), Tokenizers.ForAllTemplates);
        Gen.Select(Conversation, Gen.Int[10, 900]).Sample((turns, most) =>
        {
            if (template.Fit(turns, most) is { } fitted)
            {
                Assert.InRange(template.Render(fitted, false).Tokens.Length, 1, most);
                Assert.Equal("assistant", fitted[^1].Role);
            }
            if (template.Render(turns, true).Tokens.Length <= most) Assert.Equal(0, template.FitLatest(turns, most).DroppedTurns);
            else
                try
                {
                    Assert.InRange(template.Render(template.FitLatest(turns, most).Turns, true).Tokens.Length, 1, most);
                }
                catch (ArgumentException e)
                {
                    Assert.Contains("newest message", e.Message, StringComparison.Ordinal);
                }
        }, iter: 100, threads: 1);
    }
}
