namespace Moss.Trainer.Training;

/// <summary>A thread of its own for tensors: dispose scopes and gradient mode belong to a thread, and an await may change it.</summary>
internal static class OwnThread
{
    public static Task<T> RunAsync<T>(string name, Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        }, maxStackSize: 16 << 20);
        (thread.Name, thread.IsBackground) = (name, true);
        thread.Start();
        return done.Task;
    }
}
