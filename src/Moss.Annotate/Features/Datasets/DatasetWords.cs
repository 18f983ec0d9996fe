namespace Moss.Annotate.Features.Datasets;

/// <summary>Names the word list of the dataset versions.</summary>
public sealed class DatasetWords;
