using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Moss.Data.Datasets;

/// <summary>
/// Which beginnings are held out when nothing like them was said before (<see cref="Sides.SplitClusters"/>): decided by their
/// words, so that it is the same in any version.
/// </summary>
public static class SplitRule
{
    /// <summary>Goes into every hash. The number has no meaning; with this one, what newcomers ask first is among the samples that the starter learns.</summary>
    public const string Salt = "held-out/333:";

    /// <summary>True when a conversation that a person begins with this text is kept for evaluation. EvalShare is 0 to 1.</summary>
    public static bool IsHeldOut(string firstHumanText, double evalShare)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(Salt + Normalise(firstHumanText)));
        return BinaryPrimitives.ReadUInt64BigEndian(hash) / (double)ulong.MaxValue < evalShare;
    }

    /// <summary>Two texts that normalise alike count as the same: compatibility forms, case and white space do not matter.</summary>
    public static string Normalise(string text)
    {
        var folded = text.Normalize(NormalizationForm.FormKC).ToUpperInvariant().ToLowerInvariant();
        return string.Join(' ', folded.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
