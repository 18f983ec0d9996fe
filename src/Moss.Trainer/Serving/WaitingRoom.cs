using System.Diagnostics.CodeAnalysis;

namespace Moss.Trainer.Serving;

/// <summary>Replies that wait for a place, first come first served; full is full.</summary>
internal sealed class WaitingRoom(int capacity)
{
    private readonly object _gate = new(); // Monitor: the loop's thread sleeps here until somebody comes
    private readonly LinkedList<Reply> _line = [];
    private bool _closed;

    public int Count
    {
        get { lock (_gate) return _line.Count; }
    }

    /// <summary>False when the room is full or closed. A client that goes away leaves the line at once.</summary>
    public bool TryEnter(Reply reply)
    {
        LinkedListNode<Reply> place;
        lock (_gate)
        {
            if (_closed || _line.Count >= capacity) return false;
            place = _line.AddLast(reply);
            Monitor.Pulse(_gate);
        }
        reply.Abandoned.Register(() => Leave(place));
        return true;
    }

    /// <summary>The longest-waiting reply; with <paramref name="wait"/> the calling thread sleeps until there is one or the room closes.</summary>
    /// <param name="fits">Whether there is memory for it now; if not, it goes on waiting at the head of the line.</param>
    public bool TryTake(bool wait, Func<Reply, bool> fits, [NotNullWhen(true)] out Reply? reply)
    {
        lock (_gate)
        {
            while (wait && !_closed && _line.Count == 0) Monitor.Wait(_gate);
            reply = _line.First?.Value;
            if (reply is not null && !fits(reply)) reply = null;
            if (reply is not null) _line.RemoveFirst();
            return reply is not null;
        }
    }

    /// <summary>Lets nobody in any more and wakes the loop.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Leave(LinkedListNode<Reply> place)
    {
        lock (_gate)
        {
            if (place.List is null) return; // already taken by the loop, which looks at the token before each step
            _line.Remove(place);
        }
        place.Value.Fail(new OperationCanceledException(place.Value.Abandoned));
        place.Value.Dispose();
    }
}
