using Microsoft.Extensions.Options;

namespace Moss.Trainer.Serving.Admission;

/// <summary>Holds every key, and all of them together, to the limits of <see cref="ServeOptions"/>. Deciding takes microseconds.</summary>
internal sealed class Admissions(IOptions<ServeOptions> options, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Limits> _keys = [];
    private readonly ServeOptions _options = options.Value;

    private readonly Limits _total = new("This server",
        options.Value.RequestsPerMinute, options.Value.TokensPerMinute, options.Value.RepliesAtOnce, clock);

    /// <param name="key">The caller's name; there are as many as are configured.</param>
    /// <param name="tokens">Prompts and all that may be made.</param>
    /// <exception cref="ApiRefusal">429, with the time after which it would be admitted if nobody else came.</exception>
    public Ticket Admit(string key, int replies, long tokens)
    {
        lock (_gate)
        {
            if (!_keys.TryGetValue(key, out var own)) _keys[key] = own = new Limits($"The key '{key}'",
                _options.KeyRequestsPerMinute, _options.KeyTokensPerMinute, _options.KeyRepliesAtOnce, clock);
            if ((own.Refuse(replies, tokens) ?? _total.Refuse(replies, tokens)) is var (wait, sentence))
                throw ApiRefusal.Busy(sentence, wait, "rate_limit_exceeded");
            own.Take(replies, tokens);
            _total.Take(replies, tokens);
            return new Ticket(_gate, own, _total, replies, tokens);
        }
    }
}
