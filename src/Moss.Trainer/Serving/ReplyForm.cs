using System.Text;
using Moss.Model.Generation;
using Moss.Model.Text;

namespace Moss.Trainer.Serving;

/// <summary>How a reply looks in the interface: as a message, or as text.</summary>
/// <param name="tokenizer">Spells the tokens whose log-probabilities are told.</param>
internal abstract class ReplyForm(Tokenizer tokenizer)
{
    /// <summary>The beginning of an answer's id.</summary>
    public abstract string IdPrefix { get; }

    /// <summary>The answer's "object".</summary>
    public abstract string Kind(bool stream);

    /// <summary>What a stream says about a choice before its first piece; null when nothing.</summary>
    public abstract object? Opening(int index);

    public abstract object Piece(int index, string text, IReadOnlyList<ChosenToken>? chosen, string? finish);

    public abstract object Whole(int index, string text, IReadOnlyList<ChosenToken>? chosen, string finish);

    protected byte[] Bytes(int id) => tokenizer.BytesOf(id).ToArray();

    /// <summary>A token's text; bytes that are half a character show as U+FFFD.</summary>
    protected string Text(int id) => Encoding.UTF8.GetString(tokenizer.BytesOf(id));
}
