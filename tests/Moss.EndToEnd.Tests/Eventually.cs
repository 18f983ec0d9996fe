namespace Moss.EndToEnd.Tests;

/// <summary>Waiting for what will come true by itself.</summary>
internal static class Eventually
{
    /// <summary>Looks every few milliseconds; fails with a sentence when it does not come true in time.</summary>
    public static async Task HoldsAsync(string what, Func<Task<bool>> holds, Func<string>? otherwise = null, double seconds = 120)
    {
        var (clock, started) = (TimeProvider.System, TimeProvider.System.GetTimestamp());
        while (!await holds())
        {
            if (clock.GetElapsedTime(started).TotalSeconds > seconds) Assert.Fail($"Not within {seconds} s: {what}.\n{otherwise?.Invoke()}");
            await Task.Delay(15, TestContext.Current.CancellationToken);
        }
    }
}
