using Moss.Data.Conversations;

namespace Moss.Annotate.Features.Conversations.Talking;

/// <summary>A conversation's messages as a tree, and the one path through it that is on screen.</summary>
public sealed class ConversationTree
{
    private readonly Dictionary<Guid, Message> _messages;
    private readonly ILookup<Guid?, Message> _children;
    private readonly Dictionary<Guid, Guid> _chosen; // parent (Empty for the root) → the child that is shown

    /// <summary>Choices made on an earlier state of the tree carry over.</summary>
    public ConversationTree(IReadOnlyList<Message> messages, ConversationTree? earlier = null)
    {
        _messages = messages.ToDictionary(m => m.Id);
        _children = messages.ToLookup(m => m.ParentId);
        _chosen = earlier?._chosen ?? [];
        Path = Walk();
    }

    /// <summary>From the root to a leaf, as chosen.</summary>
    public IReadOnlyList<Message> Path { get; private set; }

    public IEnumerable<Message> All => _messages.Values;

    public Message? Find(Guid id) => _messages.GetValueOrDefault(id);

    /// <summary>The alternatives at this message's place, itself included, oldest first.</summary>
    public IReadOnlyList<Message> Siblings(Message message) => [.. _children[message.ParentId]];

    /// <summary>The path from the root to this message.</summary>
    public IReadOnlyList<Message> PathTo(Guid id)
    {
        var path = new List<Message>();
        for (var at = Find(id); at is not null; at = at.ParentId is { } up ? Find(up) : null) path.Add(at);
        path.Reverse();
        return path;
    }

    /// <summary>Shows the path that leads through this message.</summary>
    public void Show(Guid id)
    {
        foreach (var message in PathTo(id)) _chosen[message.ParentId ?? Guid.Empty] = message.Id;
        Path = Walk();
    }

    private List<Message> Walk()
    {
        var path = new List<Message>();
        for (Guid? parent = null; Next(parent) is { } next && path.Count <= _messages.Count; parent = next.Id) path.Add(next);
        return path;
    }

    // What was chosen; else the newest live alternative; else, of an import's ranked ones, the best.
    private Message? Next(Guid? parent)
    {
        if (_chosen.TryGetValue(parent ?? Guid.Empty, out var id) && Find(id) is { } chosen) return chosen;
        return _children[parent].LastOrDefault(m => m.SourceRank is null && (m.Generation is not null || m.AuthorId is not null))
            ?? _children[parent].MinBy(m => m.SourceRank ?? int.MaxValue);
    }
}
