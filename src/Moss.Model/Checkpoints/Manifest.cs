using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model.Adapters;

namespace Moss.Model.Checkpoints;

/// <summary>manifest.json: size and SHA-256 of every other file of a checkpoint; its own hash is the checkpoint's name for ever.</summary>
internal static class Manifest
{
    public const string FileName = "manifest.json";
    private const string Format = "moss.manifest/1", InAdapter = AdapterFolder.SubFolder + "/";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>The text for the files that lie in the folder now; the same files give the same text.</summary>
    public static string Describe(string folder)
    {
        var files = Files(folder).Where(f => f != FileName).Order(StringComparer.Ordinal)
            .Select(f => (JsonNode)new JsonObject
            {
                ["path"] = f,
                ["bytes"] = new FileInfo(Path.Combine(folder, f)).Length,
                ["sha256"] = HashFile(Path.Combine(folder, f)),
            });
        return new JsonObject { ["format"] = Format, ["files"] = new JsonArray([.. files]) }.ToJsonString(Indented) + "\n";
    }

    /// <summary>Compares every file with the manifest.</summary>
    /// <returns>The manifest's own SHA-256, or null when the folder has none.</returns>
    public static string? Verify(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        var text = File.ReadAllBytes(path);
        var listed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, bytes, hash) in Read(text, path))
        {
            if (!listed.Add(name)) throw new InvalidDataException($"'{path}' lists '{name}' twice. The checkpoint was tampered with; use another copy.");
            var file = Path.Combine(folder, name);
            if (!File.Exists(file)) throw Damaged(file, "is missing");
            var size = new FileInfo(file).Length;
            if (size != bytes) throw Damaged(file, $"has {size:N0} bytes where the manifest says {bytes:N0}");
            if (HashFile(file) is var actual && actual != hash) throw Damaged(file, $"has SHA-256 {actual} where the manifest says {hash}");
        }
        // A file added later would change what is loaded without changing the checkpoint's name.
        foreach (var extra in Files(folder).Where(f => Path.GetExtension(f) is ".json" or ".jinja" or ".safetensors"))
            if (extra != FileName && !listed.Contains(extra)) throw Damaged(Path.Combine(folder, extra), "is not in the manifest");
        return Convert.ToHexStringLower(SHA256.HashData(text));
    }

    /// <summary>Names of the folder's own files, and of those in its adapter folder, with that folder before them.</summary>
    private static IEnumerable<string> Files(string folder)
    {
        var inside = Path.Combine(folder, AdapterFolder.SubFolder);
        return Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)!)
            .Concat(Directory.Exists(inside) ? Directory.EnumerateFiles(inside).Select(f => InAdapter + Path.GetFileName(f)) : []);
    }

    private static bool IsInside(string name) =>
        CheckpointFolder.IsPlainName(name.StartsWith(InAdapter, StringComparison.Ordinal) ? name[InAdapter.Length..] : name);

    public static string HashFile(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    public static string HashText(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static List<(string Name, long Bytes, string Hash)> Read(byte[] text, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.GetProperty("format").GetString() is var format && format != Format)
                throw new InvalidDataException($"'{path}' has format \"{format}\", expected \"{Format}\". A newer program wrote it; update this one.");
            return [.. document.RootElement.GetProperty("files").EnumerateArray().Select(f =>
            {
                var name = f.GetProperty("path").GetString()!;
                return IsInside(name) ? (name, f.GetProperty("bytes").GetInt64(), f.GetProperty("sha256").GetString()!)
                    : throw new InvalidDataException($"'{path}' names '{name}', which lies outside the folder.");
            })];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException($"'{path}' is not a manifest: {e.Message} The checkpoint is damaged; use another copy.", e);
        }
    }

    private static InvalidDataException Damaged(string file, string what) => new(
        $"'{file}' {what}. The checkpoint is damaged and is not loaded; use another copy, or the checkpoint before it.");
}
