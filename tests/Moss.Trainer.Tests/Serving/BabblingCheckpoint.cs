using System.Text.Json.Nodes;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Text;
using TorchSharp;

namespace Moss.Trainer.Tests.Serving;

/// <summary>A complete checkpoint folder with random weights: it babbles, but every file and check is real, and each seed babbles differently.</summary>
internal static class BabblingCheckpoint
{
    public const int Context = 256;

    /// <returns>The manifest's hash.</returns>
    public static string Make(string root, string name, int seed)
    {
        TorchRuntime.SetThreads(1);
        var raw = Directory.CreateDirectory(Path.Combine(root, $"{name}.raw")).FullName;
        BpeTrainer.Train(["user\n", "assistant\n", "who directed the film it was directed by", "谁导演了这部电影"], 320, Path.Combine(raw, "tokenizer.json"));
        var tokenizer = Tokenizer.Load(raw);
        var config = new ModelConfig
        {
            Family = "qwen3",
            VocabSize = tokenizer.Size,
            HiddenSize = 32,
            IntermediateSize = 64,
            LayerCount = 2,
            HeadCount = 2,
            KeyValueHeadCount = 1,
            HeadDim = 16,
            NormEpsilon = 1e-6,
            RopeTheta = 10_000,
            QueryKeyNorm = true,
            TiedEmbeddings = true,
            ContextLength = Context,
            EosTokenIds = [tokenizer.IdOf(BpeTrainer.TurnEnd)!.Value],
        };
        File.WriteAllText(Path.Combine(raw, "config.json"), config.ToJson().ToJsonString());
        File.WriteAllText(Path.Combine(raw, "chat_template.jinja"), ChatTemplate.PlainJinja);
        using (var network = Random(config, seed))
            Safetensors.Save(Path.Combine(raw, "model.safetensors"), network.named_parameters().Select(p => (p.name, (torch.Tensor)p.parameter)));
        using var loaded = LoadedCheckpoint.Load(raw, torch.CPU);
        var manifest = CheckpointFolder.Write(Path.Combine(root, name), loaded, new JsonObject { ["recipe"] = "test" },
            [[new ChatTurn(ChatTurn.User, "who directed the film")], [new ChatTurn(ChatTurn.User, "谁")]]);
        Directory.Delete(raw, recursive: true);
        return manifest;
    }

    private static Transformer Random(ModelConfig config, int seed)
    {
        using var mode = torch.no_grad();
        using var random = new torch.Generator((ulong)seed);
        var network = new Transformer(config, torch.CPU);
        foreach (var (_, parameter) in network.named_parameters().Where(p => p.parameter.dim() > 1)) parameter.normal_(0, 0.3, generator: random);
        return network;
    }
}
