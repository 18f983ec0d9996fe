namespace Moss.Annotate.Features.Shared;

/// <summary>Names the word list that several features share.</summary>
public sealed class SharedWords;
