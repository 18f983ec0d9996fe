using System.Text.RegularExpressions;
using Moss.Data;

namespace Moss.Trainer.Deployments.Hub;

/// <summary>Which folder of which hub: a server with the HTTP interface of Hugging Face's. No server is built in.</summary>
internal sealed partial record HubAddress(Uri Hub, string Repository, string Revision)
{
    public const string Variable = "MOSS_HUB";

    /// <exception cref="MossInputException">What is missing or cannot be, and what to say instead.</exception>
    public static HubAddress Of(string? hub, string repository, string revision)
    {
        if (string.IsNullOrEmpty(hub)) throw new MossInputException(
            $"Say which server to pull from: --from https://SERVER, or set {Variable}. It must have the HTTP interface of the Hugging Face hub.");
        if (!Uri.TryCreate(hub.TrimEnd('/') + "/", UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new MossInputException($"'{hub}' is not the address of a server. It should look like https://SERVER.");
        if (!RepositoryName().IsMatch(repository) || repository.Contains("..", StringComparison.Ordinal))
            throw new MossInputException($"'{repository}' is not the name of a repository. It should look like OWNER/NAME.");
        if (!RevisionName().IsMatch(revision) || revision.Contains("..", StringComparison.Ordinal))
            throw new MossInputException($"'{revision}' is not a revision: a branch, a tag or a commit.");
        return new(address, repository, revision);
    }

    public string Name => Repository[(Repository.IndexOf('/') + 1)..];

    public Uri Listing => new(Hub, $"api/models/{Repository}/revision/{Uri.EscapeDataString(Revision)}?blobs=true");

    public Uri File(string name) => new(Hub, $"{Repository}/resolve/{Uri.EscapeDataString(Revision)}/{Uri.EscapeDataString(name)}");

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}\z")]
    private static partial Regex RepositoryName();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}\z")]
    private static partial Regex RevisionName();
}
