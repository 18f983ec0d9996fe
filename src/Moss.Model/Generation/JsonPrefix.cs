namespace Moss.Model.Generation;

/// <summary>Whether bytes begin a JSON object (RFC 8259) or are one: a small value, so trying a token on a copy costs nothing.</summary>
/// <remarks>
/// Stricter than the grammar where a reply would be useless: text is whole UTF-8, escapes name no surrogates (a model writes the character itself), depth and
/// stretches of white space are bounded, so that no reply circles in either for ever.
/// </remarks>
internal struct JsonPrefix
{
    /// <summary>Deepest nesting; one bit each in <see cref="_objects"/>.</summary>
    private const int MostDepth = 64;

    /// <summary>Most spaces and line ends in a row; before the object, enough for a model that begins with a space or a new line.</summary>
    private const int MostWhite = 64, MostWhiteAtStart = 2;

    private enum At : byte
    {
        Start, Value, FirstKey, Key, Colon, AfterValue, FirstItem, Done,
        Text, KeyText, Escape, Hex, Word, Minus, Zero, Digits, Point, Fraction, Exponent, Sign, ExponentDigits,
    }

    private At _at;
    private bool _inKey, _surrogate;
    private byte _depth, _white, _left;   // _left: bytes of a character, hex digits or letters of a word still to come
    private byte _lowest, _highest;       // bounds of a character's next byte
    private WordKind _word;
    private ulong _objects;               // by depth: 1 object, 0 array

    private enum WordKind : byte { True, False, Null }

    /// <summary>The object is closed; only white space may follow.</summary>
    public readonly bool IsComplete => _at == At.Done;

    /// <summary>Whether these bytes may come next; this does not change.</summary>
    public readonly bool Allows(ReadOnlySpan<byte> bytes)
    {
        var copy = this;
        return bytes.Length > 0 && copy.Push(bytes);
    }

    /// <summary>Reads on; false at the first byte that cannot come here, after which nothing is certain.</summary>
    public bool Push(ReadOnlySpan<byte> bytes)
    {
        foreach (var next in bytes)
            if (!Push(next)) return false;
        return true;
    }

