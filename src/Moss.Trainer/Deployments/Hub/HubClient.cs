using System.Net;
using System.Net.Http.Headers;
using Moss.Data;

namespace Moss.Trainer.Deployments.Hub;

/// <summary>
/// Requests to a hub: the token goes to the hub alone, redirections are followed by hand, refusals become sentences.
/// </summary>
internal sealed class HubClient : IDisposable
{
    public const string TokenVariable = "MOSS_HUB_TOKEN";
    private const int MostRedirections = 5;

    /// <summary>How long a hub may stay silent.</summary>
    public static readonly TimeSpan Stall = TimeSpan.FromSeconds(60);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(20),
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    private readonly Uri _hub;
    private readonly string? _token;

    public HubClient(Uri hub, string? token)
    {
        if (token is { Length: > 0 } && hub.Scheme != "https" && !hub.IsLoopback) throw new MossInputException(
            $"{TokenVariable} is set, but {hub} is not https: the token could be read on its way. Use https, or unset the variable.");
        (_hub, _token) = (hub, token is { Length: > 0 } ? token : null);
    }

    /// <exception cref="MossInputException">The hub refuses for good.</exception>
    /// <exception cref="HubBusyException">It may answer later.</exception>
    public async Task<HubAnswer> GetAsync(Uri address, Action<HttpRequestHeaders>? with, CancellationToken cancellation)
    {
        var (at, hash) = (address, (FileHash?)null);
        for (var hop = 0; hop <= MostRedirections; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, at);
            request.Headers.UserAgent.ParseAdd("moss-platform");
            with?.Invoke(request.Headers);
            if (_token is not null && IsHub(at)) request.Headers.Authorization = new("Bearer", _token);
            var response = await SendAsync(request, cancellation);
            if (IsHub(at)) hash ??= Stated(response);
            if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect) || response.Headers.Location is not { } location)
                return Accepted(response) ? new(response, hash) : throw Refused(response, address);
            response.Dispose();
            var next = new Uri(at, location);
            if (next.Scheme != at.Scheme && next.Scheme != "https")
                throw new MossInputException($"{at.GetLeftPart(UriPartial.Path)} redirects to {next.Scheme}, which is not followed.");
            at = next;
        }
        throw new MossInputException($"{address} redirects more than {MostRedirections} times.");
    }

    public void Dispose() => _http.Dispose();

    /// <exception cref="TimeoutException">No connection, or no answer in time.</exception>
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stall.CancelAfter(Stall);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stall.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"{request.RequestUri} did not answer"); // connecting, too, gives up by canceling
        }
    }

    private bool IsHub(Uri address) => address.GetLeftPart(UriPartial.Authority) == _hub.GetLeftPart(UriPartial.Authority);

    private static FileHash? Stated(HttpResponseMessage response) =>
        (response.Headers.TryGetValues("X-Linked-Etag", out var linked) ? FileHash.Parse(linked.First()) : null) ?? FileHash.Parse(response.Headers.ETag?.Tag);

    private static bool Accepted(HttpResponseMessage response) =>
        response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable;

    private Exception Refused(HttpResponseMessage response, Uri address)
    {
        using (response)
        {
            var status = (int)response.StatusCode;
            return status switch
            {
                401 or 403 => new MossInputException($"{address} is not open to everyone (answer {status}). " + (_token is null
                    ? $"Get access on the hub's page, make a token there and set {TokenVariable} to it."
                    : $"The token in {TokenVariable} does not give access: get it on the hub's page, or use another token.")),
                404 or 410 => new MossInputException(
                    $"{address} does not exist (answer {status}). See that the repository, the revision and the server are written rightly."),
                408 or 429 or >= 500 => new HubBusyException($"{address} answered {status}", Wait(response)),
                _ => new MossInputException($"{address} answered {status}, which a hub does not."),
            };
        }
    }

    private static TimeSpan? Wait(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - TimeProvider.System.GetUtcNow(),
        _ => null,
    };
}
