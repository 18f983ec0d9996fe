using System.Text;

namespace Moss.Model.Text;

/// <summary>Text to token ids and back, exactly as the checkpoint's tokenizer.json says.</summary>
public sealed class Tokenizer
{
    private readonly BytePairs _pairs;
    private readonly SplitRule _split;
    private readonly bool _normalize;
    private readonly AddedTokens _plainEarly, _plainLate, _allEarly, _allLate;
    private readonly Dictionary<string, int> _specials;
    private readonly HashSet<int> _specialIds;
    private readonly byte[]?[] _bytes; // by id; null where no token is

    internal Tokenizer(TokenizerFile file)
    {
        (_pairs, _split, _normalize) = (file.Pairs, file.Split, file.NormalizesToNfc);
        _bytes = file.Bytes;
        _specials = file.Added.Where(t => t.Special).ToDictionary(t => t.Content, t => t.Id);
        _specialIds = [.. _specials.Values];

        // As in the reference engine: tokens that are not "normalized" are cut out before NFC, the others after it.
        _allEarly = Find(file, t => !t.Normalized);
        _allLate = Find(file, t => t.Normalized);
        _plainEarly = Find(file, t => !t.Special && !t.Normalized);
        _plainLate = Find(file, t => !t.Special && t.Normalized);
    }

    /// <summary>One more than the highest id this tokenizer can produce; rows of the weights beyond it are padding.</summary>
    public int Size => _bytes.Length;

    /// <summary>Reads tokenizer.json of a checkpoint folder; a part it does not know is refused by name.</summary>
    /// <exception cref="InvalidDataException">File, part and what is supported.</exception>
    public static Tokenizer Load(string folder) => new(TokenizerFile.Read(Path.Combine(folder, "tokenizer.json")));

    /// <summary>Ids of text written by people or models: control tokens in it stay ordinary characters.</summary>
    public int[] Encode(string text) => Encode(text, _plainEarly, _plainLate);

    /// <summary>Ids of text written by this program, in which control tokens count.</summary>
    public int[] EncodeWithSpecials(string text) => Encode(text, _allEarly, _allLate);

    /// <summary>Text of the ids; bytes that are no UTF-8 become U+FFFD.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        var bytes = new List<byte>();
        foreach (var id in ids) bytes.AddRange(BytesOf(id));
        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>The id of a control token such as &lt;|im_end|&gt;, or null when this tokenizer has none of that text.</summary>
    public int? IdOf(string special) => _specials.TryGetValue(special, out var id) ? id : null;

    public bool IsSpecial(int id) => _specialIds.Contains(id);

    /// <summary>What the id stands for; empty for an id without a token.</summary>
    internal ReadOnlySpan<byte> BytesOf(int id) => id >= 0 && id < _bytes.Length ? _bytes[id] : throw new ArgumentOutOfRangeException(
        nameof(id), id, $"This tokenizer knows the ids 0 to {_bytes.Length - 1:N0}.");

    private int[] Encode(string text, AddedTokens early, AddedTokens late)
    {
        var ids = new List<int>(text.Length / 3 + 4);
        early.Split(text, part => late.Split(_normalize ? Nfc.Of(part) : part, piece => EncodePlain(piece, ids), ids.Add), ids.Add);
        return [.. ids];
    }

    private void EncodePlain(string text, List<int> ids)
    {
        for (int at = 0, end; at < text.Length; at = end)
        {
            end = _split.Next(text, at);
            _pairs.Encode(text.AsSpan(at, end - at), ids);
        }
    }

    private static AddedTokens Find(TokenizerFile file, Func<TokenizerFile.AddedToken, bool> which) =>
        new(file.Added.Where(which).Select(t => (t.Content, t.Id)));
}
