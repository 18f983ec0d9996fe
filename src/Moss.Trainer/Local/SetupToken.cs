using System.Security.Cryptography;

namespace Moss.Trainer.Local;

/// <summary>The one-time token by which the first administrator is made; it stays in a file that only its owner can read.</summary>
internal static class SetupToken
{
    public static string Of(Installation installation)
    {
        var path = Path.Combine(installation.State, "setup-token");
        if (File.Exists(path)) return File.ReadAllText(path).Trim();
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));
        PrivateFile.Write(path, token);
        return token;
    }
}
