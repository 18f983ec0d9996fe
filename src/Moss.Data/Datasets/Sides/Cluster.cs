namespace Moss.Data.Datasets.Sides;

/// <summary>Conversations that begin alike; they are learned or held out together.</summary>
/// <param name="Key">Of the earliest beginning, hex; the same in every version.</param>
/// <param name="Side">Null: it stands between one that is learned and one that is held out, so it can be neither.</param>
/// <param name="Touches">Keys of the clusters that its beginning is alike to; its own key at least.</param>
internal sealed record Cluster(string Key, Split? Side, IReadOnlyList<string> Touches);
