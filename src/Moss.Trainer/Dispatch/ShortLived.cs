using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;

namespace Moss.Trainer.Dispatch;

/// <summary>Keeps a finished job for ten minutes instead of Hangfire's day: dispatching makes one every two seconds.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ShortLivedAttribute : JobFilterAttribute, IApplyStateFilter
{
    public void OnStateApplied(ApplyStateContext context, IWriteOnlyTransaction transaction) => context.JobExpirationTimeout = TimeSpan.FromMinutes(10);

    public void OnStateUnapplied(ApplyStateContext context, IWriteOnlyTransaction transaction) { }
}
