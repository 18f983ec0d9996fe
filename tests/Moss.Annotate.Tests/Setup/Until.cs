using System.Diagnostics;

namespace Moss.Annotate.Tests.Setup;

internal static class Until
{
    /// <summary>Looks again and again, for at most ten seconds.</summary>
    public static async Task TrueAsync(Func<bool> holds)
    {
        for (var clock = Stopwatch.StartNew(); !holds(); await Task.Delay(15))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), "What was waited for did not happen within 10 seconds.");
    }
}
