using TorchSharp;

namespace Moss.Model.Tests;

public class DeviceTests
{
    [Fact]
    public void A_device_is_named_or_found_and_what_is_not_there_is_refused()
    {
        Assert.Equal(DeviceType.CPU, TorchRuntime.Device("cpu").type);
        Assert.Equal(torch.cuda_is_available() ? DeviceType.CUDA : DeviceType.CPU, TorchRuntime.Device(null).type);
        Assert.Contains("auto, cpu, cuda", Assert.Throws<InvalidOperationException>(() => TorchRuntime.Device("tpu")).Message, StringComparison.Ordinal);
        if (!torch.cuda_is_available())
            Assert.Contains("NVIDIA", Assert.Throws<InvalidOperationException>(() => TorchRuntime.Device("cuda")).Message, StringComparison.Ordinal);
    }
}
