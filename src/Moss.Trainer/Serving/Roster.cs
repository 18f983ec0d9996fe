using Moss.Data.Deployments;

namespace Moss.Trainer.Serving;

/// <summary>What one deployment name answers with at the moment, and since when.</summary>
internal sealed record Post(string Name, ServedCheckpoint Checkpoint, DateTimeOffset Since);

/// <summary>Which checkpoint answers to which name, and which replaced ones are still in memory.</summary>
/// <remarks>A request takes a lease once and keeps it to its end, so changing a post between two requests mixes nothing.</remarks>
internal sealed class Roster(TimeProvider clock) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Post> _posts = [];
    private readonly Dictionary<Guid, Resident> _residents = [];

    /// <summary>Why the newest deployment is not the one that serves; null when it is.</summary>
    public string? Error { get; set; }

    /// <summary>What is being loaded, in words; null when nothing is. At the start the deployments are still to be read.</summary>
    public string? Coming { get; set; } = "the newest deployment";

    /// <summary>For whoever asks before any checkpoint serves.</summary>
    public string WhyNotReady => Error
        ?? (Coming is { } coming ? $"MOSS is loading {coming}. Ask again in a few seconds." : null)
        ?? "No checkpoint is deployed yet. Deploy one on the Checkpoints page or with ./moss deploy; the first start deploys the starter by itself.";

    /// <summary>Times that a name got another checkpoint than it had.</summary>
    public long Swaps { get; private set; }

    public IReadOnlyList<Post> Posts
    {
        get { lock (_gate) return [.. _posts.Values.OrderBy(p => p.Name != Deployment.Champion).ThenBy(p => p.Name, StringComparer.Ordinal)]; }
    }

    public IReadOnlyList<ServedCheckpoint> InMemory
    {
        get { lock (_gate) return [.. _residents.Values.Select(r => r.Checkpoint).OrderBy(c => c.Name, StringComparer.Ordinal)]; }
    }

    /// <summary>A lease on what this name stands for: a deployment name, a checkpoint's name or its id. Null when nothing such is in memory.</summary>
    public CheckpointLease? Lease(string model)
    {
        lock (_gate)
        {
            var resident = _posts.TryGetValue(model, out var post)
                ? _residents[post.Checkpoint.Id]
                : _residents.Values.FirstOrDefault(r => r.Checkpoint.Name == model || r.Checkpoint.Id.ToString() == model);
            if (resident is null) return null;
            resident.Leases++;
            return new CheckpointLease(resident.Checkpoint, () => GiveBack(resident));
        }
    }

    /// <summary>Takes a loaded checkpoint in, without a post: it can be asked for by name or id and is freed like a replaced one.</summary>
    /// <remarks>Loaded twice at the same time (deployed, and asked for by name), the first one stays and this one is freed.</remarks>
    public void TakeIn(ServedCheckpoint checkpoint)
    {
        lock (_gate)
            if (_residents.TryAdd(checkpoint.Id, new Resident(checkpoint) { IdleSince = clock.GetUtcNow() })) return;
        checkpoint.Dispose();
    }

    /// <summary>From the next request on, the name is answered by this checkpoint. False when it is not in memory (any more): load it and take it in.</summary>
    public bool TryAppoint(string name, Guid id)
    {
        lock (_gate)
        {
            if (!_residents.TryGetValue(id, out var resident)) return false;
            var now = clock.GetUtcNow();
            if (_posts.TryGetValue(name, out var former))
            {
                _residents[former.Checkpoint.Id].IdleSince = now;
                if (former.Checkpoint.Id != id) Swaps++;
            }
            _posts[name] = new Post(name, resident.Checkpoint, now);
            return true;
        }
    }

    /// <summary>Frees what no post names, no reply uses, and nobody has asked for during this time; the longest idle first.</summary>
    public IReadOnlyList<string> FreeIdle(TimeSpan keep, int atMost = int.MaxValue)
    {
        List<ServedCheckpoint> idle;
        lock (_gate)
        {
            var since = clock.GetUtcNow() - keep;
            idle = [.. _residents.Values
                .Where(r => r.Leases == 0 && r.IdleSince <= since && _posts.Values.All(p => p.Checkpoint.Id != r.Checkpoint.Id))
                .OrderBy(r => r.IdleSince).Take(atMost).Select(r => r.Checkpoint)];
            foreach (var checkpoint in idle) _residents.Remove(checkpoint.Id);
        }
        foreach (var checkpoint in idle) checkpoint.Dispose();
        return [.. idle.Select(c => c.Name)];
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var resident in _residents.Values.Where(r => r.Leases == 0)) resident.Checkpoint.Dispose();
            _residents.Clear();
            _posts.Clear();
        }
    }

    private void GiveBack(Resident resident)
    {
        lock (_gate)
        {
            resident.Leases--;
            resident.IdleSince = clock.GetUtcNow();
        }
    }

    private sealed class Resident(ServedCheckpoint checkpoint)
    {
        public ServedCheckpoint Checkpoint => checkpoint;
        public int Leases { get; set; }

        /// <summary>When it was last used or replaced; only looked at while no post names it.</summary>
        public DateTimeOffset IdleSince { get; set; }
    }
}
