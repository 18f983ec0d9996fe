namespace Moss.Model.Generation;

/// <summary>A token of a reply with its log-probability under the model itself, nats, and those of the likeliest at its place, likeliest first.</summary>
public sealed record ChosenToken(int Id, double LogProb, IReadOnlyList<(int Id, double LogProb)> Likeliest);
