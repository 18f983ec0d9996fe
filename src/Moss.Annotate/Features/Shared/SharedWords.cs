namespace Moss.Annotate.Features.Shared;

/// <summary>Names the word list of the parts that several pages use.</summary>
public sealed class SharedWords;
