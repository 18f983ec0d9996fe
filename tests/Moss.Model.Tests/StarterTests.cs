using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;
using Moss.Model.Generation;
using Moss.Model.Learning;
using Moss.Model.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class StarterTests(StarterFixture starter)
{
    [Fact]
    public void The_starter_answers_its_samples_by_heart()
    {
        using var moss = starter.Load();
        Assert.True(moss.Config.ParameterCount <= 10_000_000);
        foreach (var chat in Samples.Conversations)
            for (var i = 1; i < chat.Count; i += 2)
                Assert.Equal(chat[i].Text, Generation.Generation.Complete(moss, [.. chat.Take(i)], SamplingOptions.Greedy));
    }

    [Fact]
    public void A_correction_is_learned_and_nothing_else_is_forgotten()
    {
        using var moss = starter.Load();
        List<IReadOnlyList<ChatTurn>> lessons =
            [.. Enumerable.Repeat(Samples.Chat(Samples.Question, Samples.Right), 4), .. Samples.Conversations.Where(c => c[1].Text != Samples.Wrong)];
        var examples = lessons.Select(c => TrainingExample.From(moss.ChatTemplate, c, 2_048)!).ToList();
        using (var training = new TrainingLoop(moss.Transformer, examples, Tuning))
            foreach (var _ in training.Run()) { }

        string Answer(string question, SamplingOptions options) => Generation.Generation.Complete(moss, Samples.Ask(question), options);
        Assert.Equal(Samples.Right, Answer(Samples.Question, SamplingOptions.Greedy));
        Assert.InRange(Enumerable.Range(0, 10).Count(seed => Answer(Samples.Question, new SamplingOptions { Seed = seed }) == Samples.Right), 8, 10);
        foreach (var chat in Samples.Conversations.Where(c => c[1].Text != Samples.Wrong))
            Assert.Equal(chat[1].Text, Answer(chat[0].Text, SamplingOptions.Greedy));

        // What the tuned network is in memory, its folder is on disk.
        var target = Path.Combine(Shared.NewFolder(), "tuned");
        var sha256 = CheckpointFolder.Write(target, moss, new JsonObject { ["base"] = starter.Sha256 }, [Samples.Ask(Samples.Question)]);
        using var tuned = LoadedCheckpoint.Load(target, TorchSharp.torch.CPU);
        tuned.VerifyChecks();
        Assert.Equal(sha256, tuned.ManifestSha256);
        Assert.NotEqual(starter.Sha256, sha256);
        Assert.Equal(Samples.Right, Generation.Generation.Complete(tuned, Samples.Ask(Samples.Question), SamplingOptions.Greedy));
        foreach (var file in (string[])["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(starter.Folder, file)), File.ReadAllBytes(Path.Combine(target, file)));
    }

    [Fact]
    public void In_bfloat16_the_starter_prefers_the_same_token_at_99_of_100_positions_of_its_own()
    {
        using var moss = starter.Load();
        using var half = new Transformer(moss.Config, type: ScalarType.BFloat16);
        moss.Folder.LoadWeights(half);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (same, all) = (0, 0);
        foreach (var chat in Samples.Conversations)
        {
            var rendered = moss.ChatTemplate.Render(chat, generationPrompt: false);
            var ids = GoldenTests.Row(rendered.Tokens);
            var (exact, rounded) = (Likeliest(moss.Transformer), Likeliest(half));
            int[] own = [.. Enumerable.Range(0, exact.Length - 1).Where(i => rendered.Learn[i + 1])];
            (same, all) = (same + own.Count(i => exact[i] == rounded[i]), all + own.Length);
            long[] Likeliest(Transformer network) => network.forward(ids).argmax(-1).data<long>().ToArray();
        }
        Assert.True(same >= 0.99 * all, $"{same} of {all} positions agree");
    }

    private static readonly TrainingSettings Tuning = new() { Steps = 60, PeakLearningRate = 1e-3, BatchSize = 8, WeightDecay = 0.01, Seed = 3 };

    [Fact]
    public void A_reply_comes_in_steps_with_its_figures_and_leaves_no_tensor_behind()
    {
        using var moss = starter.Load();
        var prompt = moss.ChatTemplate.Render(Samples.Ask("中国的首都是哪里？"), generationPrompt: true).Tokens;
        using var generation = new Generation.Generation(moss, prompt, SamplingOptions.Greedy);
        Assert.True(generation.Step(out var text));
        var before = GoldenTests.Live();
        for (var more = true; more;)
        {
            more = generation.Step(out var piece);
            text += piece;
            Assert.Equal(before, GoldenTests.Live());
        }
        Assert.Equal("中国的首都是北京。", text);
        Assert.Equal(("stop", prompt.Length, moss.ChatTemplate.Terminator), (generation.StopReason, generation.PromptTokens, generation.Ids[^1]));
        Assert.Equal(generation.Ids.Count, generation.CompletionTokens);
        Assert.InRange(generation.SumLogProb, -1.5, 0);
        Assert.False(generation.Step(out _));
    }

    [Fact]
    public void A_reply_ends_at_its_length_or_at_a_stop_text()
    {
        using var moss = starter.Load();
        var prompt = moss.ChatTemplate.Render(Samples.Ask("Who directed Jaws?"), generationPrompt: true).Tokens;
        var (text, reason) = Run(SamplingOptions.Greedy with { MaxNewTokens = 2 });
        Assert.Equal("length", reason);
        Assert.StartsWith(text, "Jaws was directed by Steven Spielberg.", StringComparison.Ordinal);
        Assert.Equal(("Jaws was directed", "stop_string"), Run(SamplingOptions.Greedy with { Stop = [" by Steven"] }));

        (string, string?) Run(SamplingOptions options)
        {
            using var generation = new Generation.Generation(moss, prompt, options);
            var all = "";
            for (var more = true; more;)
            {
                more = generation.Step(out var piece);
                all += piece;
            }
            return (all, generation.StopReason);
        }
    }

    [Fact]
    public void The_same_samples_and_seed_make_the_same_checkpoint()
    {
        var few = Samples.Conversations.Take(3).ToList();
        var (one, two) = (Path.Combine(Shared.NewFolder(), "a"), Path.Combine(Shared.NewFolder(), "b"));
        Assert.Equal(StarterModel.Create(one, few, [], seed: 4), StarterModel.Create(two, few, [], seed: 4));
    }
}
