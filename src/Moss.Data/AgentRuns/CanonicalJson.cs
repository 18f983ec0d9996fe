using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Moss.Data.AgentRuns;

/// <summary>JSON with keys in ordinal order and no spaces, so that the same content has the same hash. Numbers as in RFC 8785.</summary>
internal static class CanonicalJson
{
    public static string Sha256(object? value) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Write(value))));

    /// <summary>Writes null, bool, long, double, string, lists and string-keyed maps.</summary>
    public static string Write(object? value)
    {
        var json = new StringBuilder();
        Append(json, value);
        return json.ToString();
    }

    private static void Append(StringBuilder json, object? value)
    {
        switch (value)
        {
            case null: json.Append("null"); break;
            case bool b: json.Append(b ? "true" : "false"); break;
            case long or int: json.Append(CultureInfo.InvariantCulture, $"{value}"); break;
            case double d: Append(json, d); break;
            case string s: Append(json, s); break;
            case IReadOnlyDictionary<string, object?> map:
                json.Append('{');
                AppendAll(json, map.OrderBy(p => p.Key, StringComparer.Ordinal), p =>
                {
                    Append(json, p.Key);
                    json.Append(':');
                    Append(json, p.Value);
                });
                json.Append('}');
                break;
            case IEnumerable<object?> list:
                json.Append('[');
                AppendAll(json, list, item => Append(json, item));
                json.Append(']');
                break;
            default: throw new ArgumentException($"{value.GetType()} has no canonical form.", nameof(value));
        }
    }

    private static void AppendAll<T>(StringBuilder json, IEnumerable<T> items, Action<T> append)
    {
        var first = true;
        foreach (var item in items)
        {
            if (!first) json.Append(',');
            first = false;
            append(item);
        }
    }

    private static void Append(StringBuilder json, double number)
    {
        if (Math.Abs(number) < 1L << 53 && double.IsInteger(number)) json.Append(CultureInfo.InvariantCulture, $"{(long)number}");
        else json.Append(number.ToString("R", CultureInfo.InvariantCulture).Replace("E", "e", StringComparison.Ordinal));
    }

    private static void Append(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (var c in text)
        {
            json = c switch
            {
                '"' => json.Append("\\\""),
                '\\' => json.Append("\\\\"),
                '\n' => json.Append("\\n"),
                '\r' => json.Append("\\r"),
                '\t' => json.Append("\\t"),
                '\b' => json.Append("\\b"),
                '\f' => json.Append("\\f"),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }
        json.Append('"');
    }
}
