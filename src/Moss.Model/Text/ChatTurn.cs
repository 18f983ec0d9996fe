namespace Moss.Model.Text;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">"system", "user", "assistant" or "tool".</param>
/// <param name="Text">What was said, verbatim; control tokens in it stay ordinary characters.</param>
public sealed record ChatTurn(string Role, string Text)
{
    public const string System = "system", User = "user", Assistant = "assistant", Tool = "tool";

    /// <summary>
    /// What MOSS thought before it answered; spelled by the template "moss" only. The words alone, or the segment with its
    /// opener and closer.
    /// </summary>
    public string? Thoughts { get; init; }

    /// <summary>The commands MOSS gave to its tools, or "None"; likewise.</summary>
    public string? Commands { get; init; }

    /// <summary>What the tools answered, or "None"; likewise.</summary>
    public string? Results { get; init; }
}
