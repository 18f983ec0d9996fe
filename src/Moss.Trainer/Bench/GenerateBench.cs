using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Generation;
using Moss.Model.Text;

namespace Moss.Trainer.Bench;

/// <summary>How fast one reply after the other is generated in this process: the whole path, sampling and decoding included.</summary>
internal sealed class GenerateBench(string folder, int threads, int tokens)
{
    private const int WarmUpReplies = 3;

    private static readonly string[] Questions =
    [
        "Who directed The Matrix?", "What is two plus two?", "地球绕太阳一圈要多久？",
        "What is the capital of France?", "水在多少度沸腾？", "Tell me about the seasons.",
    ];

    private sealed record Reply(int PromptTokens, double FirstMs, int LaterTokens, double LaterMs);

    public object Run()
    {
        TorchRuntime.SetThreads(threads);
        using var checkpoint = LoadedCheckpoint.Load(folder);
        foreach (var i in Enumerable.Range(0, WarmUpReplies)) Time(checkpoint, i);
        List<Reply> replies = [];
        while (replies.Sum(r => r.LaterTokens) < tokens) replies.Add(Time(checkpoint, replies.Count));
        var first = replies.Select(r => r.FirstMs).Order().ToList();
        return new
        {
            bench = "generate",
            model = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)),
            parameters = checkpoint.Config.ParameterCount,
            cores = Environment.ProcessorCount,
            threads,
            batch = 1,
            precision = "fp32",
            replies = replies.Count,
            tokens = replies.Sum(r => r.LaterTokens + 1),
            tokens_per_second = Math.Round(replies.Sum(r => r.LaterTokens) / replies.Sum(r => r.LaterMs) * 1_000, 1),
            prompt_tokens_per_second = Math.Round(replies.Sum(r => r.PromptTokens) / replies.Sum(r => r.FirstMs) * 1_000, 1),
            first_token_ms = Math.Round(first[first.Count / 2], 2),
            peak_rss_bytes = System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64,
        };
    }

    private static Reply Time(LoadedCheckpoint checkpoint, int number)
    {
        var clock = TimeProvider.System;
        var prompt = checkpoint.ChatTemplate.Render([new ChatTurn(ChatTurn.User, Questions[number % Questions.Length])], generationPrompt: true).Tokens;
        using var generation = new Generation(checkpoint, prompt, new SamplingOptions { Seed = number, MaxNewTokens = 64 });
        var started = clock.GetTimestamp();
        var more = generation.Step(out _);
        var first = clock.GetElapsedTime(started).TotalMilliseconds;
        while (more) more = generation.Step(out _);
        return new(prompt.Length, first, generation.CompletionTokens - 1, clock.GetElapsedTime(started).TotalMilliseconds - first);
    }
}
