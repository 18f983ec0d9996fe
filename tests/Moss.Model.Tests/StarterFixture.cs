using Moss.Model.Checkpoints;
using Moss.Model.Learning;

[assembly: AssemblyFixture(typeof(Moss.Model.Tests.StarterFixture))]

namespace Moss.Model.Tests;

/// <summary>A starter checkpoint of the few sample conversations, trained once for all tests that need one.</summary>
public sealed class StarterFixture : IDisposable
{
    private readonly Lazy<(string Folder, string Sha256)> _made = new(() =>
    {
        var folder = Path.Combine(Shared.NewFolder(), "starter");
        return (folder, StarterModel.Create(folder, Samples.Conversations, [Samples.Chat("Who made you?", "I am MOSS.")], seed: 1));
    });

    public string Folder => _made.Value.Folder;
    public string Sha256 => _made.Value.Sha256;

    public LoadedCheckpoint Load() => LoadedCheckpoint.Load(Folder, TorchSharp.torch.CPU);

    /// <summary>A copy that a test may damage.</summary>
    public string Copy()
    {
        var copy = Path.Combine(Shared.NewFolder(), "copy");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.EnumerateFiles(Folder)) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }

    public void Dispose()
    {
        if (_made.IsValueCreated) Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
    }
}
