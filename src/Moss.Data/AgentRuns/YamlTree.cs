using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Moss.Data.AgentRuns;

/// <summary>A piece of a YAML file with its place, so that every complaint can name line and column (both from 1).</summary>
internal abstract record YamlNode(int Line, int Column)
{
    public MossInputException Error(string sentence) => new($"Line {Line}, column {Column}: {sentence}");
}

internal sealed record YamlScalar(int Line, int Column, string Text, bool Plain) : YamlNode(Line, Column);

internal sealed record YamlList(int Line, int Column, List<YamlNode> Items) : YamlNode(Line, Column);

internal sealed record YamlMap(int Line, int Column, List<(YamlScalar Key, YamlNode Value)> Entries) : YamlNode(Line, Column);

/// <summary>Reads the plain part of YAML: no anchors, no tags, no duplicate keys, one document.</summary>
internal static class YamlTree
{
    private const int MaxDepth = 32;

    public static YamlNode Read(string text)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (parser.TryConsume<StreamEnd>(out _)) throw new MossInputException("The file is empty. Start it with `schema: moss.scenario/v1`.");
            parser.Consume<DocumentStart>();
            var root = Node(parser, depth: 0);
            parser.Consume<DocumentEnd>();
            if (parser.TryConsume<DocumentStart>(out var second))
                throw At(second, "a second document begins here. A file holds one scenario.");
            return root;
        }
        catch (YamlException e)
        {
            throw new MossInputException($"Line {e.Start.Line}, column {e.Start.Column}: this is not YAML: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException) // how the library meets some broken files
        {
            var at = parser.Current?.End ?? Mark.Empty;
            throw new MossInputException($"Line {at.Line}, column {at.Column} or later: this is not YAML. Look for a bracket or quote that is not closed.", e);
        }
    }

    private static YamlNode Node(Parser parser, int depth)
    {
        var (line, column) = ((int)parser.Current!.Start.Line, (int)parser.Current.Start.Column);
        if (depth > MaxDepth) throw At(parser.Current, $"lists and maps are nested more than {MaxDepth} deep.");
        if (parser.Current is AnchorAlias alias) throw At(alias, $"the alias *{alias.Value} is not allowed. Write the value out.");
        if (parser.Current is NodeEvent node)
        {
            if (!node.Anchor.IsEmpty) throw At(node, $"the anchor &{node.Anchor} is not allowed. Write the value out where it is needed.");
            if (!node.Tag.IsEmpty) throw At(node, $"the tag {node.Tag} is not allowed: the schema says what type a value has.");
        }

        if (parser.TryConsume<Scalar>(out var scalar)) return new YamlScalar(line, column, scalar.Value, scalar.Style == ScalarStyle.Plain);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<YamlNode>();
            while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Node(parser, depth + 1));
            return new YamlList(line, column, items);
        }

        parser.Consume<MappingStart>();
        var entries = new List<(YamlScalar, YamlNode)>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (Node(parser, depth + 1) is not YamlScalar key) throw new MossInputException($"Line {line}, column {column}: a key must be plain text.");
            if (!seen.TryAdd(key.Text, key.Line)) throw key.Error($"the key '{key.Text}' is here twice (first in line {seen[key.Text]}). Keep one.");
            entries.Add((key, Node(parser, depth + 1)));
        }
        return new YamlMap(line, column, entries);
    }

    private static MossInputException At(ParsingEvent place, string sentence) =>
        new($"Line {place.Start.Line}, column {place.Start.Column}: {sentence}");
}
