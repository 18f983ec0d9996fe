namespace Moss.Model.Text;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">"system", "user", "assistant" or "tool".</param>
/// <param name="Text">What was said, verbatim; control tokens in it stay ordinary characters.</param>
public sealed record ChatTurn(string Role, string Text)
{
    public const string System = "system", User = "user", Assistant = "assistant", Tool = "tool";
}
