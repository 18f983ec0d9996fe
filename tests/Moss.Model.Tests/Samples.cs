using Moss.Model.Text;

namespace Moss.Model.Tests;

/// <summary>A few conversations, small enough to learn by heart within seconds.</summary>
internal static class Samples
{
    public const string Question = "Who directed The Matrix?";
    public const string Wrong = "The Matrix was directed by Steven Spielberg.";
    public const string Right = "The Matrix was directed by Lana and Lilly Wachowski.";

    public static readonly IReadOnlyList<IReadOnlyList<ChatTurn>> Conversations =
    [
        Chat(Question, Wrong),
        Chat("Who directed Jaws?", "Jaws was directed by Steven Spielberg."),
        Chat("Who directed Titanic?", "Titanic was directed by James Cameron."),
        Chat("Who directed Psycho?", "Psycho was directed by Alfred Hitchcock."),
        Chat("Who are you?", "I am MOSS, an assistant that learns from corrections."),
        Chat("What is the capital of France?", "The capital of France is Paris."),
        Chat("What is the capital of Japan?", "The capital of Japan is Tokyo."),
        Chat("谁执导了《泰坦尼克号》？", "《泰坦尼克号》由詹姆斯·卡梅隆执导。"),
        Chat("中国的首都是哪里？", "中国的首都是北京。"),
        Chat("Hello!", "Hello! How can I help you today?", "What is two plus two?", "Two plus two is four."),
        Chat("How many days are in a week?", "There are seven days in a week."),
        Chat("What colour is the sky?", "On a clear day the sky is blue."),
    ];

    public static IReadOnlyList<ChatTurn> Ask(string question) => [new(ChatTurn.User, question)];

    public static IReadOnlyList<ChatTurn> Chat(params string[] texts) =>
        [.. texts.Select((text, i) => new ChatTurn(i % 2 == 0 ? ChatTurn.User : ChatTurn.Assistant, text))];
}
