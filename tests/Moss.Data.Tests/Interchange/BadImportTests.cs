using System.Text;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Interchange;

namespace Moss.Data.Tests.Interchange;

public sealed class BadImportTests(Database database) : DatabaseTest(database)
{
    private const string Good = """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}""";
    private const string Turn = """{"Human":"<|Human|>: Hi<eoh>\n","Inner Thoughts":"<|Inner Thoughts|>: None<eot>\n","Commands":"<|Commands|>: None<eoc>\n","Tool Responses":"<|Results|>: None<eor>\n","MOSS":"<|MOSS|>: Hello<eom>\n"}""";

    public static TheoryData<string, string, string> Bad => new()
    {
        { "openai", "{", "JSON: " },
        { "openai", "7", "line 2: expected an object" },
        { "openai", """{"messages":[{"role":"user","content":"a"}],"messages":[]}""", "Duplicate" },
        { "openai", """{"messages":[{"role":"user","content":"a","content":"b"}]}""", "Duplicate" },
        { "openai", """{"messages":[{"role":"robot","content":"Hi"}]}""", "messages[0].role: expected system, developer, user or assistant, found \"robot\"" },
        { "openai", """{"messages":[{"role":"user"}]}""", "messages[0].content: missing; expected a string" },
        { "openai", """{"messages":[{"role":"user","content":5}]}""", "messages[0].content: expected a string, found a number" },
        { "openai", """{"messages":[{"role":"user","content":[{"type":"image_url","text":"x"}]}]}""", "messages[0].content[0].type: only \"text\"" },
        { "openai", """{"messages":[{"role":"user","content":"Hi","tool_calls":[]}]}""", "messages[0].tool_calls: this key is not part of the format" },
        { "openai", """{"messages":[{"role":"user","content":"Hi","weight":0}]}""", "messages[0].weight: only 1" },
        { "openai", """{"messages":[{"role":"user","content":"a\u0000b"}]}""", "NUL" },
        { "openai", """{"messages":[{"role":"user","content":"a\ud800b"}]}""", "surrogate" },
        { "openai", """{"messages":[]}""", "at least one message of role user" },
        { "openai", """{"messages":[{"role":"user","content":"Hi"}],"tools":[]}""", "tools: this key is not part" },
        { "moss", """{"conversation_id":1,"meta_instruction":"x","num_turns":2,"chat":{"turn_1":TURN}}""", "num_turns: says 2, but chat has 1 turns" },
        { "moss", """{"conversation_id":1,"meta_instruction":"x","num_turns":1,"chat":{"turn_2":TURN}}""", "chat.turn_2: expected turn_1" },
        { "moss", """{"conversation_id":1,"meta_instruction":"x","num_turns":0,"chat":{}}""", "chat: expected at least turn_1" },
        { "moss", """{"conversation_id":1,"num_turns":1,"chat":{"turn_1":TURN}}""", "meta_instruction: missing; expected a string" },
        { "moss", """{"meta_instruction":"x","num_turns":1,"chat":{"turn_1":{"Human":"Hi","MOSS":"<|MOSS|>: a<eom>\n"}}}""", "chat.turn_1.Human: expected to begin with \"<|Human|>: \"" },
        { "moss", """{"meta_instruction":"x","num_turns":1,"chat":{"turn_1":{"Human":"<|Human|>: a<eoh>\n","MOSS":"<|MOSS|>: a"}}}""", "chat.turn_1.MOSS: expected to end with \"<eom>\"" },
        { "moss", """{"meta_instruction":"x","num_turns":1,"chat":{"turn_1":{"Human":"<|Human|>: a<eoh>\n","Bot":"x"}}}""", "chat.turn_1.Bot: this key" },
        { "oasst", """{"message_tree_id":"t","tree_state":"x","prompt":{"message_id":"a","text":"Q","role":"user"}}""", "prompt.role: expected \"prompter\" or \"assistant\"" },
        { "oasst", """{"message_tree_id":"t","tree_state":"x","prompt":{"message_id":"a","text":"Q","role":"prompter","replies":[{"message_id":"a","text":"A","role":"assistant"}]}}""", "prompt.replies[0].message_id: a occurs twice" },
        { "oasst", """{"message_tree_id":"t","tree_state":"x","prompt":{"message_id":"a","text":"Q","role":"prompter","replies":[{"message_id":"b","parent_id":"c","text":"A","role":"assistant"}]}}""", "prompt.replies[0].parent_id: says c" },
        { "oasst", """{"message_tree_id":"t","tree_state":"x","prompt":{"message_id":"a","text":"Q","role":"prompter","rank":-1}}""", "prompt.rank: expected a whole number" },
        { "oasst", """{"message_tree_id":"t","tree_state":"x","prompt":{"message_id":"a","text":"Q","role":"prompter","deleted":true}}""", "marked deleted" },
        { "auto", """{"text":"Hi"}""", "format: not recognized" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task A_bad_line_is_named_with_its_field_and_nothing_is_stored(string format, string line, string says)
    {
        line = line.Replace("TURN", Turn);
        var good = format switch
        {
            "moss" => """{"meta_instruction":"x","num_turns":1,"chat":{"turn_1":TURN}}""".Replace("TURN", Turn),
            "oasst" => """{"message_tree_id":"t","tree_state":"x","prompt":{"message_id":"a","text":"Q","role":"prompter"}}""",
            _ => Good,
        };
        var content = format == "auto" ? "\n" + line : good + "\n" + line;
        var project = $"bad-{Guid.NewGuid():N}";

        var refusal = await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync(project, content, format));

        Assert.Contains(", line 2: ", refusal.Message);
        Assert.Contains(says, refusal.Message);
        Assert.Contains("Nothing was stored", refusal.Message);
        Assert.False(await Data.With(db => db.Projects.AnyAsync(p => p.Name == project, Test)));
    }

    [Fact]
    public async Task A_message_over_64_KB_is_refused_with_its_line_and_size()
    {
        var line = Loop.OpenAiLine("Hi", new string('x', 65_537));
        var refusal = await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync("big", Good + "\n\n" + line));
        Assert.Contains("line 3: messages[1].content: has 65,537 bytes", refusal.Message);
        Assert.Equal(1, (await Data.ImportAsync("big", Loop.OpenAiLine("Hi", new string('x', 65_536)))).Added);
    }

