namespace Moss.Model.Tests;
public class Smoke { [Xunit.Fact] public void A() { System.Console.WriteLine(TorchSharp.torch.ones(2).sum().item<float>()); } }