    private bool Push(byte next)
    {
        if (_at is At.Text or At.KeyText) return InText(next);
        if (_at is At.Escape or At.Hex) return InEscape(next);
        if (_at == At.Word) return InWord(next);
        if (_at >= At.Minus)
        {
            if (InNumber(next)) return true;
            if (_at is not (At.Zero or At.Digits or At.Fraction or At.ExponentDigits)) return false;
            _at = At.AfterValue; // what ended the number is read as what follows it
        }
        if (next is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') return ++_white <= (_at == At.Start ? MostWhiteAtStart : MostWhite);
        _white = 0;
        return _at switch
        {
            At.Start => next == '{' && Open(isObject: true),
            At.Value => BeginValue(next),
            At.FirstItem => next == ']' ? Close(isObject: false) : BeginValue(next),
            At.FirstKey => next == '}' ? Close(isObject: true) : next == '"' && Go(At.KeyText),
            At.Key => next == '"' && Go(At.KeyText),
            At.Colon => next == ':' && Go(At.Value),
            At.AfterValue => next switch
            {
                (byte)',' => Go(InObject ? At.Key : At.Value),
                (byte)'}' => InObject && Close(isObject: true),
                (byte)']' => !InObject && Close(isObject: false),
                _ => false,
            },
            _ => false,
        };
    }

    private readonly bool InObject => (_objects >> (_depth - 1) & 1) == 1;

    private bool Go(At at)
    {
        _at = at;
        return true;
    }

    private bool Open(bool isObject)
    {
        if (_depth == MostDepth) return false;
        _objects = isObject ? _objects | 1UL << _depth : _objects & ~(1UL << _depth);
        _depth++;
        return Go(isObject ? At.FirstKey : At.FirstItem);
    }

    private bool Close(bool isObject) => InObject == isObject && Go(--_depth == 0 ? At.Done : At.AfterValue);

    private bool BeginValue(byte next) => next switch
    {
        (byte)'{' => Open(isObject: true),
        (byte)'[' => Open(isObject: false),
        (byte)'"' => Go(At.Text),
        (byte)'-' => Go(At.Minus),
        (byte)'0' => Go(At.Zero),
        >= (byte)'1' and <= (byte)'9' => Go(At.Digits),
        (byte)'t' => Begin(WordKind.True),
        (byte)'f' => Begin(WordKind.False),
        (byte)'n' => Begin(WordKind.Null),
        _ => false,
    };

    private bool Begin(WordKind word)
    {
        (_word, _left) = (word, (byte)(Spelling(word).Length - 1));
        return Go(At.Word);
    }

    private static ReadOnlySpan<byte> Spelling(WordKind word) => word switch { WordKind.True => "true"u8, WordKind.False => "false"u8, _ => "null"u8 };

    private bool InWord(byte next)
    {
        if (next != Spelling(_word)[^_left]) return false;
        return --_left > 0 || Go(At.AfterValue);
    }

    private bool InNumber(byte next)
    {
        var digit = next is >= (byte)'0' and <= (byte)'9';
        var power = next is (byte)'e' or (byte)'E';
        return _at switch
        {
            At.Minus => digit && Go(next == '0' ? At.Zero : At.Digits),
            At.Zero => next == '.' ? Go(At.Point) : power && Go(At.Exponent),
            At.Digits => digit || (next == '.' ? Go(At.Point) : power && Go(At.Exponent)),
            At.Point => digit && Go(At.Fraction),
            At.Fraction => digit || power && Go(At.Exponent),
            At.Exponent => next is (byte)'+' or (byte)'-' ? Go(At.Sign) : digit && Go(At.ExponentDigits),
            _ => digit && Go(At.ExponentDigits), // after the sign, and further digits
        };
    }

    // Well-formed UTF-8 as in table 3-7 of the Unicode Standard: only the first continuation byte has bounds of its own.
    private bool InText(byte next)
    {
        if (_left > 0)
        {
            if (next < _lowest || next > _highest) return false;
            (_lowest, _highest) = (0x80, 0xBF);
            _left--;
            return true;
        }
        if (next == '"') return Go(_at == At.KeyText ? At.Colon : At.AfterValue);
        if (next == '\\')
        {
            _inKey = _at == At.KeyText;
            return Go(At.Escape);
        }
        if (next < 0x80) return next >= 0x20;
        (_left, _lowest, _highest) = next switch
        {
            >= 0xC2 and <= 0xDF => ((byte)1, (byte)0x80, (byte)0xBF),
            0xE0 => ((byte)2, (byte)0xA0, (byte)0xBF),
            0xED => ((byte)2, (byte)0x80, (byte)0x9F),
            >= 0xE1 and <= 0xEF => ((byte)2, (byte)0x80, (byte)0xBF),
            0xF0 => ((byte)3, (byte)0x90, (byte)0xBF),
            >= 0xF1 and <= 0xF3 => ((byte)3, (byte)0x80, (byte)0xBF),
            0xF4 => ((byte)3, (byte)0x80, (byte)0x8F),
            _ => default,
        };
        return _left > 0;
    }

    private bool InEscape(byte next)
    {
        var back = _inKey ? At.KeyText : At.Text;
        if (_at == At.Escape)
        {
            if (next != 'u') return "\"\\/bfnrt"u8.Contains(next) && Go(back);
            (_left, _surrogate) = (4, false);
            return Go(At.Hex);
        }
        if (!char.IsAsciiHexDigit((char)next)) return false;
        if (_left == 4) _surrogate = next is (byte)'d' or (byte)'D';
        if (_left == 3 && _surrogate && next > '7') return false; // D800 to DFFF
        return --_left > 0 || Go(back);
    }
}
