namespace Moss.Annotate.Features.Training;

/// <summary>Names the word list of the training pages.</summary>
public sealed class TrainingWords;
