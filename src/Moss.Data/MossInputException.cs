namespace Moss.Data;

/// <summary>Something a person or a file asked for that cannot be; the message is a sentence to show as it is.</summary>
public sealed class MossInputException : Exception
{
    public MossInputException(string sentence) : base(sentence) { }
    public MossInputException(string sentence, Exception cause) : base(sentence, cause) { }
    public MossInputException() { }
}
