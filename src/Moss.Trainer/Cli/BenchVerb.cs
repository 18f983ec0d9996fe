using System.CommandLine;
using System.Text.Json;
using Moss.Data;
using Moss.Model.Inference;
using Moss.Trainer.Bench;
using Moss.Trainer.Local;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Trainer.Cli;

internal static class BenchVerb
{
    public static Command Create() => new("bench", "Measure this machine; figures as JSON lines.")
    {
        Generate(),
        Train(),
        FirstToken(),
        Loop(),
        Tokenize(),
    };

    private static Command Generate()
    {
        var folder = new Option<string?>("--checkpoint") { Description = "Checkpoint folder; otherwise the newest in the checkpoint folder." };
        var threads = new Option<int>("--threads") { Description = "Threads of libtorch.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var tokens = new Option<int>("--tokens") { Description = "Tokens to generate after the warm-up.", DefaultValueFactory = _ => 500 };
        var shape = new Option<string?>("--shape") { Description = "Instead of a checkpoint, a randomly filled network of this shape." };
        shape.AcceptOnlyFromAmong([.. Shapes.ByName.Keys]);
        var batch = new Option<int[]>("--batch") { Description = "Sequences at once; several may be given. With --shape.", DefaultValueFactory = _ => [1, 4, 16] };
        var precision = new Option<WeightPrecision>("--precision") { Description = "Bits of a weight: full (32), half (16) or quarter (8). With --shape.", DefaultValueFactory = _ => WeightPrecision.Quarter };
        return new Command("generate", "Tokens per second of one reply after the other, in this process.") { folder, shape, batch, precision, threads, tokens }.Does((parsed, _) =>
        {
            if (parsed.GetValue(shape) is { } random)
            {
                foreach (var figures in new DecodeBench(random, parsed.GetValue(precision), parsed.GetRequiredValue(batch), AtLeastOne(parsed, tokens), AtLeastOne(parsed, threads)).Run())
                    Print(figures);
                return Task.FromResult(0);
            }
            var path = parsed.GetValue(folder) ?? Newest(Installation.FromEnvironment().Checkpoints);
            Print(new GenerateBench(path, AtLeastOne(parsed, threads), AtLeastOne(parsed, tokens)).Run());
            return Task.FromResult(0);
        });
    }

    private static Command Train()
    {
        var shape = new Option<string>("--shape") { Description = "Which network.", DefaultValueFactory = _ => "gpt2-124m" };
        shape.AcceptOnlyFromAmong([.. Shapes.ByName.Keys]);
        var batch = new Option<int>("--batch") { Description = "Sequences of a step.", DefaultValueFactory = _ => 4 };
        var tokens = new Option<int>("--tokens") { Description = "Tokens of a sequence.", DefaultValueFactory = _ => 64 };
        var steps = new Option<int>("--steps") { Description = "Steps after the warm-up.", DefaultValueFactory = _ => 10 };
        var compute = new Option<string>("--compute") { Description = "Number format of matrix products.", DefaultValueFactory = _ => "bf16" };
        compute.AcceptOnlyFromAmong("bf16", "fp32");
        var threads = new Option<int>("--threads") { Description = "Threads of libtorch.", DefaultValueFactory = _ => Environment.ProcessorCount };
        const string What = "Seconds of one training step of a randomly filled network, and its share of what matrix products reach here.";
        return new Command("train", What) { shape, batch, tokens, steps, compute, threads }.Does((parsed, _) =>
        {
            var type = parsed.GetValue(compute) == "fp32" ? ScalarType.Float32 : ScalarType.BFloat16;
            Print(new TrainBench(parsed.GetValue(shape)!, AtLeastOne(parsed, batch), AtLeastOne(parsed, tokens), AtLeastOne(parsed, steps), type,
                AtLeastOne(parsed, threads)).Run(Console.Error.WriteLine));
            return Task.FromResult(0);
        });
    }

    private static Command FirstToken()
    {
        var requests = new Option<int>("--requests") { Description = "Requests after the warm-up.", DefaultValueFactory = _ => 50 };
        const string What = "Milliseconds to the first streamed piece, over HTTP from the running server.";
        return new Command("first-token", What) { requests }.Does(async (parsed, cancellation) =>
        {
            Print(await new FirstTokenBench(Installation.FromEnvironment().Serve, AtLeastOne(parsed, requests)).RunAsync(cancellation));
            return 0;
        });
    }

    private static Command Loop()
    {
        var file = new Option<FileInfo?>("--file") { Description = $"Conversations to import; otherwise {RealConversations} of the shared test input, else the samples." };
        var messages = new Option<int>("--messages") { Description = "Messages to store, by one writer and then by eight.", DefaultValueFactory = _ => 500 };
        var requests = new Option<int>("--requests") { Description = "Streamed replies to ask for.", DefaultValueFactory = _ => 100 };
        const string What = "Import, storing a message, first streamed piece: with a database and a server of its own, gone afterwards.";
        return new Command("loop", What) { file, messages, requests }.Does(async (parsed, cancellation) =>
        {
            var installation = Installation.FromEnvironment();
            await new LoopBench(installation, parsed.GetValue(file)?.FullName ?? Conversations(installation.Home),
                AtLeastOne(parsed, messages), AtLeastOne(parsed, requests)).RunAsync(Print, cancellation);
            return 0;
        });
    }

    private static Command Tokenize()
    {
        var folder = new Option<DirectoryInfo?>("--tokenizer") { Description = "Folder with a tokenizer; otherwise both of the shared test input." };
        var file = new Option<FileInfo?>("--file") { Description = $"JSON lines with \"text\"; otherwise {RealTexts} of the shared test input." };
        var threads = new Option<int>("--threads") { Description = "Measured besides one thread.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var passes = new Option<int>("--passes") { Description = "Passes over the text with a filled cache, per fresh tokenizer.", DefaultValueFactory = _ => 10 };
        return new Command("tokenize", "Megabytes of text per second into token ids.") { folder, file, threads, passes }.Does((parsed, _) =>
        {
            var home = Installation.FromEnvironment().Home;
            var texts = parsed.GetValue(file)?.FullName ?? InShared(home, RealTexts);
            if (!File.Exists(texts)) throw new MossInputException($"There is no '{texts}' to tokenize. Give --file FILE with JSON lines that have \"text\".");
            var folders = parsed.GetValue(folder) is { } given ? [given.FullName] : SharedTokenizers.Select(name => InShared(home, name));
            int[] counts = [.. new[] { 1, AtLeastOne(parsed, threads) }.Distinct()];
            foreach (var tokenizer in folders)
                foreach (var figures in new TokenizeBench(tokenizer, texts, AtLeastOne(parsed, passes)).Run(counts)) Print(figures);
            return Task.FromResult(0);
        });
    }

    private const string RealConversations = "data/moss-sft/conversations.jsonl", RealTexts = "data/oasst/en_100_tree.jsonl";
    private static readonly string[] SharedTokenizers = ["data/tokenizers/qwen2", "data/tokenizers/moss"];

    private static string InShared(string home, string relative) => Path.GetFullPath(Path.Combine(
        Environment.GetEnvironmentVariable("MOSS_SHARED") is { Length: > 0 } given ? given : Path.Combine(home, "..", "shared"), relative));

    private static string Conversations(string home) =>
        InShared(home, RealConversations) is var real && File.Exists(real) ? real : Path.Combine(home, "samples", "conversations.jsonl");

    private static int AtLeastOne(ParseResult parsed, Option<int> option) => parsed.GetValue(option) is > 0 and var number ? number
        : throw new MossInputException($"{option.Name} must be 1 or more.");

    private static string Newest(string checkpoints) =>
        new DirectoryInfo(checkpoints) is { Exists: true } root && root.EnumerateDirectories()
            .Where(d => File.Exists(Path.Combine(d.FullName, "manifest.json"))).MaxBy(d => d.LastWriteTimeUtc) is { } newest
            ? newest.FullName
            : throw new MossInputException($"There is no checkpoint in '{checkpoints}' to measure. Run ./moss starter first, or give --checkpoint DIR.");

    private static void Print(object figures) => Console.WriteLine(JsonSerializer.Serialize(figures));
}
