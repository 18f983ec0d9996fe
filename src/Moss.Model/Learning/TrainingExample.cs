using Moss.Model.Text;

namespace Moss.Model.Learning;

/// <summary>One conversation to learn from: its tokens, and which of them the model is to say itself.</summary>
public sealed class TrainingExample
{
    /// <summary>Target of a position that is not learned.</summary>
    public const long Ignored = -100;

    /// <exception cref="ArgumentException">The lengths differ, or nothing would be learned.</exception>
    public TrainingExample(int[] tokens, bool[] learn)
    {
        if (tokens.Length != learn.Length) throw new ArgumentException($"{tokens.Length} tokens but {learn.Length} marks of what to learn.", nameof(learn));
        if (tokens.Length < 2) throw new ArgumentException("An example needs at least two tokens: one to see and one to predict.", nameof(tokens));
        LearnedCount = learn.Skip(1).Count(l => l); // nothing predicts the first token
        if (LearnedCount == 0) throw new ArgumentException("No token of this example is to be learned; a conversation without a reply of MOSS teaches nothing.", nameof(learn));
        (Tokens, Learn) = (tokens, learn);
    }

    public int[] Tokens { get; }
    public bool[] Learn { get; }

    /// <summary>Targets that count in the loss.</summary>
    public int LearnedCount { get; }

    /// <summary>target[i] = token[i + 1] if that token is to be learned, else <see cref="Ignored"/>; the last is always ignored.</summary>
    public long[] Targets()
    {
        var targets = new long[Tokens.Length];
        Array.Fill(targets, Ignored);
        for (var i = 0; i + 1 < targets.Length; i++)
            if (Learn[i + 1]) targets[i] = Tokens[i + 1];
        return targets;
    }

    /// <summary>Renders a conversation for supervised training; null when no whole exchange of it fits.</summary>
    public static TrainingExample? From(ChatTemplate template, IReadOnlyList<ChatTurn> turns, int maxTokens)
    {
        if (template.Fit(turns, maxTokens) is not { } fitted) return null;
        var chat = template.Render(fitted, generationPrompt: false);
        return chat.Learn.Skip(1).Any(l => l) ? new(chat.Tokens, chat.Learn) : null;
    }
}
