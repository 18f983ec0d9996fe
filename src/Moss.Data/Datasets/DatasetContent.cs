using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Moss.Data.Datasets;

/// <summary>One turn of an example: role "system", "user" or "assistant", and whether its words are learned.</summary>
public sealed record DatasetMessage(string Role, string Content, bool Learn);

/// <summary>What an example says: a conversation path, the reply that was corrected if there is one, and how often it is seen per epoch.</summary>
public sealed record DatasetContent(IReadOnlyList<DatasetMessage> Messages, string? Rejected = null, int Repeat = 1)
{
    private static readonly JsonWriterOptions Canonical = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The one JSON text of this content: fixed key order, no spaces; its bytes are hashed.</summary>
    public string ToJson()
    {
        var bytes = new ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(bytes, Canonical))
        {
            json.WriteStartObject();
            json.WriteStartArray("messages");
            foreach (var m in Messages)
            {
                json.WriteStartObject();
                json.WriteString("role", m.Role);
                json.WriteString("content", m.Content);
                json.WriteBoolean("learn", m.Learn);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            if (Rejected is not null) json.WriteString("rejected", Rejected);
            json.WriteNumber("repeat", Repeat);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    public static DatasetContent Parse(string json) => Json.Parse<DatasetContent>(json, "A dataset example");

    internal static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
