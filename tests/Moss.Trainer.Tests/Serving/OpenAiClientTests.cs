using System.ClientModel;
using System.Text;
using Microsoft.Extensions.AI;
using OpenAI;

namespace Moss.Trainer.Tests.Serving;

/// <summary>The interface as Microsoft.Extensions.AI's client of OpenAI speaks it.</summary>
public sealed class OpenAiClientTests(ServeWorld world) : IClassFixture<ServeWorld>
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static readonly ChatOptions Options = new()
    {
        Temperature = 0, TopP = 1, Seed = 7, MaxOutputTokens = 20, FrequencyPenalty = 0.1f, PresencePenalty = 0.1f, StopSequences = ["\u0007never"],
    };

    private static readonly ChatMessage[] Conversation =
    [
        new(ChatRole.System, "the film"), new(ChatRole.User, "who directed"), new(ChatRole.Assistant, "it was"), new(ChatRole.User, "who"),
    ];

    private IChatClient Client(string model = "champion") => new OpenAI.Chat.ChatClient(model, new ApiKeyCredential("any"),
        new OpenAIClientOptions { Endpoint = new Uri(world.Url + "/v1") }).AsIChatClient();

    [Fact]
    public async Task It_gets_a_reply_with_its_usage_and_the_stream_says_the_same()
    {
        using var client = Client();
        var whole = await client.GetResponseAsync(Conversation, Options, Test);
        Assert.Equal("a", whole.ModelId);
        Assert.True(whole.Usage!.InputTokenCount > 0 && whole.Usage.OutputTokenCount > 0);
        Assert.Contains(whole.FinishReason!.Value, (ChatFinishReason[])[ChatFinishReason.Stop, ChatFinishReason.Length]);

        var (text, usage) = (new StringBuilder(), default(UsageDetails));
        await foreach (var update in client.GetStreamingResponseAsync(Conversation, Options, Test))
        {
            text.Append(update.Text);
            usage = update.Contents.OfType<UsageContent>().FirstOrDefault()?.Details ?? usage;
        }
        Assert.Equal(whole.Text, text.ToString());
        Assert.Equal(whole.Usage.TotalTokenCount, usage?.TotalTokenCount);
    }

    [Fact]
    public async Task It_can_ask_for_JSON_and_hears_of_an_unknown_model()
    {
        using var client = Client();
        var json = await client.GetResponseAsync(Conversation, new ChatOptions { Temperature = 0, MaxOutputTokens = 20, ResponseFormat = ChatResponseFormat.Json }, Test);
        Assert.StartsWith("{", json.Text.TrimStart());
        using var lost = Client("gpt-9");
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => lost.GetResponseAsync("hello", cancellationToken: Test))).Status);
    }
}
