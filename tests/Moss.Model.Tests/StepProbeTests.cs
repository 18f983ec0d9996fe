using Moss.Model.Learning;
using Moss.Model.Native;
using TorchSharp;

namespace Moss.Model.Tests;

/// <summary>Tests that look at the whole process run when no other does.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class Alone;

[Collection("alone")]
public class StepProbeTests
{
    private static readonly ModelConfig Shape = new()
    {
        Family = "llama", VocabSize = 6_000, HiddenSize = 256, IntermediateSize = 704, LayerCount = 7, HeadCount = 8, KeyValueHeadCount = 4, HeadDim = 32,
        NormEpsilon = 1e-5, TiedEmbeddings = true, ContextLength = 512,
    };

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public void Slices_foretell_the_bytes_of_a_whole_step(int rank)
    {
        if (LiveMemory.Bytes() is null) Assert.Skip("This C library keeps no books of its memory.");
        var cost = StepProbe.Measure(new(Shape, torch.ScalarType.Float32, torch.ScalarType.Float32, rank, Checkpointing: false), span: 150);
        var foretold = cost.PassBytes(Shape, tokens: 1_200, rows: 1_100);

        var measured = Measured(rank);

        Assert.InRange(foretold / (double)measured, 0.88, 1.12);
    }

    [Fact]
    public void A_workload_counts_what_the_loop_reads()
    {
        List<Lesson> lessons = [.. Enumerable.Range(0, 11).Select(i => Lesson(20 + 7 * i, learned: 3 + i))];
        var settings = new TrainingSettings { Epochs = 2, BatchSize = 4, MicroBatchTokens = 130, Seed = 3 };
        using var model = new Transformer(Shape with { LayerCount = 1, HiddenSize = 32, IntermediateSize = 32, HeadCount = 1, KeyValueHeadCount = 1 });
        RandomWeights.Fill(model, 1);
        using var loop = new TrainingLoop(model, lessons, new CrossEntropy(), settings);

        var steps = loop.Run().ToList();
        var workload = Workload.Of(lessons, settings, documentsPerLesson: 1);

        Assert.Equal((steps.Count, steps.Sum(s => s.Tokens), steps.Sum(s => s.LearnedTokens)), (workload.Steps, workload.Tokens, workload.LearnedTokens));
        Assert.InRange(workload.BatchTokens, lessons.Max(l => l.Documents[0].Tokens.Length), settings.MicroBatchTokens);
    }

    private static long Measured(int rank)
    {
        using var model = new Transformer(Shape);
        RandomWeights.Fill(model, 1);
        using var adapter = rank == 0 ? null : Adapters.LoraAdapter.Create(model, new() { Rank = rank }, 1);
        List<Lesson> lessons = [.. Enumerable.Range(0, 8).Select(_ => Lesson(150, learned: 137))];
        using var loop = new TrainingLoop(model, lessons, new CrossEntropy(), new() { Epochs = 9, BatchSize = 8, MicroBatchTokens = 1_200 }, adapter);
        using var steps = loop.Run().GetEnumerator();
        steps.MoveNext(); // gradients and moments are there from now on
        return Enumerable.Range(0, 5).Max(_ => LiveMemory.PeakOf(() => steps.MoveNext())); // on a busy machine a short peak can pass unseen
    }

    private static Lesson Lesson(int length, int learned) => new(new TrainingExample(
        [.. Enumerable.Range(0, length).Select(i => i * 37 % 5_000)], [.. Enumerable.Range(0, length).Select(i => i >= length - learned)]));
}
