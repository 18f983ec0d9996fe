namespace Moss.Data.Datasets;

/// <summary>A reason for an example: exactly one of the two.</summary>
internal readonly record struct ExampleSource(Guid? JudgementId, Guid? MessageId);

/// <summary>Where an example goes: its number, its side, and the key of its cluster.</summary>
internal readonly record struct ExamplePlace(int Ordinal, Split Split, string Cluster);

/// <summary>What an example says, as it is stored and hashed.</summary>
internal sealed record FrozenContent(string Json, string Sha256);

/// <summary>Takes an example (content null: more sources of one that was given before).</summary>
internal delegate Task TakeExample(ExamplePlace place, FrozenContent? content, IReadOnlyList<ExampleSource> sources, CancellationToken cancellation);

/// <summary>Numbers the examples as they come; what says the same as an earlier one becomes more sources of that one. What was held out is not learned.</summary>
/// <param name="heldOutBefore">SHA-256 of contents.</param>
internal sealed class ExampleSink(FreezePreview counts, IReadOnlySet<string> heldOutBefore, TakeExample take)
{
    private readonly Dictionary<UInt128, ExamplePlace> known = [];

    /// <summary>How what is learned goes with length.</summary>
    public LengthLink Lengths { get; } = new();

    /// <param name="identity">What makes two examples the same.</param>
    /// <returns>False when it was known, or held out before.</returns>
    public async Task<bool> AddAsync(
        UInt128 identity, Split split, string cluster, IExampleContent content, IReadOnlyList<ExampleSource> sources, CancellationToken cancellation)
    {
        if (known.TryGetValue(identity, out var place))
        {
            counts.Merged++;
            await take(place, null, sources, cancellation);
            return false;
        }
        var json = content.ToJson();
        var frozen = new FrozenContent(json, CanonicalContent.Sha256(json));
        if (split == Split.Train && heldOutBefore.Contains(frozen.Sha256))
        {
            counts.LeftOutOfEval++;
            return false;
        }
        known[identity] = place = new(known.Count, split, cluster);
        if (split == Split.Train) counts.Train++;
        else counts.Eval++;
        Lengths.Add(split, content);
        await take(place, frozen, sources, cancellation);
        return true;
    }
}
