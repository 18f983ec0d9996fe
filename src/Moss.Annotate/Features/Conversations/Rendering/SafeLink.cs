namespace Moss.Annotate.Features.Conversations.Rendering;

/// <summary>The addresses that a reply may link to.</summary>
public static class SafeLink
{
    private static readonly HashSet<string> Schemes = [Uri.UriSchemeHttp, Uri.UriSchemeHttps, Uri.UriSchemeMailto];

    /// <summary>The address in normal form if it is an absolute http, https or mailto one, else null.</summary>
    public static string? Of(string? url) =>
        url is not null && Uri.TryCreate(url.Trim(), UriKind.Absolute, out var address) && Schemes.Contains(address.Scheme)
            && url.TrimStart().StartsWith(address.Scheme, StringComparison.OrdinalIgnoreCase)
            ? address.AbsoluteUri
            : null;
}
