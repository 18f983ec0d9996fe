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

    public bool IsFull => Count >= capacity;

    /// <summary>Those who wait, the longest first.</summary>
    public IReadOnlyList<Reply> All
    {
        get { lock (_gate) return [.. _line]; }
    }

    /// <summary>The reply's place in the line from 1, or 0 when it does not wait (any more).</summary>
    public int PlaceOf(Reply reply)
    {
        lock (_gate)
        {
            var place = 1;
            for (var node = _line.First; node is not null; node = node.Next, place++)
                if (node.Value == reply) return place;
            return 0;
        }
    }

    /// <summary>All of them or, when the room has not places for all or is closed, none. A client that goes away leaves the line at once.</summary>
    public bool TryEnter(IReadOnlyList<Reply> replies)
    {
        LinkedListNode<Reply>[] places;
        lock (_gate)
        {
            if (_closed || _line.Count + replies.Count > capacity) return false;
            places = [.. replies.Select(_line.AddLast)];
            Monitor.Pulse(_gate);
        }
        foreach (var place in places) place.Value.Abandoned.Register(() => Leave(place));
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
