namespace Moss.Trainer.Serving.Admission;

/// <summary>How long a newcomer will wait for a place, from what is ahead of it; all in turns of the loop.</summary>
internal static class QueueForecast
{
    /// <param name="inProgress">Turns that each reply in progress still takes.</param>
    /// <param name="waiting">Turns that each reply in the queue will take, first come first.</param>
    /// <param name="places">Replies that can be in progress at once, at least one.</param>
    /// <returns>Turns until a place is free for whoever comes now, and until the queue gets one shorter.</returns>
    public static (double Place, double Shorter) Turns(IEnumerable<double> inProgress, IReadOnlyCollection<double> waiting, int places)
    {
        var free = new PriorityQueue<double, double>(inProgress.Select(t => (t, t)));
        while (free.Count < places) free.Enqueue(0, 0);
        while (free.Count > places) free.Dequeue(); // what ends first frees no place while there are too many
        var first = free.Peek();
        foreach (var turns in waiting)
        {
            var end = free.Peek() + turns;
            free.DequeueEnqueue(end, end);
        }
        return (free.Peek(), waiting.Count == 0 ? 0 : first);
    }
}
