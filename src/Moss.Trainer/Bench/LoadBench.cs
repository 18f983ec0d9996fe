using System.Diagnostics;
using Moss.Model;
using Moss.Model.Checkpoints;

namespace Moss.Trainer.Bench;

/// <summary>How fast a folder of random weights becomes a network, and how much memory that takes beside the weights themselves.</summary>
internal sealed class LoadBench(double gigabytes, string type)
{
    private const int Hidden = 2_048, Mlp = 6_144, Heads = 16, KeyValueHeads = 8, HeadDim = 128, Vocabulary = 8_192, Rounds = 3;

    public object Run()
    {
        TorchRuntime.Ensure();
        var folder = Directory.CreateTempSubdirectory("moss-load-").FullName;
        try
        {
            var bytes = Write(folder);
            var opened = CheckpointFolder.Open(folder, weightsOnly: true);
            var (rates, growth) = (new List<double>(), 0.0);
            for (var round = 0; round < Rounds; round++)
            {
                var before = Resident();
                var started = TimeProvider.System.GetTimestamp();
                using var network = opened.LoadNetwork(TorchSharp.torch.CPU);
                rates.Add(bytes / TimeProvider.System.GetElapsedTime(started).TotalSeconds / 1e9);
                if (round == 0) growth = (Resident() - before) / (double)(opened.Config.ParameterCount * sizeof(float));
            }
            return new
            {
                bench = "load",
                parameters = opened.Config.ParameterCount,
                stored = type,
                in_memory = "F32",
                bytes,
                cores = Environment.ProcessorCount,
                files = opened.WeightFiles.Count,
                cache = "warm: just written",
                gb_per_second = rates.Select(rate => Math.Round(rate, 2)),
                rss_growth_per_weight_byte = Math.Round(growth, 3),
                load_average = Conditions.LoadAverage(),
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Network configuration with as many layers as make the size, and finite random numbers of the type asked for.</summary>
    /// <returns>Bytes of weights.</returns>
    private long Write(string folder)
    {
        var size = type == "F32" ? 4 : 2;
        var config = Config(layers: 1);
        var (one, two) = (config.ParameterCount, Config(layers: 2).ParameterCount);
        config = Config((int)Math.Max(1, Math.Ceiling((gigabytes * 1e9 / size - one) / (two - one)) + 1));
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJson().ToJsonString());
        using var shapes = new Transformer(config, TorchSharp.torch.META);
        var block = new byte[1 << 20];
        new Random(1).NextBytes(block);
        // The upper exponent bit of every number cleared: below 2, so never infinite and no NaN.
        for (var i = size - 1; i < block.Length; i += size) block[i] &= 0xBF;
        WeightShards.Write(folder, shapes.named_parameters().Select(p => new RawTensor(p.name, type, p.parameter.shape, file =>
        {
            for (var left = p.parameter.NumberOfElements * size; left > 0; left -= block.Length) file.Write(block, 0, (int)Math.Min(left, block.Length));
        })));
        return config.ParameterCount * size;
    }

    private ModelConfig Config(int layers) => new()
    {
        Family = "qwen3", VocabSize = Vocabulary, HiddenSize = Hidden, IntermediateSize = Mlp, LayerCount = layers, HeadCount = Heads,
        KeyValueHeadCount = KeyValueHeads, HeadDim = HeadDim, NormEpsilon = 1e-6, RopeTheta = 10_000, QueryKeyNorm = true, TiedEmbeddings = true,
        ContextLength = 2_048, WeightType = type switch { "F16" => "float16", "BF16" => "bfloat16", _ => "float32" },
    };

    private static long Resident()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
