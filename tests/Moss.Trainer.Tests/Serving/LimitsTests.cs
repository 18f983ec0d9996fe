using Microsoft.Extensions.Options;
using Moss.Trainer.Serving;
using Moss.Trainer.Serving.Admission;

namespace Moss.Trainer.Tests.Serving;

public sealed class LimitsTests
{
    private sealed class HandClock : TimeProvider
    {
        private long _now;
        public override long TimestampFrequency => 1_000;
        public override long GetTimestamp() => _now;
        public void Pass(double seconds) => _now += (long)(seconds * 1_000);
    }

    private readonly HandClock _clock = new();

    private Admissions Admissions(ServeOptions options) => new(Options.Create(options), _clock);

    [Fact]
    public void A_minutes_worth_can_be_taken_at_once_and_then_only_as_fast_as_it_comes_back()
    {
        var allowance = new Allowance(60, _clock);
        allowance.Take(60);
        Assert.Equal(1, allowance.WaitFor(1).TotalSeconds, 3);
        Assert.Equal(60, allowance.WaitFor(1_000).TotalSeconds, 3); // more than there ever is: when all is there
        _clock.Pass(2);
        Assert.Equal(TimeSpan.Zero, allowance.WaitFor(2));
        allowance.GiveBack(10);
        Assert.Equal(TimeSpan.Zero, allowance.WaitFor(12));
        Assert.Equal(1, allowance.WaitFor(13).TotalSeconds, 3);
    }

    [Fact]
    public void A_keys_requests_are_limited_and_the_refusal_tells_when_the_next_is_admitted()
    {
        var admissions = Admissions(new ServeOptions { KeyRequestsPerMinute = 2 });
        admissions.Admit("a", 1, 10);
        admissions.Admit("a", 1, 10);
        var refused = Assert.Throws<ApiRefusal>(() => admissions.Admit("a", 1, 10));
        Assert.Equal((429, 30), (refused.Status, refused.RetryAfterSeconds));
        admissions.Admit("b", 1, 10); // another key has limits of its own
        _clock.Pass(30);
        admissions.Admit("a", 1, 10);
    }

    [Fact]
    public void Tokens_that_were_asked_for_and_not_used_are_given_back()
    {
        var admissions = Admissions(new ServeOptions { KeyTokensPerMinute = 1_000 });
        var ticket = admissions.Admit("a", 1, 1_000);
        Assert.Equal(6, Assert.Throws<ApiRefusal>(() => admissions.Admit("a", 1, 100)).RetryAfterSeconds);
        ticket.GiveBack(usedTokens: 200);
        admissions.Admit("a", 1, 800);
        Assert.Throws<ApiRefusal>(() => admissions.Admit("a", 1, 100));
    }

    [Fact]
    public void Replies_at_once_are_limited_for_each_key_and_for_all_together()
    {
        var admissions = Admissions(new ServeOptions { KeyRepliesAtOnce = 2, RepliesAtOnce = 3 });
        var first = admissions.Admit("a", 2, 10);
        Assert.Contains("'a'", Assert.Throws<ApiRefusal>(() => admissions.Admit("a", 1, 10)).Message, StringComparison.Ordinal);
        admissions.Admit("b", 1, 10);
        Assert.Contains("This server", Assert.Throws<ApiRefusal>(() => admissions.Admit("c", 1, 10)).Message, StringComparison.Ordinal);
        first.GiveBack(0);
        first.GiveBack(0); // twice is once
        admissions.Admit("c", 2, 10);
        Assert.Throws<ApiRefusal>(() => admissions.Admit("d", 1, 10));
    }

    [Theory]
    [InlineData(new double[0], new double[0], 2, 0, 0)]
    [InlineData(new[] { 5.0 }, new double[0], 2, 0, 0)]
    [InlineData(new[] { 5.0, 9.0 }, new double[0], 2, 5, 0)]
    [InlineData(new[] { 5.0, 9.0 }, new[] { 2.0 }, 2, 7, 5)]       // who waits goes at 5 and ends at 7, before the 9
    [InlineData(new[] { 5.0, 9.0 }, new[] { 20.0, 20.0 }, 2, 25, 5)]
    public void The_wait_is_what_is_ahead_played_through(double[] inProgress, double[] waiting, int places, double place, double shorter) =>
        Assert.Equal((place, shorter), QueueForecast.Turns(inProgress, waiting, places));

    [Fact]
    public void Keys_that_are_short_or_given_twice_stop_the_start()
    {
        Assert.Contains("openssl", Problems(new() { ["alice"] = "short" }), StringComparison.Ordinal);
        Assert.Contains("two names", Problems(new() { ["alice"] = new('k', 20), ["bob"] = new('k', 20) }), StringComparison.Ordinal);
        Assert.Equal("", Problems(new() { ["alice"] = new('k', 20), ["bob"] = new('l', 20) }));

        static string Problems(Dictionary<string, string> keys) =>
            string.Join(' ', new ServeOptions { ApiKeys = keys }.Validate(new(new object())).Select(r => r.ErrorMessage));
    }
}
