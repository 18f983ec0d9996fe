namespace Moss.Trainer.Dispatch;

/// <summary>One queue per kind of resource; a Hangfire server each for the light ones and for the accelerator, so dispatching never waits behind a run.</summary>
internal static class Queues
{
    public const string Dispatch = "dispatch";
    public const string Light = "light";
    public const string Gpu = "gpu";
}
