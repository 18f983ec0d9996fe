using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Npgsql;

namespace Moss.Trainer.Bench;

/// <summary>What a figure depends on besides the program: without it a number says nothing.</summary>
internal static class Conditions
{
    public static async Task<object> ReadAsync(string connectionString, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellation);
        return new
        {
            bench = "conditions",
            at = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            cores = Environment.ProcessorCount,
            cpu = CpuModel(),
            memory_bytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            load_average = LoadAverage(),
            system = RuntimeInformation.OSDescription,
            runtime = RuntimeInformation.FrameworkDescription,
            moss = Version(typeof(Conditions)),
            torchsharp = Version(typeof(TorchSharp.torch)),
            postgresql = connection.PostgreSqlVersion.ToString(),
            fsync = await SettingAsync(connection, "fsync", cancellation),
            synchronous_commit = await SettingAsync(connection, "synchronous_commit", cancellation),
        };
    }

    /// <summary>Processes that run or wait for a core, over 1, 5 and 15 minutes; above the number of cores a time is too long. Null where the system does not say.</summary>
    public static double[]? LoadAverage() => File.Exists("/proc/loadavg")
        ? [.. File.ReadAllText("/proc/loadavg").Split(' ').Take(3).Select(number => double.Parse(number, CultureInfo.InvariantCulture))]
        : null;

    private static string CpuModel() =>
        File.Exists("/proc/cpuinfo") && File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? line[(line.IndexOf(':') + 1)..].Trim()
            : RuntimeInformation.ProcessArchitecture.ToString();

    private static string? Version(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? type.Assembly.GetName().Version?.ToString();

    private static async Task<string?> SettingAsync(NpgsqlConnection connection, string name, CancellationToken cancellation)
    {
        await using var ask = new NpgsqlCommand("SELECT current_setting($1)", connection) { Parameters = { new() { Value = name } } };
        return (string?)await ask.ExecuteScalarAsync(cancellation);
    }
}
