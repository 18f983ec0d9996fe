using System.Globalization;
using Moss.Data.Training;

namespace Moss.Trainer.Cli;

/// <summary>A plan in words, for the command line.</summary>
internal static class PlanWords
{
    public static string Of(PlanResult p, string version, string from)
    {
        var lines = new List<FormattableString>
        {
            $"{p.Recipe} on {version}, starting from {from} ({p.Parameters:N0} parameters, {(p.LoraRank > 0 ? $"LoRA of rank {p.LoraRank} trains {p.TrainedParameters:N0}" : "all trained")})",
            $"Examples  {p.Examples:N0} to learn, {p.HeldOut:N0} held out, {p.TooLong:N0} left out because they are too long",
            $"Tokens    {p.TokensPerEpoch:N0} per epoch, {p.Tokens:N0} in all, {p.LearnedTokens:N0} of them learned; the longest example has {p.LongestTokens:N0}",
            $"Steps     {p.Steps:N0} of {p.BatchSize:N0} examples, at most {p.MicroBatchTokens:N0} tokens at once{(p.Checkpointing ? "; layers are computed again on the way back, because memory is short" : "")}",
            $"Time      {Time(p.Seconds)} (estimate: {(p.SecondsPerStep is { } step ? FormattableString.Invariant($"{step:G3} s per step on this {p.Device} with {p.Compute} products, measured on slices of the network") : "not measured")})",
            $"Memory    {Size(p.Memory.Total)} at its peak of {Size(p.MemoryLimitBytes)}, {Size(p.MemoryFreeBytes)} free now (estimate)",
            $"          weights {Size(p.Memory.Weights)}, gradients and moments {Size(p.Memory.Learning)}, forward and back {Size(p.Memory.Pass)}, program {Size(p.Memory.Program)}",
            $"Disk      {Size(p.DiskBytes)} of {Size(p.DiskFreeBytes)} free",
        };
        if (!p.FitsMemory) lines.Add($"It does not fit: it needs {Size(p.Memory.Total)} of memory, and there are {Size(p.MemoryLimitBytes)}.");
        if (!p.FitsDisk) lines.Add($"It does not fit: it needs {Size(p.DiskBytes)} on the disk, and {Size(p.DiskFreeBytes)} are free.");
        if (p is { FitsMemory: true } && p.Memory.Total > p.MemoryFreeBytes) lines.Add($"Other programs use the memory it needs: end some of them before it starts.");
        foreach (var o in p.Options)
            lines.Add($"  {(o.Fits ? "fits" : "not enough"),-10} --settings '{o.Settings}': {Size(o.MemoryBytes)} of memory, {Size(o.DiskBytes)} of disk, {Time(o.Seconds)}");
        if (!p.Fits && !p.Options.Any(o => o.Fits)) lines.Add($"Nothing of this helps enough: use a smaller checkpoint or a larger machine.");
        return string.Join('\n', lines.Select(FormattableString.Invariant));
    }

    private static string Size(long bytes) => bytes >= 1e9 ? FormattableString.Invariant($"{bytes / 1e9:F2} GB") : FormattableString.Invariant($"{bytes / 1e6:F0} MB");

    private static string Time(double? seconds) => seconds switch
    {
        null => "unknown",
        < 90 => FormattableString.Invariant($"{seconds:F0} s"),
        < 5_400 => FormattableString.Invariant($"{seconds / 60:F0} min"),
        _ => FormattableString.Invariant($"{seconds / 3600:F1} h"),
    };
}
