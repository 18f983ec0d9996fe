using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Learning;

/// <summary>Whole documents laid end to end for one forward pass, without padding: none sees another, each starts at position 0.</summary>
/// <param name="Places">Where each document stands in the list that was packed.</param>
/// <param name="Documents">Longest first, so that equal lengths are neighbours and share one attention call.</param>
public sealed record PackedBatch(IReadOnlyList<int> Places, IReadOnlyList<TrainingExample> Documents)
{
    public IReadOnlyList<Segment> Segments { get; } = [.. Documents.Select(d => new Segment(d.Tokens.Length))];

    public int TokenCount => Segments.Sum(s => s.Count);

    /// <summary>Best-fit decreasing: each document goes where it leaves the least room. A pure function of the lengths and their order.</summary>
    /// <param name="most">Tokens of a batch; a document (or group) longer than that gets one of its own.</param>
    /// <param name="together">
    /// Documents per group: the first so many, the next so many and so on always share a batch, as the two sides of a comparison must.
    /// </param>
    public static IReadOnlyList<PackedBatch> Cut(IReadOnlyList<TrainingExample> documents, int most, int together = 1)
    {
        if (together < 1 || documents.Count % together != 0)
            throw new ArgumentException($"{documents.Count} documents do not make whole groups of {together}.", nameof(together));
        var (bins, rooms) = (new List<List<int>>(), new List<int>());
        foreach (var group in Enumerable.Range(0, documents.Count / together).OrderByDescending(Length)) // a stable sort
        {
            var (length, best) = (Length(group), -1);
            for (var i = 0; i < bins.Count; i++)
                if (rooms[i] >= length && (best < 0 || rooms[i] < rooms[best])) best = i;
            if (best < 0)
            {
                best = bins.Count;
                bins.Add([]);
                rooms.Add(most);
            }
            bins[best].Add(group);
            rooms[best] -= length;
        }
        return [.. bins.Select(Packed)];

        int Length(int group) => Enumerable.Range(group * together, together).Sum(i => documents[i].Tokens.Length);

        PackedBatch Packed(List<int> groups)
        {
            int[] places = [.. groups.SelectMany(g => Enumerable.Range(g * together, together)).OrderByDescending(i => documents[i].Tokens.Length)];
            return new(places, [.. places.Select(i => documents[i])]);
        }
    }

    /// <returns>What the network and the objective read, owned by the caller's scope.</returns>
    public PackedTensors Tensors(Device device)
    {
        var (ids, learned, targets, owners) = (new List<long>(TokenCount), new List<long>(), new List<long>(), new List<long>());
        for (var document = 0; document < Documents.Count; document++)
        {
            var wanted = Documents[document].Targets();
            for (var i = 0; i < wanted.Length; i++)
            {
                if (wanted[i] != TrainingExample.Ignored)
                {
                    learned.Add(ids.Count);
                    targets.Add(wanted[i]);
                    owners.Add(document);
                }
                ids.Add(Documents[document].Tokens[i]);
            }
        }
        return new(On(ids), On(learned), On(targets), On(owners));

        Tensor On(List<long> values) => tensor(values.ToArray(), int64, device);
    }
}

/// <summary>A packed batch on its device; all int64.</summary>
/// <param name="Ids">(N) tokens of all documents, end to end.</param>
/// <param name="Learned">(R) places among them whose next token is to be learned.</param>
/// <param name="Targets">(R) those next tokens.</param>
/// <param name="Owners">(R) which of <see cref="PackedBatch.Documents"/> each belongs to.</param>
public sealed record PackedTensors(Tensor Ids, Tensor Learned, Tensor Targets, Tensor Owners);
