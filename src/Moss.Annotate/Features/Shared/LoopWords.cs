namespace Moss.Annotate.Features.Shared;

/// <summary>Names the word list that the pages of the loop share: training, datasets, checkpoints, deployments, agent runs.</summary>
public sealed class LoopWords;
