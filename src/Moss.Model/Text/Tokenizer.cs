using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace Moss.Model.Text;

/// <summary>
/// Text to token ids and back, exactly as the checkpoint's files say. Any number of threads may use it at once.
/// </summary>
public sealed class Tokenizer
{
    private readonly BytePairs _pairs;
    private readonly SplitRule _split;
    private readonly bool _normalize;
    private readonly AddedTokens _plainEarly, _plainLate, _allEarly, _allLate;
    private readonly Dictionary<string, int> _specials;
    private readonly bool[] _isSpecial; // by id
    private readonly byte[]?[] _bytes;  // by id; null where no token is
    private readonly ConcurrentBag<PieceCache> _caches = []; // one for each thread that encodes at the same time

    internal Tokenizer(TokenizerFile file)
    {
        (_pairs, _split, _normalize) = (file.Pairs, file.Split, file.NormalizesToNfc);
        _bytes = file.Bytes;
        _specials = file.Added.Where(t => t.Special).ToDictionary(t => t.Content, t => t.Id);
        _isSpecial = new bool[_bytes.Length];
        foreach (var id in _specials.Values) _isSpecial[id] = true;

        // As in the reference engine: tokens that are not "normalized" are cut out before NFC, the others after it.
        _allEarly = Find(file, t => !t.Normalized);
        _allLate = Find(file, t => t.Normalized);
        _plainEarly = Find(file, t => !t.Special && !t.Normalized);
        _plainLate = Find(file, t => !t.Special && t.Normalized);
    }

    /// <summary>One more than the highest id this tokenizer can produce; rows of the weights beyond it are padding.</summary>
    public int Size => _bytes.Length;

    /// <summary>
    /// Reads the tokenizer of a checkpoint folder: tokenizer.json, or else vocab.json and merges.txt. A part it does not know
    /// is refused by name.
    /// </summary>
    /// <exception cref="InvalidDataException">File, part and what is supported.</exception>
    public static Tokenizer Load(string folder) =>
        Path.Combine(folder, TokenizerJson.FileName) is var path && (File.Exists(path) || !VocabularyFiles.AreIn(folder))
            ? new(TokenizerJson.Read(path)) : new(VocabularyFiles.Read(folder));

    /// <summary>Whether the folder has the files of a tokenizer, in either form.</summary>
    public static bool IsIn(string folder) =>
        File.Exists(Path.Combine(folder, TokenizerJson.FileName)) || VocabularyFiles.AreIn(folder);

    /// <summary>Ids of text written by people or models: control tokens in it stay ordinary characters.</summary>
    public int[] Encode(string text) => Encode(text, _plainEarly, _plainLate);

    /// <summary>Ids of text written by this program, in which control tokens count.</summary>
    public int[] EncodeWithSpecials(string text) => Encode(text, _allEarly, _allLate);

    /// <summary>Ids of many texts of people or models, in their order, by up to <paramref name="threads"/> threads.</summary>
    public int[][] EncodeAll(IReadOnlyList<string> texts, int threads)
    {
        var all = new int[texts.Count][];
        if (threads == 1)
            for (var i = 0; i < all.Length; i++) all[i] = Encode(texts[i]);
        else
            Parallel.For(0, all.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, i => all[i] = Encode(texts[i]));
        return all;
    }

    /// <summary>Text of the ids; bytes that are no UTF-8 become U+FFFD.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        var bytes = new List<byte>();
        foreach (var id in ids) bytes.AddRange(BytesOf(id));
        return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes));
    }

    /// <summary>The id of a control token such as &lt;|im_end|&gt;, or null when this tokenizer has none of that text.</summary>
    public int? IdOf(string special) => _specials.TryGetValue(special, out var id) ? id : null;

    public bool IsSpecial(int id) => id >= 0 && id < _isSpecial.Length && _isSpecial[id];

    /// <summary>What the id stands for; empty for an id without a token. Half a character is not valid UTF-8 by itself.</summary>
    public ReadOnlySpan<byte> BytesOf(int id) => id >= 0 && id < _bytes.Length ? _bytes[id]
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"This tokenizer knows the ids 0 to {_bytes.Length - 1:N0}.");

    private int[] Encode(string text, AddedTokens early, AddedTokens late)
    {
        if (!_caches.TryTake(out var cache)) cache = new();
        var ids = new List<int>(text.Length / 3 + 4);
        var rest = text.AsSpan();
        for (; early.TryFind(rest, out var at, out var length, out var id); rest = rest[(at + length)..])
        {
            EncodeStretch(rest[..at], late, ids, cache);
            ids.Add(id);
        }
        EncodeStretch(rest, late, ids, cache);
        _caches.Add(cache);
        return [.. ids];
    }

    private void EncodeStretch(ReadOnlySpan<char> rest, AddedTokens late, List<int> ids, PieceCache cache)
    {
        if (_normalize && !Nfc.IsSettled(rest)) rest = Nfc.Of(rest.ToString());
        for (; late.TryFind(rest, out var at, out var length, out var id); rest = rest[(at + length)..])
        {
            EncodePlain(rest[..at], ids, cache);
            ids.Add(id);
        }
        EncodePlain(rest, ids, cache);
    }

    private void EncodePlain(ReadOnlySpan<char> text, List<int> ids, PieceCache cache)
    {
        for (int at = 0, end; at < text.Length; at = end)
        {
            end = _split.Next(text, at);
            _pairs.Encode(text[at..end], ids, cache);
        }
    }

    private static AddedTokens Find(TokenizerFile file, Func<TokenizerFile.AddedToken, bool> which) =>
        new(file.Added.Where(which).Select(t => (t.Content, t.Id)));
}
