using System.Buffers.Binary;
using System.Text;

namespace Moss.Model.Checkpoints;

/// <summary>
/// Reads the one pickle that torch.save makes of named tensors. A pickle is a program that can call anything; this reader knows
/// tensors and the containers
/// they come in, and refuses every other opcode and name, with its place.
/// </summary>
/// <remarks>Nothing is sized by a number in the file that its own length does not bear out, and nothing recurses. Source:
/// CPython, Lib/pickletools.py.</remarks>
internal sealed class PickleReader(byte[] pickle, string path)
{
    private const int DeepestStack = 100_000, NewestProtocol = 5;
    private static readonly object Mark = new();

    private sealed class Dict
    {
        public List<KeyValuePair<object, object?>>? Entries;
    }

    private readonly List<object?> _stack = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _at, _opcode;

    /// <summary>The tensors by name, in the file's order.</summary>
    public IReadOnlyList<(string Name, TorchTensor Tensor)> Read()
    {
        while (true)
        {
            _opcode = _at;
            var code = Bytes(1)[0];
            if (code == '.') return Result();
            Run(code);
            if (_stack.Count > DeepestStack) throw Refuse($"more than {DeepestStack:N0} values wait at once, as in no file of weights");
        }
    }

    private void Run(byte code)
    {
        switch (code)
        {
            case 0x80: if (Bytes(1)[0] is > NewestProtocol and var newer) throw Refuse($"pickle protocol {newer} is not known"); break;
            case 0x95: Bytes(8); break;                                                                   // FRAME: a hint
            case (byte)'(': _stack.Add(Mark); break;
            case (byte)'N': _stack.Add(null); break;
            case 0x88: _stack.Add(true); break;
            case 0x89: _stack.Add(false); break;
            case (byte)'K': _stack.Add((long)Bytes(1)[0]); break;                                         // BININT1
            case (byte)'M': _stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;   // BININT2
            case (byte)'J': _stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;    // BININT
            case 0x8A: _stack.Add(Long(Bytes(1)[0])); break;                                              // LONG1
            case (byte)'G': _stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;            // BINFLOAT
            case (byte)'X': _stack.Add(Text(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;   // BINUNICODE
            case 0x8C: _stack.Add(Text(Bytes(1)[0])); break;                                              // SHORT_BINUNICODE
            case (byte)')': _stack.Add(Array.Empty<object?>()); break;
            case 0x85 or 0x86 or 0x87: _stack.Add(PopMany(code - 0x84)); break;                           // TUPLE1 to TUPLE3
            case (byte)'t': _stack.Add(PopToMark()); break;
            case (byte)']': _stack.Add(new List<object?>()); break;
            case (byte)'l': _stack.Add(new List<object?>(PopToMark())); break;
            case (byte)'a': Append([Pop()]); break;
            case (byte)'e': Append(PopToMark()); break;
            case (byte)'}': _stack.Add(new Dict()); break;
            case (byte)'d': { var items = PopToMark(); _stack.Add(new Dict()); SetItems(items); break; }
            case (byte)'s': SetItems(PopMany(2)); break;
            case (byte)'u': SetItems(PopToMark()); break;
            case (byte)'q': _memo[Bytes(1)[0]] = Top(); break;                                            // BINPUT
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Top(); break;      // LONG_BINPUT
            case 0x94: _memo[(uint)_memo.Count] = Top(); break;                                           // MEMOIZE
            case (byte)'h': Recall(Bytes(1)[0]); break;                                                   // BINGET
            case (byte)'j': Recall(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))); break;             // LONG_BINGET
            case (byte)'c': Global(Line(), Line()); break;
            case 0x93: { var names = PopMany(2); Global(names[0] as string, names[1] as string); break; } // STACK_GLOBAL
            case (byte)'Q': _stack.Add(Storage(Pop())); break;                                            // BINPERSID
            case (byte)'R': { var call = PopMany(2); _stack.Add(Call(call[0], call[1])); break; }         // REDUCE
            case (byte)'b': Build(Pop()); break;
            default: throw Refuse($"opcode {PickleCodes.Name(code)} is not among those that tensors need");
        }
    }

    private void Global(string? module, string? name) => _stack.Add(PickleGlobals.Find($"{module}.{name}") ?? throw Refuse(
        $"it asks for '{module}.{name}', which no tensor needs. Such a file can run code: do not open it with other programs either"));

    private TorchStorage Storage(object? id) => id is object?[] and ["storage", PickleGlobal { Storage: { } type }, string key, string, long and >= 0 and var count]
        ? CheckpointFolder.IsPlainName(key) ? new(type, key, count) : throw Refuse($"a storage is named '{key}'")
        : throw Refuse("a persistent id is not a storage of torch");

