namespace Moss.Model.Checkpoints;

/// <summary>
/// Names of the pickle opcodes that are refused, so that a refusal can say what it met. Source: CPython, Lib/pickle.py.
/// </summary>
internal static class PickleCodes
{
    private static readonly Dictionary<byte, string> Refused = new()
    {
        [(byte)'0'] = "POP", [(byte)'1'] = "POP_MARK", [(byte)'2'] = "DUP", [(byte)'F'] = "FLOAT", [(byte)'I'] = "INT", [(byte)'L'] = "LONG",
        [(byte)'P'] = "PERSID", [(byte)'S'] = "STRING", [(byte)'T'] = "BINSTRING", [(byte)'U'] = "SHORT_BINSTRING", [(byte)'V'] = "UNICODE",
        [(byte)'B'] = "BINBYTES", [(byte)'C'] = "SHORT_BINBYTES", [(byte)'g'] = "GET", [(byte)'p'] = "PUT", [(byte)'i'] = "INST", [(byte)'o'] = "OBJ",
        [0x81] = "NEWOBJ", [0x82] = "EXT1", [0x83] = "EXT2", [0x84] = "EXT4", [0x8B] = "LONG4", [0x8D] = "BINUNICODE8", [0x8E] = "BINBYTES8",
        [0x8F] = "EMPTY_SET", [0x90] = "ADDITEMS", [0x91] = "FROZENSET", [0x92] = "NEWOBJ_EX", [0x96] = "BYTEARRAY8", [0x97] = "NEXT_BUFFER",
        [0x98] = "READONLY_BUFFER",
    };

    public static string Name(byte code) => Refused.TryGetValue(code, out var name) ? $"{name} (0x{code:X2})" : $"0x{code:X2}";
}
