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
        Serve(),
        TokenizeBenchVerb.Create(),
        Load(),
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
        var lora = new Option<bool>("--lora") { Description = "Train an adapter over a frozen base." };
        var checkpointing = new Option<bool>("--checkpointing") { Description = "Compute each layer again on the way back, to save memory." };
        var threads = new Option<int>("--threads") { Description = "Threads of libtorch.", DefaultValueFactory = _ => Environment.ProcessorCount };
        const string What = "Seconds of one training step of a randomly filled network, and its share of what matrix products reach here.";
        return new Command("train", What) { shape, batch, tokens, steps, compute, lora, checkpointing, threads }.Does((parsed, _) =>
        {
            var type = parsed.GetValue(compute) == "fp32" ? ScalarType.Float32 : ScalarType.BFloat16;
            var plan = new TrainBenchPlan(parsed.GetValue(shape)!, AtLeastOne(parsed, batch), AtLeastOne(parsed, tokens), AtLeastOne(parsed, steps),
                type, parsed.GetValue(lora), parsed.GetValue(checkpointing), AtLeastOne(parsed, threads));
            if (Shapes.ByName[plan.Shape].ContextLength is var longest && plan.Tokens > longest)
                throw new MossInputException($"--tokens is {plan.Tokens:N0}, but {plan.Shape} reads at most {longest:N0} tokens.");
            Print(new TrainBench(plan).Run(Console.Error.WriteLine));
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

    private static Command Serve()
    {
        var times = new Option<double[]>("--times") { Description = "Arrivals as a multiple of what the server can answer; several may be given.", DefaultValueFactory = _ => [0.5, 3] };
        var seconds = new Option<int>("--seconds") { Description = "Length of each load.", DefaultValueFactory = _ => 60 };
        var clients = new Option<int>("--clients") { Description = "Most requests under way at once.", DefaultValueFactory = _ => 200 };
        var tokens = new Option<int>("--tokens") { Description = "Most tokens of a reply.", DefaultValueFactory = _ => 64 };
        const string What = "Requests that arrive by chance, more than can be answered too: with a database and a server of its own, gone afterwards.";
        return new Command("serve", What) { times, seconds, clients, tokens }.Does(async (parsed, cancellation) =>
        {
            var loads = parsed.GetRequiredValue(times).Select(t => t is > 0 and <= 100
                ? new ServeLoad(t, AtLeastOne(parsed, seconds), AtLeastOne(parsed, clients), AtLeastOne(parsed, tokens))
                : throw new MossInputException("--times must be above 0 and at most 100.")).ToList();
            await new ServeBench(Installation.FromEnvironment(), loads).RunAsync(Print, cancellation);
            return 0;
        });
    }

    private static Command Load()
    {
        var gigabytes = new Option<double>("--gb") { Description = "Size of the weights.", DefaultValueFactory = _ => 1.1 };
        var type = new Option<string>("--type") { Description = "Number format in the file.", DefaultValueFactory = _ => "F32" };
        type.AcceptOnlyFromAmong("F32", "F16", "BF16");
        return new Command("load", "Gigabytes per second from a folder of random weights into a network, from the system's file cache.") { gigabytes, type }.Does((parsed, _) =>
        {
            if (parsed.GetValue(gigabytes) is not (> 0 and <= 1_000)) throw new MossInputException("--gb must be above 0 and at most 1,000.");
            Print(new LoadBench(parsed.GetValue(gigabytes), parsed.GetValue(type)!).Run());
            return Task.FromResult(0);
        });
    }

    private const string RealConversations = "data/moss-sft/conversations.jsonl";

    internal static string InShared(string home, string relative) => Path.GetFullPath(Path.Combine(
        Environment.GetEnvironmentVariable("MOSS_SHARED") is { Length: > 0 } given ? given : Path.Combine(home, "..", "shared"), relative));

    private static string Conversations(string home) =>
        InShared(home, RealConversations) is var real && File.Exists(real) ? real : Path.Combine(home, "samples", "conversations.jsonl");

    internal static int AtLeastOne(ParseResult parsed, Option<int> option) => parsed.GetValue(option) is > 0 and var number ? number
        : throw new MossInputException($"{option.Name} must be 1 or more.");

    private static string Newest(string checkpoints) =>
        new DirectoryInfo(checkpoints) is { Exists: true } root && root.EnumerateDirectories()
            .Where(d => File.Exists(Path.Combine(d.FullName, "manifest.json"))).MaxBy(d => d.LastWriteTimeUtc) is { } newest
            ? newest.FullName
            : throw new MossInputException($"There is no checkpoint in '{checkpoints}' to measure. Run ./moss starter first, or give --checkpoint DIR.");

    internal static void Print(object figures) => Console.WriteLine(JsonSerializer.Serialize(figures));
}
