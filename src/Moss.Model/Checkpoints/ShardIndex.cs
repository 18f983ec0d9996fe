using System.Text.Json;

namespace Moss.Model.Checkpoints;

/// <summary>model.safetensors.index.json, or its .bin counterpart: which shard holds which tensor.</summary>
internal static class ShardIndex
{
    public static IReadOnlyDictionary<string, string> Read(string path, string extension = ".safetensors")
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var map = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var entry in document.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                var file = entry.Value.GetString();
                if (file is null || !CheckpointFolder.IsPlainName(file) || !file.EndsWith(extension, StringComparison.Ordinal)) throw new InvalidDataException(
                    $"'{path}' places tensor '{entry.Name}' in '{file}'; shards are {extension} files in the same folder.");
                if (!map.TryAdd(entry.Name, file)) throw new InvalidDataException($"'{path}' places tensor '{entry.Name}' twice.");
            }
            return map.Count > 0 ? map : throw new InvalidDataException($"'{path}' places no tensor at all.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException($"'{path}' is not a weight index: {e.Message} Copy it again from the original checkpoint.", e);
        }
    }
}
