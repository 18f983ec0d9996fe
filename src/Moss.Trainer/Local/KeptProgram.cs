namespace Moss.Trainer.Local;

/// <summary>A program that is started again whenever it ends, with growing pauses, until it is stopped.</summary>
internal sealed class KeptProgram(ChildProgram program, string pidFile, LogFile log, IReadOnlyDictionary<string, string> variables, Waiting waiting)
    : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public string Name => program.Name;

    public void Start() => _running = KeepAsync();

    /// <summary>Stops it for good.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await waiting.ForAsync($"{Name} is stopping", Ended());
        _stop.Dispose();

        async Task<bool> Ended()
        {
            await _running;
            return true;
        }
    }

    /// <summary>Waits until it answers; false when it did not in time.</summary>
    public async Task<bool> IsReadyAsync(HttpClient http, TimeSpan atMost, CancellationToken cancellation) =>
        program.Address is not { } address || await waiting.UntilAsync($"{Name} is starting", atMost, async c =>
        {
            try
            {
                using var answer = await http.GetAsync(new Uri(address, program.Health), c);
                return answer.IsSuccessStatusCode;
            }
            catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !c.IsCancellationRequested))
            {
                return false; // not listening yet
            }
        }, cancellation);

    private async Task KeepAsync()
    {
        var pauses = new BackOff(waiting.Clock);
        while (!_stop.IsCancellationRequested)
        {
            pauses.Started();
            log.Begin(waiting.Clock.GetUtcNow());
            await using (var process = GuardedProcess.Start(program.Command, pidFile, program.WorkingDirectory, variables, log.Write))
            {
                await Task.WhenAny(process.Ended, Task.Delay(Timeout.Infinite, _stop.Token));
                await process.StopAsync();
                if (_stop.IsCancellationRequested) return;
                var pause = pauses.Next();
                waiting.Say($"{Name} ended with code {await process.Ended}; it starts again in {pause.TotalSeconds:0.#} s. The end of '{log.Path}':\n{log.Tail()}");
                try { await Task.Delay(pause, waiting.Clock, _stop.Token); }
                catch (OperationCanceledException) { return; }
            }
        }
    }
}
