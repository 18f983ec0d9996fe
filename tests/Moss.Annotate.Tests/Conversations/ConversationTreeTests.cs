using Moss.Annotate.Features.Conversations.Talking;
using Moss.Data.Conversations;

namespace Moss.Annotate.Tests.Conversations;

public sealed class ConversationTreeTests
{
    private readonly Guid _conversation = Guid.CreateVersion7();

    [Fact]
    public void The_newest_reply_is_shown_until_another_is_chosen_and_the_choice_outlives_a_reload()
    {
        var question = Say(null, Role.Human);
        Message[] all = [question, Say(question, Role.Moss), Say(question, Role.Moss)];
        var tree = new ConversationTree(all);
        Assert.Equal(all[2], tree.Path[^1]);

        tree.Show(all[1].Id);
        Assert.Equal(all[1], new ConversationTree(all, tree).Path[^1]);
    }

    [Fact]
    public void Of_an_imports_ranked_alternatives_the_best_is_shown()
    {
        var question = Say(null, Role.Human);
        Message[] all = [question, Say(question, Role.Moss, rank: 1, author: false), Say(question, Role.Moss, rank: 0, author: false)];
        Assert.Equal(all[2], new ConversationTree(all).Path[^1]);
    }

    [Fact]
    public void The_path_to_a_message_starts_at_the_root()
    {
        var system = Say(null, Role.System, author: false);
        var question = Say(system, Role.Human);
        var reply = Say(question, Role.Moss);
        Assert.Equal([system, question, reply], new ConversationTree([system, question, reply]).PathTo(reply.Id));
    }

    private Message Say(Message? parent, Role role, int? rank = null, bool author = true) => new()
    {
        ConversationId = _conversation, ParentId = parent?.Id, Role = role, Text = "x", SourceRank = rank,
        AuthorId = author ? Guid.CreateVersion7() : null, CreatedAt = TimeProvider.System.GetUtcNow(),
    };
}
