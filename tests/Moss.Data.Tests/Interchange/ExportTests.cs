using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.EntityFrameworkCore;
using Moss.Data.Datasets;
using Moss.Data.Interchange;
using Moss.Data.Judgements;

namespace Moss.Data.Tests.Interchange;

public sealed class ExportTests(Database database) : DatabaseTest(database)
{
    private static readonly FreezeRule Everything = new() { EvalShare = 0, ReplayMax = 10_000 };

    [Fact]
    public async Task A_correction_is_a_preference_and_every_learned_reply_a_completion()
    {
        var (project, ada, moss) = (await Data.ProjectAsync(), await Data.HumanAsync(), await Data.CheckpointAsync());
        await Data.ImportAsync(project.Name, Loop.OpenAiLine("Hi", "Hello", "Bye", "See you"));
        var (conversation, _, first) = await Data.ExchangeAsync(project.Id, ada.Id, moss.Id, "Yo", "Hm", system: "Be kind.");
        var (_, reply) = await Data.TurnAsync(conversation, first.Id, ada.Id, moss.Id, "Who?", "wrong 《x》");
        await Data.With(db => db.CorrectAsync(reply.Id, ada.Id, Guid.NewGuid(), "right", null, null, null, Test));
        var version = await Data.With(db => db.FreezeAsync(project.Id, null, Everything, null, Test));

        var (sft, dpo, chat) = (await ExportAsync(version.Id, "trl-sft"), await ExportAsync(version.Id, "trl-dpo"), await ExportAsync(version.Id, "trl-messages"));

        Assert.Equal([
            """{"prompt":[{"role":"system","content":"Be kind."},{"role":"user","content":"Yo"},{"role":"assistant","content":"Hm"},{"role":"user","content":"Who?"}],"completion":[{"role":"assistant","content":"right"}]}""",
            """{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Hello"}]}""",
            """{"prompt":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"}],"completion":[{"role":"assistant","content":"See you"}]}""",
        ], sft.Lines);
        Assert.Equal([
            """{"prompt":[{"role":"system","content":"Be kind."},{"role":"user","content":"Yo"},{"role":"assistant","content":"Hm"},{"role":"user","content":"Who?"}],"chosen":[{"role":"assistant","content":"right"}],"rejected":[{"role":"assistant","content":"wrong 《x》"}]}""",
        ], dpo.Lines);
        Assert.Equal((2, 1), (chat.Lines.Length, chat.Report.DroppedFields["learn"]));
        Assert.Equal((3, 0, 1, 1, 2), (sft.Report.Rows, sft.Report.Skipped, sft.Report.DroppedFields["repeat"], sft.Report.DroppedFields["rejected"], sft.Report.DroppedFields["sources"]));
        Assert.Equal((1, 1, false), (dpo.Report.Rows, dpo.Report.Skipped, dpo.Report.DroppedFields.ContainsKey("rejected")));
        Assert.Contains("trl-sft, trl-messages, trl-dpo", (await Assert.ThrowsAsync<MossInputException>(() => ExportAsync(version.Id, "csv"))).Message);
        await Assert.ThrowsAsync<MossInputException>(() => ExportAsync(Guid.NewGuid(), "trl-sft"));
    }

    [Fact]
    public async Task What_is_exported_comes_in_again_as_it_was()
    {
        // Any Unicode but NUL and lone halves; conversations of 1 to 4 turns, with or without a system text.
        var text = Gen.String[Gen.Frequency((8, Gen.Char['\u0001', '\uD7FF']), (1, Gen.Char['\uE000', '\uFFFD'])), 1, 30].Select(s => s + "😀");
        var conversations = Gen.Select(Gen.Bool, text.Array[2, 8].Where(t => t.Length % 2 == 0)).Array[1, 8];
        await conversations.SampleAsync(async given =>
        {
            var lines = given.Select(c => JsonSerializer.Serialize(new
            {
                messages = (c.Item1 ? [("system", "S" + c.Item2[0])] : Array.Empty<(string, string)>())
                    .Concat(c.Item2.Select((t, n) => (n % 2 == 0 ? "user" : "assistant", t))).Select(m => new { role = m.Item1, content = m.Item2 }),
            })).ToArray();
            var first = await RoundAsync(lines);
            var second = await RoundAsync(first);
            Assert.Equal(Normal(lines), Normal(first));
            Assert.Equal(Normal(first), Normal(second));
        }, iter: 12, threads: 1);

        async Task<string[]> RoundAsync(string[] lines)
        {
            var name = $"round-{Guid.NewGuid():N}";
            await Data.ImportAsync(name, string.Join('\n', lines));
            var project = await Data.With(db => db.Projects.SingleAsync(p => p.Name == name, Test));
            var version = await Data.With(db => db.FreezeAsync(project.Id, null, Everything, null, Test));
            return (await ExportAsync(version.Id, "trl-messages")).Lines;
        }

        static IEnumerable<string> Normal(string[] lines) => lines.Select(l => JsonSerializer.Serialize(JsonSerializer.Deserialize<JsonElement>(l))).Distinct().Order(StringComparer.Ordinal);
    }

    [Fact]
    public void The_content_of_an_example_comes_back_as_it_went()
    {
        var message = Gen.Select(Gen.Int[0, 2].Select(n => n == 0 ? "system" : n == 1 ? "user" : "assistant"), Gen.String, Gen.Bool, (role, content, learn) => new DatasetMessage(role, Clean(content), learn));
        Gen.Select(message.List[0, 5], Gen.String.Null(), Gen.Int[1, 9]).Sample((messages, rejected, repeat) =>
        {
            var content = new DatasetContent(messages, rejected is null ? null : Clean(rejected), repeat);
            var back = DatasetContent.Parse(content.ToJson());
            Assert.Equal(content.ToJson(), back.ToJson());
            Assert.Equal(content.Messages, back.Messages);
        });

        static string Clean(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
    }

    private async Task<(string[] Lines, ExportReport Report)> ExportAsync(Guid version, string format)
    {
        using var output = new StringWriter();
        var report = await Data.With(db => Exporting.ExportAsync(db, version, format, output, Test));
        return (output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries), report);
    }
}
