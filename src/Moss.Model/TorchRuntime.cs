using System.Runtime.InteropServices;
using TorchSharp;

namespace Moss.Model;

/// <summary>The native library under the network: loaded before anything needs it, so that a failure can be explained.</summary>
public static partial class TorchRuntime
{
    private static readonly Lazy<bool> Loaded = new(Load);

    /// <summary>Loads libtorch, or says why the system's loader refused it. Cheap after the first call.</summary>
    /// <exception cref="DllNotFoundException">The loader's own message.</exception>
    public static void Ensure() => _ = Loaded.Value;

    /// <summary>Threads of every tensor operation in this process. The same count gives the same bits.</summary>
    public static void SetThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Ensure();
        torch.set_num_threads(count);
    }

    public static int Threads
    {
        get
        {
            Ensure();
            return torch.get_num_threads();
        }
    }

    /// <summary>Where this program computes, for itself and the programs it starts: auto, cpu or cuda.</summary>
    public const string DeviceVariable = "MOSS_DEVICE";

    /// <summary>What <see cref="DeviceVariable"/> names; unless set, CUDA where this build and machine have it, else the CPU.</summary>
    /// <exception cref="InvalidOperationException">It names what is not there.</exception>
    public static torch.Device BestDevice() => Device(Environment.GetEnvironmentVariable(DeviceVariable));

    /// <param name="name">auto (also null or empty), cpu or cuda.</param>
    /// <exception cref="InvalidOperationException">It is none of these, or is not there.</exception>
    public static torch.Device Device(string? name)
    {
        Ensure();
        return name switch
        {
            null or "" or "auto" => torch.cuda_is_available() ? torch.CUDA : torch.CPU,
            "cpu" => torch.CPU,
            "cuda" => torch.cuda_is_available() ? torch.CUDA : throw new InvalidOperationException(
                "The device cuda was asked for, but this build of libtorch sees no NVIDIA GPU. Use cpu or auto, or build with the CUDA libraries on a machine that has one."),
            _ => throw new InvalidOperationException($"'{name}' is not a device. Known: auto, cpu, cuda."),
        };
    }

    private static bool Load()
    {
        var name = OperatingSystem.IsWindows() ? "LibTorchSharp.dll" : OperatingSystem.IsMacOS() ? "libLibTorchSharp.dylib" : "libLibTorchSharp.so";
        // Beside the program (published), or in its package layout (built).
        var path = Directory(name) is { } folder ? Path.Combine(folder, name) : throw new DllNotFoundException(
            $"{name} is neither in '{AppContext.BaseDirectory}' nor in its runtimes folder. " +
            "Only programs that import build/libtorch.targets can run the model; build again from the repository root.");
        WaitWithoutSpinning();
        try
        {
            NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new DllNotFoundException(
                $"'{path}' does not load: {e.Message} If it names GLIBCXX, the build step that relaxes it did not run: build again. " +
                "If it names a missing library, install that library.", e);
        }
        torch.InitializeDeviceType(DeviceType.CPU);
        return true;
    }

    /// <summary>
    /// Waiting threads of libgomp spin by default: beside other busy processes that made training six to twenty times slower.
    /// It reads its environment when it is loaded, and .NET's own SetEnvironmentVariable does not reach native code.
    /// </summary>
    private static void WaitWithoutSpinning()
    {
        if (OperatingSystem.IsLinux()) _ = SetNative("OMP_WAIT_POLICY", "PASSIVE", overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNative(string name, string value, int overwrite);

    internal static string? Directory(string file) =>
        ((string[])[AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"),
            Path.Combine(AppContext.BaseDirectory, "runtimes", Portable, "native")])
        .FirstOrDefault(folder => File.Exists(Path.Combine(folder, file)));

    // RuntimeIdentifier may be a distribution's own ("debian.12-x64"); packages use the portable one.
    private static string Portable =>
        (OperatingSystem.IsWindows() ? "win-" : OperatingSystem.IsMacOS() ? "osx-" : "linux-") +
        RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
}
