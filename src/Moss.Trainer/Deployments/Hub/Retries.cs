namespace Moss.Trainer.Deployments.Hub;

/// <summary>Bounded patience: so many failures in a row without progress, with doubling pauses between them.</summary>
internal sealed class Retries(TimeProvider clock, TimeSpan firstPause)
{
    public const int Most = 5;
    public const long Progress = 1 << 20; // bytes that make an attempt count as having helped
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);

    private int _failures;

    /// <summary>Runs the attempt until it succeeds.</summary>
    /// <param name="attempt">Gives back true when done; what it brought before a failure is asked of <paramref
    /// name="brought"/>.</param>
    public async Task UntilDoneAsync(Func<CancellationToken, Task<bool>> attempt, Func<long> brought, CancellationToken cancellation)
    {
        while (true)
        {
            var before = brought();
            try
            {
                if (await attempt(cancellation)) return;
                throw new IOException("the file has to be pulled again from its beginning");
            }
            catch (Exception e) when (e is IOException or HttpRequestException or TimeoutException && !cancellation.IsCancellationRequested)
            {
                _failures = brought() - before >= Progress ? 1 : _failures + 1;
                if (_failures >= Most) throw new IOException(
                    $"Gave up after {Most} attempts in a row: {e.Message.TrimEnd('.')}. What is here is kept; the same command goes on from there.", e);
                var pause = (e as HubBusyException)?.Wait ?? firstPause * Math.Pow(2, _failures - 1);
                await Task.Delay(pause > LongestPause ? LongestPause : pause < TimeSpan.Zero ? TimeSpan.Zero : pause, clock, cancellation);
            }
        }
    }
}
