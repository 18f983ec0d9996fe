namespace Moss.Trainer.Deployments.Hub;

/// <summary>A hub that may answer later.</summary>
internal sealed class HubBusyException(string what, TimeSpan? wait) : IOException(what)
{
    /// <summary>How long it asks to be left alone; null when it does not say.</summary>
    public TimeSpan? Wait => wait;
}
