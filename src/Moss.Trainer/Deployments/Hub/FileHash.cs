using System.Security.Cryptography;
using System.Text;

namespace Moss.Trainer.Deployments.Hub;

/// <summary>What a hub says a file's bytes come to: SHA-256 for large files, git's blob hash (SHA-1) for small ones.</summary>
internal sealed record FileHash(string Hex)
{
    private const int Sha1Digits = 40, Sha256Digits = 64;

    /// <returns>Null when the text is no hash, as most servers' ETags are not.</returns>
    public static FileHash? Parse(string? text)
    {
        var hex = text?.Trim().Trim('"').ToLowerInvariant() ?? "";
        return hex.Length is Sha1Digits or Sha256Digits && hex.All(char.IsAsciiHexDigitLower) ? new(hex) : null;
    }

    public async Task<bool> IsOfAsync(string path, CancellationToken cancellation)
    {
        await using var file = File.OpenRead(path);
        if (Hex.Length == Sha256Digits) return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation)) == Hex;
#pragma warning disable CA5350 // git's choice, not ours; the files that matter, weights, come with SHA-256
        using var sha1 = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        sha1.AppendData(Encoding.ASCII.GetBytes($"blob {file.Length}\0"));
        var buffer = new byte[1 << 16];
        for (int read; (read = await file.ReadAsync(buffer, cancellation)) > 0;) sha1.AppendData(buffer.AsSpan(0, read));
        return Convert.ToHexStringLower(sha1.GetHashAndReset()) == Hex;
    }

    public override string ToString() => Hex.Length == Sha256Digits ? $"SHA-256 {Hex}" : $"git hash {Hex}";
}
