using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Moss.Model.Tests.Checkpoints;
using Moss.Trainer.Serving;
using Moss.Trainer.Tests.Serving;

namespace Moss.Trainer.Tests.Deployments;

public sealed class CheckpointVerbTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("moss-verify-").FullName;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task A_sound_folder_is_verified_and_a_flipped_bit_in_it_is_found_and_named()
    {
        var manifest = BabblingCheckpoint.Make(_root, "sound", seed: 1);
        var (code, output, _) = await RunAsync("checkpoint", "verify", Path.Combine(_root, "sound"), "--json");
        var found = JsonNode.Parse(output)!;
        Assert.Equal((0, manifest, "ok", "chatml"), (code, found["manifest"]!.GetValue<string>(), found["checks"]!.GetValue<string>(), found["template"]!.GetValue<string>()));

        var weights = Path.Combine(_root, "sound", "model.safetensors");
        var bytes = await File.ReadAllBytesAsync(weights, Test);
        bytes[^1] ^= 0x10;
        await File.WriteAllBytesAsync(weights, bytes, Test);
        (code, output, var error) = await RunAsync("checkpoint", "verify", Path.Combine(_root, "sound"), "--json");
        Assert.Equal((1, false), (code, JsonNode.Parse(output)!["sound"]!.GetValue<bool>()));
        Assert.Contains("model.safetensors", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qwen3")]
    [InlineData("llama3-tied")]
    public async Task The_numbers_of_a_reference_implementation_are_met_without_a_tokenizer(string family)
    {
        var folder = Shared($"golden/{family}");
        var (code, output, _) = await RunAsync("checkpoint", "verify", folder, "--golden", Path.Combine(folder, "golden.json"), "--json");
        var found = JsonNode.Parse(output)!;
        Assert.Equal((0, "missing", true), (code, found["tokenizer"]!.GetValue<string>(), found["greedy_identical"]!.GetValue<bool>()));
        Assert.InRange(found["max_abs_logit_difference"]!.GetValue<double>(), 0, 5e-5);
    }

    [Fact]
    public async Task Another_models_reference_is_not_met_and_that_is_a_failure()
    {
        var (code, _, error) = await RunAsync("checkpoint", "verify", Shared("golden/qwen3"), "--golden", Shared("golden/qwen2/golden.json"), "--json");
        Assert.Equal(1, code);
        Assert.NotEmpty(error);
    }

    [Fact]
    public async Task Inspect_says_what_a_network_takes_in_memory_and_where_its_context_ends()
    {
        BabblingCheckpoint.Make(_root, "small", seed: 1);
        var (code, output, _) = await RunAsync("checkpoint", "inspect", Path.Combine(_root, "small"), "--json");
        var found = JsonNode.Parse(output)!;
        var memory = found["memory"]!;
        Assert.Equal((0, "float32"), (code, found["stored_weight_type"]!.GetValue<string>()));
        Assert.Equal(4 * found["parameters"]!.GetValue<long>(), memory["load"]!.GetValue<long>());
        Assert.InRange(memory["tune_full"]!.GetValue<long>(), memory["tune_lora_r16"]!.GetValue<long>(), long.MaxValue);
        Assert.Null(memory["chat_32k"]);
        (_, output, _) = await RunAsync("checkpoint", "inspect", Path.Combine(_root, "small"));
        Assert.Matches(@"memory to chat to 32,768 tokens +beyond its context", output);
        Assert.Matches(@"memory to tune in full +0\.0\d GB for one conversation", output);
    }

    [Fact]
    public async Task A_wrong_statement_of_the_number_format_is_a_failure()
    {
        BabblingCheckpoint.Make(_root, "stated", seed: 1);
        var folder = Path.Combine(_root, "stated");
        File.Delete(Path.Combine(folder, "manifest.json"));
        var config = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "config.json"), Test))!;
        config["torch_dtype"] = "bfloat16";
        await File.WriteAllTextAsync(Path.Combine(folder, "config.json"), config.ToJsonString(), Test);
        var (code, _, error) = await RunAsync("checkpoint", "verify", folder);
        Assert.Equal(1, code);
        Assert.Contains("weights are bfloat16, but the files hold float32", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_of_pytorch_are_converted_and_a_program_among_them_is_refused_with_nothing_written()
    {
        var (source, target) = (Directory.CreateDirectory(Path.Combine(_root, "pickled")).FullName, Path.Combine(_root, "out"));
        await File.WriteAllTextAsync(Path.Combine(source, "config.json"), "{}", Test);
        Write(new PickleWriter().Global("posix", "system").Text("true").Op(0x85).Op('R').Op('.').ToArray());
        var (code, _, error) = await RunAsync("checkpoint", "convert", source, target);
        Assert.Equal((1, false), (code, Directory.Exists(target)));
        Assert.Contains("'posix.system'", error, StringComparison.Ordinal);

        Write(PickleWriter.StateDict(p => p.Tensor("t", "HalfStorage", "0", 2, 0, [2])));
        (code, var output, _) = await RunAsync("checkpoint", "convert", source, target, "--json");
        Assert.Equal((0, 4L), (code, JsonNode.Parse(output)!["bytes"]!.GetValue<long>()));
        Assert.Equal(["config.json", "manifest.json", "model.safetensors"], Directory.GetFiles(target).Select(Path.GetFileName).Order());

        void Write(byte[] pickle)
        {
            using var zip = new ZipArchive(File.Create(Path.Combine(source, "pytorch_model.bin")), ZipArchiveMode.Create);
            foreach (var (name, bytes) in new[] { ("archive/data.pkl", pickle), ("archive/data/0", new byte[4]) })
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(bytes);
            }
        }
    }

    [Fact]
    public async Task Pulling_without_a_hub_says_what_to_set()
    {
        var (code, _, error) = await RunAsync("checkpoint", "pull", "moss/tiny", "--to", Path.Combine(_root, "x"));
        Assert.Equal(1, code);
        Assert.Contains("--from https://SERVER, or set MOSS_HUB", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_counts_the_texts_of_its_own_tokenizer_and_their_mismatches()
    {
        BabblingCheckpoint.Make(_root, "small", seed: 1);
        var file = Path.Combine(_root, "texts.jsonl");
        await File.WriteAllTextAsync(file, """
            {"tokenizer": "small", "text": "", "ids": []}
            {"tokenizer": "small", "text": "who", "ids": [0]}
            {"tokenizer": "other", "text": "who", "ids": [0]}
            """, Test);
        var (code, output, _) = await RunAsync("tokenize", Path.Combine(_root, "small"), file, "--json");
        Assert.Equal(1, code);
        Assert.Equal("""{"texts":2,"compared":2,"mismatches":1}""", output.Trim());
    }

    [Fact]
    public async Task Tokenize_shows_what_a_conversation_teaches()
    {
        BabblingCheckpoint.Make(_root, "small", seed: 1);
        var file = Path.Combine(_root, "talk.json");
        await File.WriteAllTextAsync(file, """
            [{"messages": [{"role": "user", "content": "who"},
                           {"role": "assistant", "content": "MOSS"}]}]
            """, Test);
        var (code, output, _) = await RunAsync("tokenize", Path.Combine(_root, "small"), file);
        Assert.Equal(0, code);
        Assert.StartsWith("<|im_start|>user\nwho<|im_end|>\n<|im_start|>assistant\n⟦MOSS<|im_end|>⟧", output, StringComparison.Ordinal);

        (code, output, _) = await RunAsync("tokenize", Path.Combine(_root, "small"), file, "--template", "qwen2", "--json");
        var shown = JsonNode.Parse(output)!;
        var learned = shown["learned"]!.AsArray().Single()!.AsArray().Select(n => n!.GetValue<int>()).ToArray();
        var spans = shown["spans"]!.AsArray().Select(s => (Role: s!["role"]!.GetValue<string>(), Turn: s["turn"]!.GetValue<int>(), Text: s["text"]!.GetValue<string>()));
        Assert.Equal([("system", -1, "You are a helpful assistant."), ("user", 0, "who"), ("assistant", 1, "MOSS")], spans);
        Assert.Equal(shown["spans"]![2]!["start"]!.GetValue<int>(), learned[0]);
        Assert.Equal(shown["spans"]![2]!["end"]!.GetValue<int>() + 1, learned[1]); // the terminator too
    }

    [Fact]
    public async Task Tokenize_takes_a_text_from_the_command_line_and_says_what_is_wrong_with_a_conversation()
    {
        BabblingCheckpoint.Make(_root, "small", seed: 1);
        var (_, output, _) = await RunAsync("tokenize", Path.Combine(_root, "small"), "--text", "𠮷<|im_end|>");
        Assert.StartsWith("\"𠮷<|im_end|>\"\n", output, StringComparison.Ordinal);
        Assert.EndsWith("\"<|im_end|>\"\n", output, StringComparison.Ordinal);

        var file = Path.Combine(_root, "talk.jsonl");
        await File.WriteAllTextAsync(file, """{"messages": [{"role": "robot", "content": "hi"}]}""", Test);
        var (code, _, error) = await RunAsync("tokenize", Path.Combine(_root, "small"), file);
        Assert.Equal(1, code);
        Assert.Contains("talk.jsonl, line 1: Message 1 has the role \"robot\"", error, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(ServeOptions).Assembly.Location, .. arguments])
        { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["MOSS_HUB"] = "" } })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(Test), process.StandardError.ReadToEndAsync(Test));
        await process.WaitForExitAsync(Test);
        return (process.ExitCode, await output, await error);
    }

    private static string Shared(string name, [CallerFilePath] string here = "")
    {
        var root = new DirectoryInfo(Path.GetDirectoryName(here)!);
        while (!File.Exists(Path.Combine(root.FullName, "Moss.Platform.sln"))) root = root.Parent!;
        var path = Path.Combine(Environment.GetEnvironmentVariable("MOSS_SHARED") is { Length: > 0 } given ? given : Path.Combine(root.FullName, "..", "shared"), name);
        if (Path.Exists(path)) return path;
        var missing = $"{name} is not beside the repository (or at MOSS_SHARED), where the reference numbers lie.";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(missing);
        Assert.Skip(missing);
        return path;
    }
}