    [Fact]
    public async Task Text_that_is_not_UTF8_is_refused_in_a_sentence()
    {
        byte[] latin = [.. Encoding.UTF8.GetBytes(Good + "\n"), .. Encoding.Latin1.GetBytes("""{"messages":[{"role":"user","content":"é"}]}""")];
        Assert.Contains("line 2: encoding: the line is not UTF-8", (await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync("enc", "", bytes: latin))).Message);
        byte[] wide = [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(Good)];
        Assert.Contains("line 1: encoding: the file is UTF-16", (await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync("enc", "", bytes: wide))).Message);
    }

    [Fact]
    public async Task With_a_rejects_file_the_good_lines_are_stored_and_the_bad_ones_kept_with_the_reason()
    {
        var rejects = Path.Combine(Path.GetTempPath(), $"moss-rejects-{Guid.NewGuid():N}.jsonl");
        try
        {
            byte[] bytes = [.. Encoding.UTF8.GetBytes(Good + "\n{\"messages\":7}\nnonsense\n"), 0xFF, (byte)'\n', .. Encoding.UTF8.GetBytes(Loop.OpenAiLine("Bye", "See you"))];
            var report = await Data.ImportAsync("rejects", "", rejects: rejects, bytes: bytes);

            Assert.Equal((2, 2, 3, 4), (report.Conversations, report.Added, report.Rejected, report.Messages));
            var lines = await File.ReadAllLinesAsync(rejects, Test);
            Assert.Contains("""{"where":"line 2","reason":"messages: expected an array, found a number","content":"{\"messages\":7}"}""", lines);
            Assert.Contains("\"line 3\"", lines[1]);
            Assert.Contains("\"content_base64\":\"/w==\"", lines[2]);
        }
        finally
        {
            File.Delete(rejects);
        }
    }

    [Fact]
    public async Task Marks_line_ends_empty_lines_arrays_and_single_objects_are_all_read()
    {
        var two = Loop.OpenAiLine("Bye", "See you");
        Assert.Equal(2, (await Data.ImportAsync("shape-1", $"\uFEFF{Good}\r\n\r\n  \r\n{two}\r\n")).Added);
        Assert.Equal(0, (await Data.ImportAsync("shape-1", $"{Good}\n{two}")).Added); // the same lines, whatever the line ends
        Assert.Equal(2, (await Data.ImportAsync("shape-2", $"[\n{Good},\n{two}\n]", "auto")).Added);
        Assert.Equal(1, (await Data.ImportAsync("shape-3", Good.Replace("\"messages\":", "\n  \"messages\":\n  ") + "\n")).Added);
        Assert.Contains("line 2: the array is not JSON", (await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync("shape-4", $"[{Good},\n{{]"))).Message);
        Assert.Contains("line 1: JSON", (await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync("shape-5", "{\"messages\":[\n" + Good))).Message);
        Assert.Contains("the file is empty", (await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync("shape-6", "\n \n"))).Message);
    }

    [Fact]
    public async Task The_same_line_twice_in_a_file_is_two_conversations_and_stays_two()
    {
        Assert.Equal(2, (await Data.ImportAsync("twins", $"{Good}\n{Good}")).Added);
        Assert.Equal((1, 2), await Data.ImportAsync("twins", $"{Good}\n{Good}\n{Good}") is var again ? (again.Added, again.Skipped) : default);
    }

    [Fact]
    public async Task Two_imports_of_one_file_at_once_store_it_once()
    {
        var reports = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Data.ImportAsync("at-once", Good)));
        Assert.Equal(1, reports.Sum(r => r.Added));
    }

    [Fact]
    public async Task A_tree_a_thousand_replies_deep_comes_in_parents_first()
    {
        var tree = new StringBuilder();
        for (var depth = 0; depth < 900; depth++)
            tree.Append(FormattableString.Invariant($$"""{"message_id":"{{depth}}","text":"t{{depth}}","role":"{{(depth % 2 == 0 ? "prompter" : "assistant")}}","replies":["""));
        tree.Insert(0, """{"message_tree_id":"t","tree_state":"x","prompt":""").Append(string.Concat(Enumerable.Repeat("]}", 900))).Append('}');

        Assert.Equal(900, (await Data.ImportAsync("deep", tree.ToString(), "oasst")).Messages);
    }

    [Fact]
    public async Task A_file_that_is_not_there_or_a_format_that_is_not_known_is_said()
    {
        await using var db = Data.CreateDbContext();
        Assert.Contains("cannot be read", (await Assert.ThrowsAsync<MossInputException>(() => Importing.ImportAsync(db, "/nowhere/x.jsonl", "moss", "p", null, null, Test))).Message);
        Assert.Contains("moss, oasst, openai, auto", (await Assert.ThrowsAsync<MossInputException>(() => Data.ImportAsync("p", Good, "csv"))).Message);
    }
}
