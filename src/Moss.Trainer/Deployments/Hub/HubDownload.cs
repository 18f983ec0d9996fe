using System.Net;
using System.Net.Http.Headers;
using Moss.Data;

namespace Moss.Trainer.Deployments.Hub;

/// <summary>
/// One file on its way into a folder: NAME.part grows, over broken connections too, and is named NAME when its hash is right.
/// </summary>
internal sealed class HubDownload(HubClient client, HubAddress address, HubFile file, string folder, Action<long> arrived)
{
    private const long MostUnannounced = 100_000_000; // of a file whose length nobody says

    private readonly string _target = Path.Combine(folder, file.Name), _part = Path.Combine(folder, file.Name + ".part");
    private readonly string _tagFile = Path.Combine(folder, file.Name + ".part.etag");
    private FileHash? _hash = file.Hash;
    private long? _length = file.Bytes;
    private bool _wasWrong;

    /// <summary>Bytes in the part file.</summary>
    public long Here => new FileInfo(_part) is { Exists: true } part ? part.Length : 0;

    /// <returns>True when it was here already.</returns>
    public async Task<bool> RunAsync(Retries retries, CancellationToken cancellation)
    {
        if (await IsHereAsync(cancellation)) return true;
        var kept = false;
        await retries.UntilDoneAsync(async token =>
        {
            if (Here == 0 || Here != _length || _hash is null) kept = await FetchAsync(token);
            return kept || await FinishAsync(token);
        }, () => Here, cancellation);
        return kept;
    }

    private async Task<bool> IsHereAsync(CancellationToken cancellation)
    {
        if (!File.Exists(_target) || _hash is null) return false;
        return await _hash.IsOfAsync(_target, cancellation) ? true : throw new MossInputException(
            $"'{_target}' exists and is not the hub's (which has {_hash}). Remove it, or pull into another folder with --to.");
    }

    /// <returns>True when the answer's hash shows that the file is here already.</returns>
    private async Task<bool> FetchAsync(CancellationToken cancellation)
    {
        var (from, tag) = (Here, File.Exists(_tagFile) ? await File.ReadAllTextAsync(_tagFile, cancellation) : "");
        using var answer = await client.GetAsync(address.File(file.Name), headers =>
        {
            if (from == 0) return;
            headers.Range = new RangeHeaderValue(from, null);
            if (EntityTagHeaderValue.TryParse(tag, out var known) && !known.IsWeak) headers.IfRange = new RangeConditionHeaderValue(known);
        }, cancellation);
        _hash ??= answer.Hash ?? throw new MossInputException(
            $"{address.File(file.Name)} comes without a hash (X-Linked-Etag or ETag), so nobody could tell whether it arrives whole. This server is no hub.");
        if (await IsHereAsync(cancellation)) return true;

        var content = answer.Response.Content.Headers;
        if (answer.Response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            if (from == 0) throw new IOException($"{address.File(file.Name)} answered 416 to a request for all of it");
            if (from != (content.ContentRange?.Length ?? _length)) Forget();
            else _length ??= from;
            return false;
        }
        var goesOn = answer.Response.StatusCode == HttpStatusCode.PartialContent && content.ContentRange?.From == from;
        if (answer.Response.StatusCode == HttpStatusCode.PartialContent && !goesOn)
        {
            Forget();
            throw new IOException($"{address.File(file.Name)} answered with another part than was asked for");
        }
        if (!goesOn) Forget();
        _length ??= goesOn ? content.ContentRange?.Length : content.ContentLength;
        await File.WriteAllTextAsync(_tagFile, answer.Response.Headers.ETag?.ToString() ?? "", cancellation);
        await ReceiveAsync(answer.Response, cancellation);
        _length ??= Here;
        return false;
    }

    private async Task ReceiveAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        await using var source = await response.Content.ReadAsStreamAsync(cancellation);
        await using var part = new FileStream(_part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 1);
        part.Seek(0, SeekOrigin.End); // not FileMode.Append, which could not take back what it found
        var buffer = new byte[1 << 18];
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        while (true)
        {
            stall.CancelAfter(HubClient.Stall);
            int read;
            try
            {
                read = await source.ReadAsync(buffer, stall.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new TimeoutException($"{address.File(file.Name)} sent nothing for {HubClient.Stall.TotalSeconds} seconds");
            }
            if (read == 0) return;
            if (part.Length + read > (_length ?? MostUnannounced))
            {
                part.SetLength(0);
                throw new InvalidDataException($"{address.File(file.Name)} sends more than the {_length ?? MostUnannounced:N0} bytes it has. It is not kept.");
            }
            await part.WriteAsync(buffer.AsMemory(0, read), cancellation);
            arrived(read);
        }
    }

    /// <returns>False when all has to come again.</returns>
    private async Task<bool> FinishAsync(CancellationToken cancellation)
    {
        if (Here < (_length ?? 0)) throw new IOException($"{address.File(file.Name)} broke off after {Here:N0} of {_length:N0} bytes");
        if (!File.Exists(_part)) await File.WriteAllBytesAsync(_part, [], cancellation);
        if (!await _hash!.IsOfAsync(_part, cancellation))
        {
            Forget();
            // Parts of two states may have met; what came in one piece may not be wrong twice.
            if (_wasWrong) throw new InvalidDataException(
                $"{address.File(file.Name)} is not what the hub says it is: its bytes do not come to {_hash}. It is not kept; try again later or from another server.");
            return !(_wasWrong = true);
        }
        await using (var part = new FileStream(_part, FileMode.Open, FileAccess.Write)) part.Flush(flushToDisk: true);
        File.Move(_part, _target);
        File.Delete(_tagFile);
        return true;
    }

    private void Forget()
    {
        File.Delete(_part);
        File.Delete(_tagFile);
    }
}
