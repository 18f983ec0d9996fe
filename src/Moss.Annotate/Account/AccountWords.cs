namespace Moss.Annotate.Account;

/// <summary>Names the word list of the account pages.</summary>
public sealed class AccountWords;
