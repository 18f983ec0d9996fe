using Moss.Data.Conversations;

namespace Moss.Data.Interchange;

/// <summary>A message as a file gave it; the MOSS parts are whole segments, word for word.</summary>
internal sealed record ImportedMessage(Guid? ParentId, Role Role, string Text)
{
    public Guid Id { get; } = Guid.CreateVersion7();
    public string? Thoughts { get; init; }
    public string? Commands { get; init; }
    public string? Results { get; init; }
    public int? SourceRank { get; init; }
}

/// <summary>Sibling replies of one parent, best first.</summary>
internal sealed record ImportedRanking(Guid ParentId, Guid[] Order);

/// <summary>A conversation as a file gave it, parents before children.</summary>
internal sealed record ImportedConversation(List<ImportedMessage> Messages)
{
    public Guid Id { get; } = Guid.CreateVersion7();
    public string? Language { get; init; }
    public List<ImportedRanking> Rankings { get; init; } = [];

    public string FirstQuestion => Messages.Find(m => m.Role == Role.Human)?.Text ?? "";
}

/// <summary>What is wrong with one line: the field and what was expected there.</summary>
internal sealed class ImportProblem(string field, string problem) : Exception(field.Length == 0 ? problem : $"{field}: {problem}");
