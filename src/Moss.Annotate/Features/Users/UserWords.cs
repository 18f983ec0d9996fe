namespace Moss.Annotate.Features.Users;

/// <summary>Names the word list of the page of people.</summary>
public sealed class UserWords;
