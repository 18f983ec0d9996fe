using System.Text.Json.Nodes;
using Moss.Model;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Text;
using TorchSharp;

namespace Moss.Trainer.Tests.Setup;

/// <summary>A real checkpoint folder of a few thousand random weights, made once per test run: it babbles, but it loads, trains and serves.</summary>
internal static class TinyCheckpoint
{
    private static readonly Lazy<string> Made = new(Make);

    /// <summary>Its folder, to be copied and never changed.</summary>
    public static string Folder => Made.Value;

    /// <summary>Copies it below a checkpoint root.</summary>
    public static CheckpointFolder CopyTo(string root, string name)
    {
        var target = Directory.CreateDirectory(Path.Combine(root, name)).FullName;
        foreach (var file in Directory.EnumerateFiles(Folder)) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        return CheckpointFolder.Open(target);
    }

    public static string TemplateSha256(CheckpointFolder folder) => ChatTemplate.For(folder, Tokenizer.Load(folder.Path)).Sha256;

    private static string Make()
    {
        var root = Directory.CreateTempSubdirectory("moss-tiny-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(root, recursive: true);
        var raw = Directory.CreateDirectory(Path.Combine(root, "raw")).FullName;

        TorchRuntime.Ensure();
        BpeTrainer.Train(["user\n", "assistant\n", "who directed the film", "it was directed by"], 300, Path.Combine(raw, "tokenizer.json"));
        var tokenizer = Tokenizer.Load(raw);
        var config = new ModelConfig
        {
            Family = "qwen3", VocabSize = tokenizer.Size, HiddenSize = 32, IntermediateSize = 64, LayerCount = 1, HeadCount = 2, KeyValueHeadCount = 1,
            HeadDim = 16, NormEpsilon = 1e-6, RopeTheta = 10_000, QueryKeyNorm = true, TiedEmbeddings = true, ContextLength = 512,
            EosTokenIds = [tokenizer.IdOf(BpeTrainer.TurnEnd)!.Value],
        };
        File.WriteAllText(Path.Combine(raw, "config.json"), config.ToJson().ToJsonString());
        File.WriteAllText(Path.Combine(raw, "chat_template.jinja"), ChatTemplate.PlainJinja);
        using (var network = new Transformer(config, torch.CPU))
        {
            RandomWeights.Fill(network, seed: 1);
            Safetensors.Save(Path.Combine(raw, "model.safetensors"), network.named_parameters().Select(p => (p.name, (torch.Tensor)p.parameter)));
        }

        var finished = Path.Combine(root, "tiny");
        using var loaded = LoadedCheckpoint.Load(raw, torch.CPU);
        CheckpointFolder.Write(finished, loaded, new JsonObject { ["recipe"] = "test" }, [[new ChatTurn(ChatTurn.User, "who directed the film")]]);
        return finished;
    }
}
