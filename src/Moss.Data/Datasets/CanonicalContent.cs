using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Moss.Data.Datasets;

/// <summary>How the contents of examples become bytes.</summary>
internal static class CanonicalContent
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One JSON object without spaces, its keys in the order in which they are written.</summary>
    public static string Write(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>The turns before the reply. Nothing of them is learned, so nothing is said about it.</summary>
    public static void WritePrompt(Utf8JsonWriter json, IReadOnlyList<DatasetMessage> prompt)
    {
        json.WriteStartArray("prompt");
        foreach (var m in prompt)
        {
            json.WriteStartObject();
            json.WriteString("role", m.Role);
            json.WriteString("content", m.Content);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    public static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
