using Moss.Data.Conversations;

namespace Moss.Data.Datasets;

/// <summary>A message of a candidate's path, and whether someone found it bad.</summary>
internal sealed record PathMessage(Guid Id, Guid? ParentId, Role Role, string Text, int? SourceRank, bool Bad)
{
    /// <summary>The message as an example names it.</summary>
    public DatasetMessage AsTurn(bool learn = false) => new(Role switch { Role.System => "system", Role.Human => "user", _ => "assistant" }, Text, learn);

    /// <summary>What the person said, in order.</summary>
    public static List<string> Questions(IReadOnlyList<PathMessage> path) => [.. path.Where(m => m.Role == Role.Human).Select(m => m.Text)];

    /// <summary>A system text at most in front, then a person and MOSS in turn.</summary>
    public static bool ArePlain(IReadOnlyList<PathMessage> path)
    {
        var first = path is [{ Role: Role.System }, ..] ? 1 : 0;
        for (var i = first; i < path.Count; i++)
            if (path[i].Role != ((i - first) % 2 == 0 ? Role.Human : Role.Moss)) return false;
        return path.Count > first;
    }
}