    private object Call(object? function, object? arguments)
    {
        if (arguments is not object?[] given) throw Refuse("a call has no tuple of arguments");
        if (ReferenceEquals(function, PickleGlobals.OrderedDict) && given.Length == 0) return new Dict();
        if (ReferenceEquals(function, PickleGlobals.RebuildParameter) && given is [TorchTensor inner, ..] && given.Length <= 3) return inner;
        if (ReferenceEquals(function, PickleGlobals.RebuildTensor)
            && given is [TorchStorage storage, long offset, object?[] shape, object?[] strides, ..] && given.Length is >= 6 and <= 7)
        {
            var tensor = new TorchTensor(storage, offset, Sizes(shape), Sizes(strides));
            return tensor.Fault() is { } fault ? throw Refuse($"a tensor {fault}") : tensor;
        }
        throw Refuse($"{(function as PickleGlobal)?.Name ?? "something that is no function"} is called with arguments that do not fit it");
    }

    private long[] Sizes(object?[] sizes) => [.. sizes.Select(s => s as long? ?? throw Refuse("a tensor's size is not a number"))];

    // torch notes module versions beside a state dict; they say nothing about the weights.
    private void Build(object? _)
    {
        if (Top() is not Dict) throw Refuse("BUILD (0x62) changes something that is no dictionary");
    }

    private void Append(object?[] items)
    {
        if (Top() is not List<object?> list) throw Refuse("something is appended to what is no list");
        list.AddRange(items);
    }

    private void SetItems(object?[] items)
    {
        if (Top() is not Dict dict || items.Length % 2 != 0) throw Refuse("entries are set in what is no dictionary");
        for (var i = 0; i < items.Length; i += 2)
            (dict.Entries ??= []).Add(new(items[i] ?? throw Refuse("a dictionary has no key"), items[i + 1]));
    }

    private List<(string, TorchTensor)> Result()
    {
        if (_at != pickle.Length) throw Refuse($"{pickle.Length - _at:N0} bytes follow the end");
        if (Pop() is not Dict dict || _stack.Count > 0) throw Refuse("it holds no dictionary of tensors");
        var (tensors, names) = (new List<(string, TorchTensor)>(), new HashSet<string>(StringComparer.Ordinal));
        foreach (var (key, value) in dict.Entries ?? [])
        {
            if (key is not string name) throw Refuse("a tensor's name is not a text");
            if (value is not TorchTensor tensor) throw Refuse(
                $"'{name}' is no tensor. If this is a training state, save the weights alone: torch.save(model.state_dict(), \"pytorch_model.bin\")");
            if (!names.Add(name)) throw Refuse($"it holds '{name}' twice");
            tensors.Add((name, tensor));
        }
        return tensors;
    }

    private object? Top() => _stack.Count > 0 && !ReferenceEquals(_stack[^1], Mark) ? _stack[^1] : throw Refuse("a value is missing");

    private object? Pop()
    {
        var top = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] PopMany(int count)
    {
        var items = new object?[count];
        while (count > 0) items[--count] = Pop();
        return items;
    }

    private object?[] PopToMark()
    {
        var mark = _stack.FindLastIndex(value => ReferenceEquals(value, Mark));
        if (mark < 0) throw Refuse("a mark is missing");
        object?[] items = [.. _stack.GetRange(mark + 1, _stack.Count - mark - 1)];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return items;
    }

    private void Recall(uint key) => _stack.Add(_memo.TryGetValue(key, out var value) ? value : throw Refuse($"value {key} is used before it is made"));

    private ReadOnlySpan<byte> Bytes(long count)
    {
        if (count > pickle.Length - _at) throw Refuse("it is cut off");
        _at += (int)count;
        return pickle.AsSpan(_at - (int)count, (int)count);
    }

    private long Long(int count)
    {
        if (count > 8) throw Refuse($"a number has {count} bytes");
        var bytes = Bytes(count);
        var value = 0L;
        for (var i = 0; i < count; i++) value |= (long)bytes[i] << (8 * i);
        return count is > 0 and < 8 && (bytes[^1] & 0x80) != 0 ? value - (1L << (8 * count)) : value;
    }

    private string Text(long count) => Encoding.UTF8.GetString(Bytes(count));

    private string Line()
    {
        var end = pickle.AsSpan(_at).IndexOf((byte)'\n');
        if (end is < 0 or > 200) throw Refuse("a name does not end");
        var line = Text(end);
        _at++;
        return line;
    }

    private InvalidDataException Refuse(string what) => new(
        $"'{path}': data.pkl, byte {_opcode:N0}: {what}. Only named tensors are read, nothing is run, and nothing was written.");
}
