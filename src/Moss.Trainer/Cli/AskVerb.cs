using System.CommandLine;
using Moss.Data;
using Moss.Data.Conversations;
using Moss.Data.Deployments;
using Moss.Trainer.AgentRuns;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

/// <summary>`ask TEXT`: the person at the keyboard speaks with MOSS; the reply streams and is stored like any other.</summary>
internal static class AskVerb
{
    public static Command Create()
    {
        var text = new Argument<string>("text") { Description = "What to say." };
        var conversation = new Option<Guid?>("--conversation") { Description = "Go on with this one; a new one when left out." };
        var model = new Option<string>("--model") { Description = "champion, challenger, or a checkpoint.", DefaultValueFactory = _ => Deployment.Champion };
        var temperature = new Option<double?>("--temperature") { Description = "0 for the most likely reply; the server's when left out." };
        var seed = new Option<long?>("--seed") { Description = "The same seed, the same reply." };
        return Session.Verb("ask", "Ask MOSS.", text, conversation, model, temperature, seed).Does(async (parsed, cancellation) =>
        {
            await using var session = await Session.OpenAsync(parsed, cancellation);
            using var http = new HttpClient();
            MossClient.Address(http, Installation.FromEnvironment().Serve, Timeout.InfiniteTimeSpan);
            var talk = new Talk(session.Db, new MossClient(http), session.Project.Id, session.Person.Id);
            var said = await talk.SayAsync(
                parsed.GetValue(text)!, parsed.GetValue(conversation), new Asking(parsed.GetValue(model)!, [], parsed.GetValue(temperature), Seed: parsed.GetValue(seed)),
                piece =>
                {
                    if (!session.Json) Console.Write(piece);
                }, cancellation);
            session.Print(
                new { conversation_id = said.Conversation, reply_id = said.Reply, text = said.Text, checkpoint = said.Facts.Checkpoint, said.Facts.FirstTokenMs, said.Facts.TotalMs },
                $"\n\n(by {said.Facts.Checkpoint}; conversation {said.Conversation}, reply {said.Reply})");
            return 0;
        });
    }
}
