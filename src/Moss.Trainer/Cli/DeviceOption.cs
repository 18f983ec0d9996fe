using System.CommandLine;
using Moss.Model;

namespace Moss.Trainer.Cli;

/// <summary>`--device`: where this program, and whatever it starts, computes. The same as the variable MOSS_DEVICE.</summary>
internal static class DeviceOption
{
    public static Option<string?> Create()
    {
        var device = new Option<string?>("--device") { Description = $"auto, cpu or cuda; otherwise {TorchRuntime.DeviceVariable}, and auto when that is not set." };
        device.AcceptOnlyFromAmong("auto", "cpu", "cuda");
        return device;
    }

    public static void Apply(ParseResult parsed, Option<string?> device)
    {
        if (parsed.GetValue(device) is { } name) Environment.SetEnvironmentVariable(TorchRuntime.DeviceVariable, name);
    }
}
