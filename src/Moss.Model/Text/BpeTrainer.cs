using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Moss.Model.Text;

/// <summary>
/// Learns a byte-level BPE vocabulary from texts, with Qwen2's split and control tokens. The same texts give the same file.
/// </summary>
public static class BpeTrainer
{
    public const string EndOfText = "<|endoftext|>", TurnStart = "<|im_start|>", TurnEnd = "<|im_end|>";
    private static readonly string[] Specials = [EndOfText, TurnStart, TurnEnd];
    private const int LeastCount = 2; // a pair seen once teaches nothing

    private sealed class Word(int[] symbols, long count)
    {
        public int[] Symbols = symbols;
        public readonly long Count = count;
    }

    /// <summary>Trains on the texts and writes tokenizer.json.</summary>
    /// <param name="size">Most tokens, control tokens included; fewer when the texts run out of repeated pairs.</param>
    public static void Train(IEnumerable<string> texts, int size, string path)
    {
        var fewest = 256 + Specials.Length;
        if (size < fewest) throw new ArgumentOutOfRangeException(nameof(size), size, $"A byte-level vocabulary needs at least {fewest} tokens.");
        var vocabulary = ByteSymbols.InOrder.Select(b => (byte[])[b]).ToList();
        var merges = Learn(Count(texts), vocabulary, size - Specials.Length);
        File.WriteAllText(path, Describe(vocabulary, merges).ToJsonString(new JsonSerializerOptions
        {
            WriteIndented = true,
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }) + "\n");
    }

    private static List<Word> Count(IEnumerable<string> texts)
    {
        var idOfByte = new int[256];
        foreach (var (b, id) in ByteSymbols.InOrder.Select((b, id) => (b, id))) idOfByte[b] = id;
        var counts = new Dictionary<string, long>();
        foreach (var text in texts.Select(Nfc.Of))
            for (int at = 0, end; at < text.Length; at = end)
            {
                end = SplitRule.Qwen.Next(text, at);
                var piece = text[at..end];
                counts[piece] = counts.GetValueOrDefault(piece) + 1;
            }
        return [.. counts.OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => new Word([.. Encoding.UTF8.GetBytes(p.Key).Select(b => idOfByte[b])], p.Value))];
    }

    private static List<(int Left, int Right)> Learn(List<Word> words, List<byte[]> vocabulary, int size)
    {
        var (counts, places) = (new Dictionary<long, long>(), new Dictionary<long, HashSet<int>>());
        for (var w = 0; w < words.Count; w++) Tally(w, +1);

        // Most frequent first; on a tie the pair with the smaller ids. Entries go stale and are checked when taken.
        var queue = new PriorityQueue<(long Pair, long Count), (long, long)>();
        foreach (var (pair, count) in counts) queue.Enqueue((pair, count), (-count, pair));

        var merges = new List<(int, int)>();
        var known = vocabulary.Select((bytes, id) => (Symbol: ByteSymbols.Encode(bytes), id)).ToDictionary(p => p.Symbol, p => p.id);
        while (vocabulary.Count < size && queue.TryDequeue(out var top, out _))
        {
            var now = counts.GetValueOrDefault(top.Pair);
            if (now != top.Count)
            {
                if (now >= LeastCount && now < top.Count) queue.Enqueue((top.Pair, now), (-now, top.Pair));
                continue;
            }
            if (now < LeastCount) break;
            var (left, right) = ((int)(top.Pair >> 32), (int)top.Pair);
            byte[] joined = [.. vocabulary[left], .. vocabulary[right]];
            // "ab" + "c" and "a" + "bc" are one token.
            if (!known.TryGetValue(ByteSymbols.Encode(joined), out var id))
            {
                known[ByteSymbols.Encode(joined)] = id = vocabulary.Count;
                vocabulary.Add(joined);
            }
            merges.Add((left, right));
            var touched = new HashSet<long>();
            foreach (var w in places[top.Pair].Order().ToArray())
            {
                Tally(w, -1);
                words[w].Symbols = Merge(words[w].Symbols, left, right, id);
                touched.UnionWith(Tally(w, +1));
            }
            foreach (var pair in touched.Order()) queue.Enqueue((pair, counts[pair]), (-counts[pair], pair));
        }
        return merges;

        List<long> Tally(int w, int sign)
        {
            var (symbols, seen) = (words[w].Symbols, new List<long>(words[w].Symbols.Length));
            for (var i = 0; i + 1 < symbols.Length; i++)
            {
                var pair = MergeTable.Pair(symbols[i], symbols[i + 1]);
                counts[pair] = counts.GetValueOrDefault(pair) + sign * words[w].Count;
                if (!places.TryGetValue(pair, out var where)) places[pair] = where = [];
                if (sign > 0) where.Add(w); else where.Remove(w);
                seen.Add(pair);
            }
            return seen;
        }
    }

    private static int[] Merge(int[] symbols, int left, int right, int id)
    {
        var merged = new List<int>(symbols.Length);
        for (var i = 0; i < symbols.Length; i++)
        {
            var pair = i + 1 < symbols.Length && symbols[i] == left && symbols[i + 1] == right;
            merged.Add(pair ? id : symbols[i]);
            if (pair) i++;
        }
        return [.. merged];
    }

    private static JsonObject Describe(List<byte[]> vocabulary, List<(int Left, int Right)> merges)
    {
        static JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = false };
        string Symbol(int id) => ByteSymbols.Encode(vocabulary[id]);

        var vocab = new JsonObject();
        for (var id = 0; id < vocabulary.Count; id++) vocab[Symbol(id)] = id;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. Specials.Select((content, i) => (JsonNode)new JsonObject
            {
                ["id"] = vocabulary.Count + i, ["content"] = content, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false,
                ["normalized"] = false, ["special"] = true,
            })]),
            ["normalizer"] = new JsonObject { ["type"] = "NFC" },
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = PreTokenizer.QwenPattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    ByteLevel()),
            },
            ["post_processor"] = ByteLevel(),
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = "",
                ["end_of_word_suffix"] = "",
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["vocab"] = vocab,
                ["merges"] = new JsonArray([.. merges.Select(m => (JsonNode)$"{Symbol(m.Left)} {Symbol(m.Right)}")]),
            },
        };
    }
}
