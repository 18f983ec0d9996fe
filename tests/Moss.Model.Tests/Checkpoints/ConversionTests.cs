using Moss.Model.Checkpoints;
using static TorchSharp.torch;

namespace Moss.Model.Tests.Checkpoints;

public class ConversionTests
{
    [Theory]
    [InlineData("llama3-tied", false, false)]
    [InlineData("llama3-tied", true, false)]
    [InlineData("llama3-tied", false, true)]
    [InlineData("moss", false, false)]
    [InlineData("gpt2", true, true)]
    public void Every_tensor_is_the_published_one_to_the_byte(string family, bool deflated, bool bigEndian)
    {
        var (folder, original) = (Source(family), Path.Combine(Shared.Find($"golden/{family}"), "model.safetensors"));
        TorchFile.FromSafetensors(original, Path.Combine(folder, "pytorch_model.bin"), deflated: deflated, bigEndian: bigEndian);
        Assert.Equal(Content(original), Content(Path.Combine(Convert(folder), "model.safetensors")));
    }

    [Theory]
    [InlineData("llama3-tied", "layers.0.")]
    [InlineData("moss", "h.0.")]
    public void A_folder_in_shards_is_converted_whole_its_other_files_byte_for_byte_and_computes_the_reference_s_numbers(string family, string first)
    {
        var folder = Source(family);
        var original = Path.Combine(Shared.Find($"golden/{family}"), "model.safetensors");
        bool First(string name) => name.Contains(first, StringComparison.Ordinal);
        TorchFile.FromSafetensors(original, Path.Combine(folder, "pytorch_model-00001-of-00002.bin"), First);
        TorchFile.FromSafetensors(original, Path.Combine(folder, "pytorch_model-00002-of-00002.bin"), name => !First(name));
        WriteIndex(folder, Safetensors.Names(original).ToDictionary(n => n, n => $"pytorch_model-0000{(First(n) ? 1 : 2)}-of-00002.bin"));
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\r\né\n");

        var made = Convert(folder);
        Assert.Equal(["config.json", "golden.json", "manifest.json", "merges.txt", "model.safetensors"], Directory.GetFiles(made).Select(Path.GetFileName).Order());
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "merges.txt")), File.ReadAllBytes(Path.Combine(made, "merges.txt")));
        Assert.NotNull(CheckpointFolder.Open(made, weightsOnly: true).VerifyManifest());

        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var network = CheckpointFolder.Open(made, weightsOnly: true).LoadNetwork();
        var test = Shared.Json($"golden/{family}/golden.json").GetProperty("cases").EnumerateArray().Last();
        var logits = network.NextLogits(GoldenTests.Row(test.GetProperty("input_ids").Ints())).data<float>().ToArray();
        Assert.InRange(test.GetProperty("logits_last").Doubles().Zip(logits, (a, b) => Math.Abs(a - b)).Max(), 0, 5e-5);
    }

    [Fact]
    public void Shared_storages_offsets_and_strides_are_followed()
    {
        var folder = Shared.NewFolder();
        var pickle = PickleWriter.StateDict(p => p
            .Tensor("whole", "FloatStorage", "0", 6, 0, [2, 3])
            .Tensor("turned", "FloatStorage", "0", 6, 0, [3, 2], [1, 3])
            .Tensor("tail", "FloatStorage", "0", 6, 4, [2])
            .Tensor("every.other", "FloatStorage", "0", 6, 1, [3], [2])
            .Tensor("scalar", "FloatStorage", "0", 6, 5, []));
        TorchFile.Write(Path.Combine(folder, "pytorch_model.bin"), pickle, [("0", TorchFile.Floats(0, 1, 2, 3, 4, 5))]);
        var read = new Dictionary<string, Tensor>
        {
            ["whole"] = zeros(2, 3), ["turned"] = zeros(3, 2), ["tail"] = zeros(2), ["every.other"] = zeros(3), ["scalar"] = zeros([]),
        };
        Assert.Equal(5, Safetensors.Load(Path.Combine(Convert(folder), "model.safetensors"), name => read[name]).Count);
        Assert.Equal([0, 3, 1, 4, 2, 5], read["turned"].data<float>().ToArray());
        Assert.Equal([4, 5], read["tail"].data<float>().ToArray());
        Assert.Equal([1, 3, 5], read["every.other"].data<float>().ToArray());
        Assert.Equal(5, read["scalar"].item<float>());
    }

    [Fact]
    public void A_tied_head_is_left_out_as_published_files_do()
    {
        var folder = Source("llama3-tied");
        var pickle = PickleWriter.StateDict(p => p
            .Tensor("model.embed_tokens.weight", "FloatStorage", "0", 4, 0, [2, 2]).Tensor("lm_head.weight", "FloatStorage", "0", 4, 0, [2, 2]));
        TorchFile.Write(Path.Combine(folder, "pytorch_model.bin"), pickle, [("0", TorchFile.Floats(0, 1, 2, 3))]);
        Assert.Equal(["model.embed_tokens.weight"], Safetensors.Names(Path.Combine(Convert(folder), "model.safetensors")));
    }

    [Fact]
    public void Shards_that_do_not_fit_their_index_are_refused_by_file_and_tensor()
    {
        var folder = Shared.NewFolder();
        Assert.Contains("neither pytorch_model.bin nor", Refused(folder), StringComparison.Ordinal);
        TorchFile.Write(Path.Combine(folder, "a.bin"), PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 1, 0, [1])), [("0", TorchFile.Floats(1))]);
        WriteIndex(folder, new() { ["t"] = "a.bin", ["u"] = "b.bin" });
        Assert.Contains("b.bin' is missing: the index says that 'u'", Refused(folder), StringComparison.Ordinal);
        WriteIndex(folder, new() { ["t"] = "a.bin", ["u"] = "a.bin" });
        Assert.Contains("does not hold tensor 'u'", Refused(folder), StringComparison.Ordinal);
        WriteIndex(folder, new() { ["u"] = "a.bin" });
        Assert.Contains("holds tensor 't', which", Refused(folder), StringComparison.Ordinal);
        WriteIndex(folder, new() { ["t"] = "../a.bin" });
        Assert.Contains("'../a.bin'", Refused(folder), StringComparison.Ordinal);
    }

    private static string Refused(string folder) => Assert.Throws<InvalidDataException>(() => PickledWeights.Open(folder)).Message;

    private static void WriteIndex(string folder, Dictionary<string, string> map) => File.WriteAllText(
        Path.Combine(folder, "pytorch_model.bin.index.json"), System.Text.Json.JsonSerializer.Serialize(new { weight_map = map }));

    private static string Convert(string folder)
    {
        var target = Path.Combine(Shared.NewFolder(), "out");
        using var weights = PickledWeights.Open(folder);
        var written = 0L;
        weights.WriteTo(target, bytes => written = bytes);
        Assert.Equal(weights.Bytes, written);
        return target;
    }

    /// <summary>A golden folder without its weights.</summary>
    private static string Source(string family)
    {
        var folder = Shared.NewFolder();
        foreach (var file in (string[])["config.json", "golden.json"])
            File.WriteAllBytes(Path.Combine(folder, file), File.ReadAllBytes(Path.Combine(Shared.Find($"golden/{family}"), file)));
        return folder;
    }

    private static Dictionary<string, string> Content(string path)
    {
        var (header, bytes) = (SafetensorsHeader.Read(path), File.ReadAllBytes(path));
        return header.Tensors.ToDictionary(t => t.Name, t => $"{t.Type} {t.Dimensions} " + System.Convert.ToHexString(
            System.Security.Cryptography.SHA256.HashData(bytes.AsSpan((int)(header.DataStart + t.Begin), (int)(t.End - t.Begin)))));
    }
}
