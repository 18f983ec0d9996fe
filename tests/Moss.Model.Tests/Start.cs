using System.Runtime.CompilerServices;

namespace Moss.Model.Tests;

internal static class Start
{
    // Before any test touches a tensor: what the native library reads when it is loaded must be set by then.
    [ModuleInitializer]
    public static void LoadTorch() => TorchRuntime.Ensure();
}
