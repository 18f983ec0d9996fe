using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Native;

/// <summary>Operators of libtorch that TorchSharp does not wrap, each as one typed function, called by libtorch's own C dispatcher.</summary>
/// <remarks>A stack slot holds: an owned tensor handle, a list pointer, the bits of a double, or 0 / 1. The call consumes what it is given.</remarks>
internal static unsafe partial class Aten
{
    private const string Library = "torch_cpu";

    static Aten()
    {
        TorchRuntime.Ensure();
        NativeLibrary.SetDllImportResolver(typeof(Aten).Assembly, (name, _, _) => name == Library ? Torch() : IntPtr.Zero);
    }

    /// <summary>One AdamW update of every parameter in place. Loshchilov and Hutter 2017, arXiv:1711.05101.</summary>
    /// <param name="steps">One 0-d float32 tensor per parameter, already counting this update.</param>
    /// <param name="learningRate">0-d float32 tensor.</param>
    public static void FusedAdamW(
        IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> gradients, IReadOnlyList<Tensor> firstMoments, IReadOnlyList<Tensor> secondMoments,
        IReadOnlyList<Tensor> steps, Tensor learningRate, double beta1, double beta2, double weightDecay, double epsilon)
    {
        using var mode = no_grad();
        var stack = stackalloc ulong[15];
        stack[0] = List(parameters);
        stack[1] = List(gradients);
        stack[2] = List(firstMoments);
        stack[3] = List(secondMoments);
        stack[4] = List([]);                       // max_exp_avg_sqs, for AMSGrad only
        stack[5] = List(steps);
        stack[6] = Own(learningRate);
        stack[7] = Bits(beta1);
        stack[8] = Bits(beta2);
        stack[9] = Bits(weightDecay);
        stack[10] = Bits(epsilon);
        stack[11] = stack[12] = 0;                 // amsgrad, maximize
        stack[13] = stack[14] = 0;                 // grad_scale, found_inf: absent
        Call("aten::_fused_adamw_", "tensor_lr", stack);
    }

    /// <summary>Where a CPU tensor's first number lies.</summary>
    public static void* Address(Tensor tensor) => DataPointer(tensor.Handle, out var address) == 0 ? (void*)address
        : throw new InvalidOperationException("libtorch gave no address for a tensor's numbers.");

    private static void Call(string op, string overload, ulong* stack)
    {
        if (CallDispatcher(op, overload, stack) is var code and not 0) throw new InvalidOperationException(
            $"libtorch refused {op}.{overload} (code {code}); its reason is on standard error. The tensors given do not fit the operator.");
    }

    private static ulong Own(Tensor tensor)
    {
        if (NewHandle(tensor.Handle, out var owned) != 0) throw new InvalidOperationException("libtorch gave no new tensor handle.");
        return (ulong)owned;
    }

    private static ulong List(IReadOnlyList<Tensor> tensors)
    {
        if (NewList((nuint)tensors.Count, out var list) != 0) throw new InvalidOperationException("libtorch gave no new list.");
        foreach (var tensor in tensors)
            if (PushBack(list, Own(tensor)) != 0) throw new InvalidOperationException("libtorch did not take a tensor into a list.");
        return (ulong)list;
    }

    private static ulong Bits(double value) => BitConverter.DoubleToUInt64Bits(value);

    // Already in the process, under the folder that TorchSharp took it from.
    private static IntPtr Torch()
    {
        var file = OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so";
        return NativeLibrary.Load(TorchRuntime.Directory(file) is { } folder ? Path.Combine(folder, file) : file);
    }

    [LibraryImport(Library, EntryPoint = "aoti_torch_new_tensor_handle")]
    private static partial int NewHandle(IntPtr tensor, out IntPtr owned);

    [LibraryImport(Library, EntryPoint = "aoti_torch_get_data_ptr")]
    private static partial int DataPointer(IntPtr tensor, out IntPtr address);

    [LibraryImport(Library, EntryPoint = "aoti_torch_call_dispatcher", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CallDispatcher(string op, string overload, ulong* stack);

    [LibraryImport(Library, EntryPoint = "torch_new_list_reserve_size")]
    private static partial int NewList(nuint size, out IntPtr list);

    [LibraryImport(Library, EntryPoint = "torch_list_push_back")]
    private static partial int PushBack(IntPtr list, ulong value);
}
