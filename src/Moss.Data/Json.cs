using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Moss.Data;

internal static class Json
{
    /// <summary>How settings, rules and details are written: snake_case, no escapes that are not needed, unknown keys refused.</summary>
    public static readonly JsonSerializerOptions SnakeCase = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        AllowDuplicateProperties = false,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Reads an object whose keys must be known; a wrong one becomes a sentence that names it and the known ones.</summary>
    public static T Parse<T>(string json, string what)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, SnakeCase) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            var known = string.Join(", ", typeof(T).GetProperties().Where(p => p.CanWrite)
                .Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name)).Order(StringComparer.Ordinal));
            var at = e.Path is { Length: > 2 } path ? $" at \"{path[2..]}\"" : "";
            throw new MossInputException($"{what} cannot be read{at}: {e.Message.Split(". Path:")[0].TrimEnd('.')}. It is a JSON object with the keys {known}.", e);
        }
    }
}
