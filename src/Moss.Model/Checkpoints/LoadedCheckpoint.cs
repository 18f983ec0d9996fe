using Moss.Model.Text;
using TorchSharp;

namespace Moss.Model.Checkpoints;

/// <summary>A checkpoint in memory, verified: network, tokenizer and chat template that belong together.</summary>
public sealed class LoadedCheckpoint : IDisposable
{
    private LoadedCheckpoint(CheckpointFolder folder, Transformer transformer, Tokenizer tokenizer, ChatTemplate template)
    {
        (Folder, Transformer, Tokenizer, ChatTemplate) = (folder, transformer, tokenizer, template);
        StopIds = folder.EosTokenIds.Concat(template.Terminators).Where(id => id < tokenizer.Size).ToHashSet();
    }

    public CheckpointFolder Folder { get; }
    public Transformer Transformer { get; private set; }
    public Tokenizer Tokenizer { get; }
    public ChatTemplate ChatTemplate { get; }
    public ModelConfig Config => Folder.Config;
    public string ManifestSha256 => Folder.ManifestSha256;

    /// <summary>Tokens that end a reply: those of the configs and the template's terminators.</summary>
    public IReadOnlySet<int> StopIds { get; }

    /// <summary>The quality that this checkpoint was tuned to be asked for, see <see cref="Text.QualityTag"/>; null when it was not.</summary>
    public string? AskedQuality => Folder.AskedQuality;

    /// <summary>The turns as this checkpoint is to be asked: trained is served.</summary>
    public IReadOnlyList<ChatTurn> Asked(IReadOnlyList<ChatTurn> turns) => AskedQuality is { } quality ? QualityTag.Ask(turns, quality) : turns;

    /// <summary>Verifies the manifest, reads everything and checks that the parts fit each other.</summary>
    /// <param name="device">Null for CUDA where there is one, else the CPU.</param>
    /// <param name="template">Name of a chat template, for folders whose own is unknown.</param>
    /// <param name="type">Number format of the weights in memory.</param>
    /// <exception cref="InvalidDataException">What is damaged or does not fit, in which file.</exception>
    public static LoadedCheckpoint Load(
        string folder, torch.Device? device = null, string? template = null, torch.ScalarType type = torch.ScalarType.Float32)
    {
        var opened = CheckpointFolder.Open(folder);
        opened.VerifyManifest();
        var tokenizer = Tokenizer.Load(folder);
        if (tokenizer.Size > opened.Config.VocabSize) throw new InvalidDataException(
            $"'{folder}': the tokenizer knows {tokenizer.Size:N0} tokens but the weights have room for {opened.Config.VocabSize:N0}. " +
            "They come from different models, so replies would be noise. Copy tokenizer.json from the checkpoint this one was trained from.");
        var chat = ChatTemplate.For(opened, tokenizer, template);
        var transformer = opened.LoadNetwork(device ?? TorchRuntime.BestDevice(), type);
        return new(opened, transformer, tokenizer, chat);
    }

    /// <summary>Proves that this network answers as the trainer recorded in checks.json; without that file there is nothing to prove.</summary>
    /// <exception cref="InvalidDataException">Served is not trained; says how far apart.</exception>
    public void VerifyChecks() => CheckpointChecks.Read(Folder.Path)?.Verify(Transformer, Folder.Path, StopIds, Tokenizer.Size);

    /// <summary>Keeps the weights in fewer bits from now on; what was proved of them before was proved of the original.</summary>
    public void Narrow(torch.ScalarType type)
    {
        if (Transformer.WeightType == type) return;
        var narrow = Narrowed(type);
        Transformer.Dispose();
        Transformer = narrow;
    }

    /// <summary>The network in fewer bits, beside this one; the caller's.</summary>
    internal Transformer Narrowed(torch.ScalarType type)
    {
        var narrow = new Transformer(Config, Transformer.Device, type);
        var from = Transformer.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        using (torch.no_grad())
            foreach (var (name, parameter) in narrow.named_parameters()) parameter.copy_(from[name]);
        narrow.eval();
        return narrow;
    }

    public void Dispose() => Transformer.Dispose();
}
