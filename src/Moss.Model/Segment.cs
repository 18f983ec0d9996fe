namespace Moss.Model;

/// <summary>The tokens of one sequence within a forward pass that reads several, laid end to end without padding.</summary>
/// <param name="Count">Tokens read in this pass.</param>
/// <param name="Cache">The sequence's earlier tokens, extended by the pass; null when these tokens are all there is.</param>
public readonly record struct Segment(int Count, KvCache? Cache = null);
