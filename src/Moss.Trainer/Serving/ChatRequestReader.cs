using Moss.Model.Generation;

namespace Moss.Trainer.Serving;

/// <summary>Turns the body of a chat request into a <see cref="ReplyRequest"/>, or says which parameter is wrong and what is accepted.</summary>
internal static class ChatRequestReader
{
    public static ReplyRequest Read(JsonFields fields)
    {
        var messages = ChatMessages.Read(fields.Array("messages")
            ?? throw ApiRefusal.Invalid("messages", "'messages' is missing: give a list with at least one message of role 'user'."));
        return SamplingReader.Read(fields, new SamplingOptions(), SamplingReader.ChatLikeliest(fields)) with { Messages = messages };
    }
}
