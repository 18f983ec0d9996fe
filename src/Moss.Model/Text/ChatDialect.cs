using System.Security.Cryptography;
using System.Text;

namespace Moss.Model.Text;

/// <summary>What a prompt asks for at its end.</summary>
internal enum PromptEnd { None, Reply, Commands }

/// <summary>How one family of models spells a conversation.</summary>
internal abstract class ChatDialect(string name)
{
    public string Name => name;

    /// <summary>
    /// Everything that sets the spelling apart; its SHA-256 is stored with checkpoints, so it must not change while the
    /// spelling does not.
    /// </summary>
    public abstract string Identity { get; }

    /// <summary>Control tokens that end what the model writes; the first ends a reply.</summary>
    public abstract IReadOnlyList<string> Terminators { get; }

    /// <summary>Further control tokens of the markers.</summary>
    public virtual IReadOnlyList<string> Markers => [];

    /// <summary>SHA-256 of the Jinja texts that mean this dialect; see <see cref="TextSha256"/>.</summary>
    public IReadOnlyList<string> Texts { get; init; } = [];

    /// <summary>Replies begin with a space that belongs to the spelling and not to what is said.</summary>
    public virtual bool SpaceBeforeReply => false;

    /// <summary>Whether a prompt can ask for commands to tools before the reply.</summary>
    public virtual bool HasCommands => false;

    /// <exception cref="ArgumentException">A turn that this family has no spelling for.</exception>
    public abstract void Spell(IReadOnlyList<ChatTurn> turns, PromptEnd end, ChatWriter to);

    /// <summary>Hash of a Jinja text, whatever its line ends and however many newlines follow it.</summary>
    public static string TextSha256(string jinja) => Sha256(jinja.Replace("\r\n", "\n", StringComparison.Ordinal).TrimEnd('\n'));

    public static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
