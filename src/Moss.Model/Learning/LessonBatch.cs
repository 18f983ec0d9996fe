using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>The lessons that one forward pass reads: packed longest first for the network, a lesson's documents side by side for the objective.</summary>
internal sealed class LessonBatch
{
    /// <param name="packed">Cut from all documents of the step, a lesson's documents together.</param>
    /// <param name="step">The lessons of the step, in order.</param>
    public LessonBatch(PackedBatch packed, IReadOnlyList<Lesson> step, int documentsPerLesson, Device device)
    {
        Packed = packed;
        Read = packed.Tensors(device);
        int[] places = [.. packed.Places.Order()];
        var rank = places.Index().ToDictionary(p => p.Item, p => (long)p.Index);
        var ordered = packed.Places.Select(p => rank[p]).ToArray(); // packed document → place among this batch's documents
        Owners = tensor(ordered, int64, device).index_select(0, Read.Owners);
        var inOrder = new long[ordered.Length];
        for (var i = 0; i < ordered.Length; i++) inOrder[ordered[i]] = i;
        InOrder = tensor(inOrder, int64, device);
        Known = LessonTensors.Of([.. places.Where((_, i) => i % documentsPerLesson == 0).Select(p => step[p / documentsPerLesson])], device);
    }

    public PackedBatch Packed { get; }
    public PackedTensors Read { get; }
    public LessonTensors Known { get; }

    /// <summary>(R) which document, in lesson order, each learned token belongs to.</summary>
    public Tensor Owners { get; }

    /// <summary>(documents) where each document, in lesson order, stands among the packed ones.</summary>
    public Tensor InOrder { get; }

    public int DocumentCount => Packed.Documents.Count;

    /// <param name="logProbs">(R).</param>
    /// <returns>(documents) in lesson order.</returns>
    public Tensor Sums(Tensor logProbs) => Measuring.Sums(logProbs, Owners, DocumentCount);
}
