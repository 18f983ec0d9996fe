namespace Moss.Annotate.Features.Checkpoints;

/// <summary>Names the word list of the checkpoint pages.</summary>
public sealed class CheckpointWords;
