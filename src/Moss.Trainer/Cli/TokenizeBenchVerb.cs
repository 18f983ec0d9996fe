using System.CommandLine;
using Moss.Data;
using Moss.Trainer.Bench;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

internal static class TokenizeBenchVerb
{
    private const string RealTexts = "data/oasst/en_100_tree.jsonl";
    private static readonly string[] Tokenizers = ["data/tokenizers/qwen2", "data/tokenizers/moss"];

    public static Command Create()
    {
        var folder = new Option<DirectoryInfo?>("--tokenizer")
        {
            Description = "Folder with a tokenizer; otherwise both of the shared test input.",
        };
        var file = new Option<FileInfo?>("--file")
        {
            Description = $"JSON lines with \"text\"; otherwise {RealTexts} of the shared test input.",
        };
        var threads = new Option<int>("--threads")
        {
            Description = "Measured besides one thread.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        var passes = new Option<int>("--passes")
        {
            Description = "Passes over the text with a filled cache, per fresh tokenizer.",
            DefaultValueFactory = _ => 10,
        };
        const string What = "Megabytes of text per second into token ids.";
        return new Command("tokenize", What) { folder, file, threads, passes }.Does((parsed, _) =>
        {
            var home = Installation.FromEnvironment().Home;
            var texts = parsed.GetValue(file)?.FullName ?? BenchVerb.InShared(home, RealTexts);
            if (!File.Exists(texts)) throw new MossInputException(
                $"There is no '{texts}' to tokenize. Give --file FILE with JSON lines that have \"text\".");
            var folders = parsed.GetValue(folder) is { } given
                ? [given.FullName] : Tokenizers.Select(name => BenchVerb.InShared(home, name));
            int[] counts = [.. new[] { 1, BenchVerb.AtLeastOne(parsed, threads) }.Distinct()];
            foreach (var tokenizer in folders)
                foreach (var figures in new TokenizeBench(tokenizer, texts, BenchVerb.AtLeastOne(parsed, passes)).Run(counts))
                    BenchVerb.Print(figures);
            return Task.FromResult(0);
        });
    }
}
