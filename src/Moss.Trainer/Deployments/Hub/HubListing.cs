using System.Text.Json;
using Moss.Model.Checkpoints;

namespace Moss.Trainer.Deployments.Hub;

/// <param name="Bytes">Null when the list does not say.</param>
/// <param name="Hash">Null when only the answer to a request for the file may say.</param>
internal sealed record HubFile(string Name, long? Bytes, FileHash? Hash);

/// <summary>The files of a repository at one commit, and which of them a checkpoint needs.</summary>
/// <param name="Commit">What the revision stood for when it was asked, so that all files come from one state; null when the hub
/// does not say.</param>
internal sealed record HubListing(string? Commit, IReadOnlyList<HubFile> Files)
{
    private const int MostFiles = 10_000;

    /// <exception cref="InvalidDataException">Not a list of files, or one with names that lead out of the folder.</exception>
    public static HubListing Parse(byte[] json, Uri source)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var siblings = document.RootElement.GetProperty("siblings");
            if (siblings.GetArrayLength() > MostFiles) throw new InvalidDataException($"{source} lists more than {MostFiles:N0} files; that is no checkpoint.");
            var commit = Text(document.RootElement, "sha");
            return new(FileHash.Parse(commit)?.Hex, [.. siblings.EnumerateArray().Select(File).OfType<HubFile>()]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{source} does not answer with a hub's list of files: {e.Message}", e);
        }

        HubFile? File(JsonElement sibling)
        {
            var name = sibling.GetProperty("rfilename").GetString() ?? "";
            if (name.Length is 0 or > 255 || name.StartsWith('/') || name.AsSpan().ContainsAny('\\', ':', '\0')
                || name.Split('/').Any(part => part is "" or "." or ".." || part.Any(char.IsControl)))
                throw new InvalidDataException($"{source} lists a file '{name}', which would lie outside the folder. Nothing was pulled.");
            if (!CheckpointFolder.IsPlainName(name)) return null; // in a folder of its own: another format's files
            var large = sibling.TryGetProperty("lfs", out var lfs) && lfs.ValueKind == JsonValueKind.Object ? lfs : default;
            return large.ValueKind == JsonValueKind.Object
                ? new(name, Size(large) ?? Size(sibling), FileHash.Parse(Text(large, "sha256") ?? Text(large, "oid")))
                : new(name, Size(sibling), FileHash.Parse(Text(sibling, "blobId") ?? Text(sibling, "blob_id")));
        }
    }

    /// <summary>
    /// Configuration, tokenizer and texts, with weights as safetensors where there are such, else as .bin. Never programs.
    /// </summary>
    public IReadOnlyList<HubFile> Checkpoint()
    {
        var safe = Files.Where(f => f.Name.StartsWith("model", StringComparison.Ordinal) && f.Name.EndsWith(".safetensors", StringComparison.Ordinal)).ToList();
        var weights = safe.Count > 0 ? safe
            : [.. Files.Where(f => f.Name.StartsWith("pytorch_model", StringComparison.Ordinal) && f.Name.EndsWith(".bin", StringComparison.Ordinal))];
        return [.. Files.Where(f => IsText(f.Name) && !(safe.Count > 0 && f.Name == "pytorch_model.bin.index.json")), .. weights];
    }

    public static bool IsPickled(IEnumerable<HubFile> files) => files.Any(f => f.Name.EndsWith(".bin", StringComparison.Ordinal));

    private static bool IsText(string name) => Path.GetExtension(name) is ".json" or ".txt" or ".jinja" or ".model" or ".md"
        || name is "LICENSE" or "LICENCE" or "NOTICE";

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Size(JsonElement element) =>
        element.TryGetProperty("size", out var size) && size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out var bytes) && bytes >= 0 ? bytes : null;
}
