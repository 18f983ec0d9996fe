using System.Runtime.InteropServices;
using CsCheck;
using Moss.Model.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests.Checkpoints;

public class WeightReadingTests
{
    private static readonly string Folder = Shared.NewFolder();

    [Fact]
    public void Every_half_and_every_bfloat16_is_widened_exactly_and_only_endless_ones_are_not_finite()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var half = BitConverter.UInt16BitsToHalf((ushort)bits);
            var brain = BitConverter.UInt32BitsToSingle((uint)bits << 16);
            Assert.Equal(Half.IsFinite(half), WeightBits.AreFinite(BitConverter.GetBytes((ushort)bits), ScalarType.Float16));
            Assert.Equal(float.IsFinite(brain), WeightBits.AreFinite(BitConverter.GetBytes((ushort)bits), ScalarType.BFloat16));
        }
        var all = Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits).ToArray();
        foreach (var (type, wide) in new (ScalarType, Func<ushort, float>)[]
        {
            (ScalarType.Float16, bits => (float)BitConverter.UInt16BitsToHalf(bits)), (ScalarType.BFloat16, bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)),
        })
        {
            var finite = all.Where(bits => float.IsFinite(wide(bits))).ToArray();
            var made = new float[finite.Length];
            WeightBits.Widen(MemoryMarshal.AsBytes<ushort>(finite), type, MemoryMarshal.AsBytes(made.AsSpan()));
            Assert.Equal(finite.Select(bits => BitConverter.SingleToUInt32Bits(wide(bits))), made.Select(BitConverter.SingleToUInt32Bits));
        }
    }

    [Fact]
    public void One_number_that_is_not_finite_is_found_wherever_it_stands() =>
        Gen.Select(Gen.Int[1, 200], Gen.Int[0, 199], Gen.OneOf(Gen.Const(float.NaN), Gen.Const(float.PositiveInfinity), Gen.Const(float.NegativeInfinity), Gen.Const(1f)))
            .Sample((count, at, value) =>
            {
                var numbers = Enumerable.Repeat(float.MaxValue, count).ToArray();
                numbers[at % count] = value;
                Assert.Equal(float.IsFinite(value), WeightBits.AreFinite(TorchFile.Floats(numbers), ScalarType.Float32));
            }, threads: 1, iter: 500);

    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16, ScalarType.Float32)]
    [InlineData(ScalarType.Float16, ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16, ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32, ScalarType.BFloat16)]
    public void Numbers_of_many_pieces_arrive_as_libtorch_would_convert_them(ScalarType stored, ScalarType wanted)
    {
        using var scope = NewDisposeScope();
        var (large, turned) = (randn(1_300, 777), randn(50, 30)); // 4 MB, and not a whole number of pieces
        var path = Path.Combine(Folder, $"{stored}-{wanted}.safetensors");
        Safetensors.Save(path, [("large", large), ("turned", turned), ("one", tensor(0.1f))], stored);
        var read = new Dictionary<string, Tensor>
        {
            ["large"] = zeros([1_300, 777], wanted), ["turned"] = zeros([30, 50], wanted).t(), ["one"] = zeros([], wanted), // a view, as for weights stored [in, out]
        };
        Safetensors.Load(path, name => read[name]);
        foreach (var (name, original) in new[] { ("large", large), ("turned", turned), ("one", tensor(0.1f)) })
            Assert.True(read[name].equal(original.to(stored).to(wanted)).all().item<bool>(), name);
    }

    [Fact]
    public void The_first_bad_tensor_of_a_file_is_the_one_that_is_named()
    {
        using var scope = NewDisposeScope();
        var (good, bad) = (ones(1 << 20), ones(1 << 20));
        bad[^1] = double.NaN;
        var path = Path.Combine(Folder, "bad.safetensors");
        Safetensors.Save(path, [("a", good), ("b", bad), ("c", bad), ("d", bad)]);
        for (var i = 0; i < 20; i++)
            Assert.Contains("'b' holds NaN", Assert.Throws<InvalidDataException>(() => Safetensors.Load(path, _ => zeros(1 << 20))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qwen3", ScalarType.Float32)]
    [InlineData("moss", ScalarType.Float32)] // packed: taken apart after reading
    [InlineData("gpt2", ScalarType.BFloat16)]
    public void A_network_is_loaded_with_the_file_s_numbers_in_the_type_asked_for_and_learns(string family, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var loaded = CheckpointFolder.Open(Shared.Find($"golden/{family}"), weightsOnly: true).LoadNetwork(type: type);
        using var golden = GoldenTests.Load(family);
        Assert.All(loaded.named_parameters().Zip(golden.named_parameters()), p =>
            Assert.True(p.First.parameter.equal(p.Second.parameter.to(type)).all().item<bool>(), p.First.name));
        Assert.All(loaded.parameters(), p => Assert.True(p.requires_grad));
    }

    [Fact]
    public void A_network_that_was_loaded_inside_a_dispose_scope_outlives_it()
    {
        var opened = CheckpointFolder.Open(Shared.Find("golden/qwen3"), weightsOnly: true);
        Transformer loaded;
        using (NewDisposeScope()) loaded = opened.LoadNetwork();
        using (loaded)
        using (NewDisposeScope())
            Assert.Equal(loaded.Config.VocabSize, loaded.NextLogits(GoldenTests.Row([1, 2])).shape[0]);
    }
}
