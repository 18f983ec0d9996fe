using System.CommandLine;
using System.Text.Json;
using Moss.Model.Text;

namespace Moss.Trainer.Cli;

internal static class TokenizeVerb
{
    private const int MismatchesShown = 5;

    public static Command Create()
    {
        var folder = new Argument<string>("DIR")
        {
            Description = "A folder with tokenizer.json, or with vocab.json and merges.txt.",
        };
        var file = new Argument<string?>("FILE")
        {
            Description = "JSON lines, or one .json document: \"text\", with \"ids\" to compare with where given; " +
                "or conversations as \"messages\" or in MOSS's own form.",
            DefaultValueFactory = _ => null,
        };
        var text = new Option<string?>("--text") { Description = "This text instead of a file." };
        var plain = new Option<bool>("--plain")
        {
            Description = "Control tokens in a text stay ordinary characters, as in what people write.",
        };
        var template = new Option<string?>("--template")
        {
            Description = "How to spell conversations, where the folder does not say it: " +
                $"{string.Join(", ", ChatTemplate.Names)}.",
        };
        var parity = new Option<bool>("--moss-mask")
        {
            Description = "Mark what MOSS-003 was tuned on: all but the system text and tool results.",
        };
        var json = new Option<bool>("--json") { Description = "One JSON object per line." };
        const string What = "Token ids of texts, counting those that differ from the ids a file states; " +
            "conversations with what is learned of them.";
        return new Command("tokenize", What) { folder, file, text, plain, template, parity, json }.Does((parsed, cancellation) =>
        {
            var (path, literal) = (parsed.GetValue(file), parsed.GetValue(text));
            if ((path is null) == (literal is null))
                throw new InvalidDataException("Give either a FILE or --text TEXT to tokenize.");
            var verb = new Run(parsed.GetRequiredValue(folder), parsed.GetValue(template), parsed.GetValue(plain),
                parsed.GetValue(parity) ? LossMask.MossParity : LossMask.AssistantOnly, parsed.GetValue(json));
            return verb.AllAsync(path, literal, cancellation);
        });
    }

    private sealed class Run(string folder, string? template, bool plain, LossMask mask, bool json)
    {
        private readonly Tokenizer _tokenizer = Tokenizer.Load(folder);
        private ChatTemplate? _template; // chosen at the first conversation: texts need none

        public async Task<int> AllAsync(string? file, string? text, CancellationToken cancellation)
        {
            var colour = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
            var view = new TokenView(_tokenizer, json, colour);
            if (text is not null)
            {
                Console.WriteLine(view.Text(1, text, Encode(text)));
                return 0;
            }
            var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
            var (texts, conversations, compared, mismatches) = (0, 0, 0, 0);
            await foreach (var input in TokenizeInput.ReadAsync(file!, name, cancellation))
            {
                if (input.Turns is { } turns)
                {
                    conversations++;
                    _template ??= ChatTemplate.For(folder, _tokenizer, template);
                    Console.WriteLine(view.Conversation(input.Line, _template, Render(turns, input.Where)));
                    continue;
                }
                texts++;
                var ids = Encode(input.Text!);
                if (input.Ids is not { } expected) Console.WriteLine(view.Text(input.Line, input.Text!, ids));
                else if (++compared > 0 && !ids.SequenceEqual(expected) && ++mismatches <= MismatchesShown)
                    await Console.Error.WriteLineAsync(
                        $"{input.Where}: [{string.Join(", ", ids)}] where [{string.Join(", ", expected)}] is stated, " +
                        $"for {JsonSerializer.Serialize(input.Text)}");
            }
            if (texts > 0 || conversations == 0) Console.WriteLine(json
                ? JsonSerializer.Serialize(new { texts, compared, mismatches })
                : $"{texts:N0} texts, {compared:N0} compared, {mismatches:N0} mismatches");
            return mismatches == 0 ? 0 : 1;
        }

        private int[] Encode(string text) => plain ? _tokenizer.Encode(text) : _tokenizer.EncodeWithSpecials(text);

        private RenderedChat Render(IReadOnlyList<ChatTurn> turns, string where)
        {
            try
            {
                var asks = turns.Count > 0 && turns[^1].Role is ChatTurn.User or ChatTurn.Tool;
                return _template!.Render(turns, generationPrompt: asks, mask);
            }
            catch (ArgumentException e)
            {
                throw new InvalidDataException($"{where}: {e.Message.Split(" (Parameter", 2)[0]}", e);
            }
        }
    }
}
