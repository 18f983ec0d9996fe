using System.CommandLine;
using System.Text.Json;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

internal static class DoctorVerb
{
    private static readonly JsonSerializerOptions Lines = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "One JSON object per line." };
        return new Command("doctor", "Say what this machine has and lacks, and how to get what is missing.") { json }
            .Does((parsed, cancellation) => RunAsync(parsed.GetValue(json), cancellation));
    }

    private static async Task<int> RunAsync(bool json, CancellationToken cancellation)
    {
        var lacking = new List<string>();
        await foreach (var finding in new Diagnosis(Installation.FromEnvironment()).FindAsync(cancellation))
        {
            if (finding is { Ok: false, Necessary: true }) lacking.Add(finding.Check);
            if (json)
            {
                Console.WriteLine(JsonSerializer.Serialize(finding, Lines));
                continue;
            }
            var state = finding.Ok ? "ok" : finding.Necessary ? "MISSING" : "missing";
            Console.WriteLine($"{state,-8} {finding.Check,-27} {finding.Says}");
            if (finding is { Ok: false, Get: { } get }) Console.WriteLine($"{"",-36} get it: {get}");
        }
        if (lacking.Count == 0) return 0;
        await Console.Error.WriteLineAsync($"./moss up needs: {string.Join(", ", lacking)}.");
        return 1;
    }
}
