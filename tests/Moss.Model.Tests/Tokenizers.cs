using System.Text.Json.Nodes;
using Moss.Model.Text;

namespace Moss.Model.Tests;

/// <summary>Tokenizers that several test classes use, read once.</summary>
internal static class Tokenizers
{
    private static readonly Lazy<Tokenizer> SharedQwen = new(() => Tokenizer.Load(Shared.Find("data/tokenizers/qwen2")));
    private static readonly Lazy<Tokenizer> SharedMoss = new(() => Tokenizer.Load(Shared.Find("data/tokenizers/moss")));

    private static readonly Lazy<Tokenizer> MadeForAll = new(() => Tokenizer.Load(WithControlTokens(
        ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<eoh>", "<eom>", "<eot>", "<eoc>", "<eor>"])));

    public static Tokenizer Qwen => SharedQwen.Value;
    public static Tokenizer Moss => SharedMoss.Value;

    /// <summary>A small one with the control tokens of every template.</summary>
    public static Tokenizer ForAllTemplates => MadeForAll.Value;

    /// <summary>A folder with a tokenizer.json trained on the samples, and more control tokens.</summary>
    public static string WithControlTokens(IEnumerable<string> more)
    {
        var folder = Shared.NewFolder();
        var path = Path.Combine(folder, "tokenizer.json");
        BpeTrainer.Train(Samples.Conversations.SelectMany(c => c).Select(t => t.Text), 500, path);
        var file = JsonNode.Parse(File.ReadAllText(path))!;
        var added = file["added_tokens"]!.AsArray();
        var next = added.Max(t => t!["id"]!.GetValue<int>());
        foreach (var content in more) added.Add(new JsonObject { ["id"] = ++next, ["content"] = content, ["special"] = true });
        File.WriteAllText(path, file.ToJsonString());
        return folder;
    }

    /// <summary>The same tokenizer written as vocab.json, merges.txt and added_tokens.json: the form MOSS-003 was published in.</summary>
    public static string AsVocabularyFiles(string tokenizerJson)
    {
        var (folder, file) = (Shared.NewFolder(), JsonNode.Parse(File.ReadAllText(tokenizerJson))!);
        var (vocabulary, added) = (file["model"]!["vocab"]!.AsObject(), new JsonObject());
        foreach (var token in file["added_tokens"]!.AsArray())
            if (!vocabulary.ContainsKey(token!["content"]!.GetValue<string>())) added[token["content"]!.GetValue<string>()] = token["id"]!.GetValue<int>();
        File.WriteAllText(Path.Combine(folder, "vocab.json"), vocabulary.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "added_tokens.json"), added.ToJsonString());
        File.WriteAllLines(Path.Combine(folder, "merges.txt"), ["#version: 0.2", .. file["model"]!["merges"]!.AsArray().Select(merge =>
            merge is JsonArray pair ? $"{pair[0]} {pair[1]}" : merge!.GetValue<string>())]);
        return folder;
    }
}
