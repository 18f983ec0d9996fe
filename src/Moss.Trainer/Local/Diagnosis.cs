using System.Globalization;
using System.Net;

namespace Moss.Trainer.Local;

/// <summary>One thing that this machine has or lacks.</summary>
/// <param name="Necessary">Whether `./moss up` cannot do without it.</param>
/// <param name="Get">The command that gets it, when it is missing.</param>
internal sealed record Finding(string Check, bool Ok, bool Necessary, string Says, string? Get = null);

/// <summary>What `doctor` looks at.</summary>
internal sealed class Diagnosis(Installation installation)
{
    private const long LeastDisk = 5_000_000_000; // packages and build output 2 GB; the rest is checkpoints and the database

    public async IAsyncEnumerable<Finding> FindAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return await SdkAsync(cancellation);
        yield return ToolRun.Find("bash") is { } bash ? new("bash", true, true, bash) : new("bash", false, true, "not in PATH", Package("bash"));
        yield return await PostgresAsync(cancellation);
        yield return Disk();
        foreach (var port in Ports()) yield return port;
        yield return await VersionAsync("git", ["git", "--version"], Package("git"), cancellation);
        yield return await VersionAsync("Chromium (browser tests)", [ToolRun.Find("chromium") ?? "/usr/bin/chromium", "--version"], Package("chromium"), cancellation);
        yield return await FontsAsync(cancellation);
        yield return await GpuAsync(cancellation);
        yield return Locale();
    }

    private static async Task<Finding> SdkAsync(CancellationToken cancellation)
    {
        const string get = "https://dotnet.microsoft.com/download/dotnet/10.0";
        if (ToolRun.Find("dotnet") is not { } dotnet) return new(".NET SDK", false, true, "dotnet is not in PATH", get);
        var run = await ToolRun.OfAsync([dotnet, "--version"], cancellation);
        return run.ExitCode == 0 && int.TryParse(run.Output.Split('.')[0], CultureInfo.InvariantCulture, out var major) && major >= 10
            ? new(".NET SDK", true, true, run.Output)
            : new(".NET SDK", false, true, $"10 or newer is needed; dotnet --version says {run.Output}", get);
    }

    private async Task<Finding> PostgresAsync(CancellationToken cancellation)
    {
        const string check = "PostgreSQL";
        try
        {
            if (MossDatabase.Given is not null) return new(check, true, true, $"{Installation.DatabaseVariable} names a server");
        }
        catch (InvalidOperationException e)
        {
            return new(check, false, true, e.Message, $"unset {Installation.DatabaseVariable}, or correct it");
        }
        var made = new ClusterFolder(installation.ClusterFolder).Major;
        if (await PostgresBinaries.FindAsync(installation.UnpackedPostgres, made, cancellation) is { } found)
            return new(check, true, true, $"{found.Major} in {found.Folder}");
        return new(check, false, true,
            made is null ? $"{PostgresBinaries.OldestMajor} or newer is not installed; ./moss up gets it" : $"the cluster was made by version {made}, which is not installed",
            Package(made is null ? "postgresql" : $"postgresql-{made}", "postgresql@17"));
    }

    private Finding Disk()
    {
        var free = new DriveInfo(installation.Home).AvailableFreeSpace;
        var says = string.Create(CultureInfo.InvariantCulture, $"{free / 1e9:F0} GB free at {installation.Home}");
        return free >= LeastDisk ? new("disk", true, true, says) : new("disk", false, true, says + $"; {LeastDisk / 1_000_000_000} GB are needed", "free some space");
    }

    private IEnumerable<Finding> Ports()
    {
        var running = new RunningInstallation(installation).Process();
        foreach (var (name, address, variable) in ((string, Uri, string)[])[
            ("portal", installation.Portal, Installation.PortalVariable),
            ("serve", installation.Serve, Installation.ServeVariable),
            ("work", installation.Work, Installation.WorkVariable)])
        {
            if (!address.IsLoopback) continue;
            var check = $"port {address.Port} ({name})";
            yield return running is not null ? new(check, true, true, $"MOSS runs (process {running})")
                : ClusterFolder.IsFree(IPAddress.Loopback, address.Port) ? new(check, true, true, "free")
                : new(check, false, true, "in use by another program", $"{variable}=http://{address.Host}:{ClusterFolder.FreePort()} ./moss up");
        }
    }

    private static async Task<Finding> VersionAsync(string check, IReadOnlyList<string> command, string? get, CancellationToken cancellation)
    {
        if (ToolRun.Find(command[0]) is null && !File.Exists(command[0])) return new(check, false, false, "not installed", get);
        var run = await ToolRun.OfAsync(command, cancellation);
        return new(check, run.ExitCode == 0, false, run.Output.Split('\n')[0], run.ExitCode == 0 ? null : get);
    }

    private static async Task<Finding> FontsAsync(CancellationToken cancellation)
    {
        const string check = "Chinese font (screenshots)";
        if (ToolRun.Find("fc-list") is not { } list) return new(check, false, false, "fc-list is not installed", Package("fontconfig fonts-noto-cjk", "fontconfig"));
        var fonts = (await ToolRun.OfAsync([list, ":lang=zh", "family"], cancellation)).Output;
        return fonts.Length > 0 ? new(check, true, false, fonts.Split('\n')[0]) : new(check, false, false, "none", Package("fonts-noto-cjk", "font-noto-sans-cjk"));
    }

    private static async Task<Finding> GpuAsync(CancellationToken cancellation)
    {
        const string check = "GPU (large models)";
        if (ToolRun.Find("nvidia-smi") is not { } smi)
            return new(check, false, false, "no NVIDIA driver; small models train on the CPU", "a driver from https://www.nvidia.com/drivers, then dotnet build -p:MossCuda=true");
        var run = await ToolRun.OfAsync([smi, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"], cancellation);
        return new(check, run.ExitCode == 0, false, run.Output.ReplaceLineEndings("; "));
    }

    private static Finding Locale()
    {
        var locale = ((string[])["LC_ALL", "LC_CTYPE", "LANG"]).Select(Environment.GetEnvironmentVariable).FirstOrDefault(value => !string.IsNullOrEmpty(value)) ?? "C";
        return locale.Replace("-", "", StringComparison.Ordinal).EndsWith("utf8", StringComparison.OrdinalIgnoreCase)
            ? new("locale", true, false, locale)
            : new("locale", false, false, $"'{locale}' is not UTF-8: Chinese in the terminal may not show", "export LANG=C.UTF-8");
    }

    private static string Package(string apt, string? brew = null) =>
        ToolRun.Find("apt-get") is not null ? $"{(Environment.IsPrivilegedProcess ? "" : "sudo ")}apt-get install {apt}"
        : ToolRun.Find("brew") is not null ? $"brew install {brew ?? apt}"
        : $"install '{apt}' by your system's package manager";
}
