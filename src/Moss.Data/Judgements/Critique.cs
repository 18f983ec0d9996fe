namespace Moss.Data.Judgements;

/// <summary>Words about a reply without a score; the words are the comment.</summary>
public sealed class Critique : Judgement;
