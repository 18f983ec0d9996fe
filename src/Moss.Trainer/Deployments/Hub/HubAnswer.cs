namespace Moss.Trainer.Deployments.Hub;

/// <summary>What a request came to after its redirections.</summary>
/// <param name="Hash">What the hub itself, not the store it redirects to, says of the file.</param>
internal sealed record HubAnswer(HttpResponseMessage Response, FileHash? Hash) : IDisposable
{
    public void Dispose() => Response.Dispose();
}
