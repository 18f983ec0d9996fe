namespace Moss.Trainer.Dispatch;

/// <summary>One queue and one Hangfire server per kind of work, so that dispatching waits behind no run, plan or dialogue.</summary>
internal static class Queues
{
    public const string Dispatch = "dispatch";
    public const string Light = "light";
    public const string Gpu = "gpu";
}
