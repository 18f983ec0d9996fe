using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Moss.Model.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model.Tests;

public class SafetensorsTests
{
    private static readonly string Folder = Shared.NewFolder();

    [Theory]
    [InlineData(ScalarType.Float32, 0)]
    [InlineData(ScalarType.Float16, 1e-3)]
    [InlineData(ScalarType.BFloat16, 1e-2)]
    public void What_is_saved_is_loaded(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (a, b, scalar) = (randn(3, 5), randn(7), tensor(2.5f));
        var path = Path.Combine(Folder, $"{type}.safetensors");
        Safetensors.Save(path, [("z", a), ("b", b), ("a.scalar", scalar), ("empty", empty(0, 4))], type);
        var read = new Dictionary<string, Tensor> { ["z"] = zeros(3, 5), ["b"] = zeros(7), ["a.scalar"] = zeros([]), ["empty"] = zeros(0, 4) };
        Assert.Equal(4, Safetensors.Load(path, name => read[name]).Count);
        Assert.True((read["z"] - a).abs().max().item<float>() <= tolerance * 4);
        Assert.Equal(2.5f, read["a.scalar"].item<float>());
        Assert.Equal(["a.scalar", "b", "z"], Safetensors.Names(path).Where(n => n != "empty"));
        Assert.Equal(0, (8 + HeaderLength(path)) % 8);
    }

    public static TheoryData<string, string, string> BadHeaders => new()
    {
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", "duplicate", "twice" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "overlap", "inside 'a'" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""", "hole", "belong to no tensor" },
        { """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}""", "wrong length", "needs 12 bytes" },
        { """{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,160]}}""", "beyond the end", "has 16 bytes of data" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "bytes left over", "end at byte 8" },
        { """{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}""", "overflow", "impossible shape" },
        { """{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}""", "negative size", "not a size" },
        { """{"a":{"dtype":"F33","shape":[4],"data_offsets":[0,16]}}""", "unknown dtype", "F33" },
        { """{"a":{"dtype":"F32","shape":[4]}}""", "no offsets", "must have" },
        { """{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"more":1}}""", "unknown field", "more" },
        { """{"__metadata__":{"k":1},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "metadata", "expected String" },
        { """["a"]""", "no object", "start with" },
        { """{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}} x""", "goes on", "not valid" },
        { """{"a":""", "cut JSON", "not valid" },
    };

    [Theory, MemberData(nameof(BadHeaders))]
    public void A_header_that_lies_is_refused_with_file_and_reason(string header, string what, string said)
    {
        var path = Write(what, header, new byte[16]);
        var error = Assert.Throws<InvalidDataException>(() => Safetensors.Load(path, _ => null));
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_length_beyond_the_limit_or_the_file_claims_no_memory()
    {
        foreach (var claimed in (ulong[])[100_000_001, ulong.MaxValue, 50])
        {
            var bytes = new byte[16];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, claimed);
            var path = Path.Combine(Folder, $"claims-{claimed}");
            File.WriteAllBytes(path, bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<InvalidDataException>(() => Safetensors.Load(path, _ => null));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        }
    }

    [Fact]
    public void A_truncated_file_is_refused()
    {
        var path = Path.Combine(Folder, "whole.safetensors");
        Safetensors.Save(path, [("a", ones(10))]);
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<InvalidDataException>(() => Safetensors.Load(path, _ => null));
        }
    }

    [Fact]
    public void A_wrong_shape_names_both()
    {
        var path = Path.Combine(Folder, "shape.safetensors");
        Safetensors.Save(path, [("a", ones(2, 3))]);
        Assert.Contains("[2, 3] but config.json asks for [3, 2]",
            Assert.Throws<InvalidDataException>(() => Safetensors.Load(path, _ => zeros(3, 2))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_refused_by_tensor()
    {
        var path = Path.Combine(Folder, "nan.safetensors");
        Safetensors.Save(path, [("good", ones(2)), ("bad", tensor([1f, float.NaN]))]);
        Assert.Contains("'bad'", Assert.Throws<InvalidDataException>(() => Safetensors.Load(path, _ => zeros(2))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whole_numbers_and_masks_are_skipped()
    {
        var path = Write("skip", """{"m":{"dtype":"BOOL","shape":[8],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}""", new byte[16]);
        Assert.Empty(Safetensors.Load(path, _ => zeros(8)));
    }

    [Fact]
    public void Any_flipped_bytes_give_a_clear_refusal_or_a_sound_file()
    {
        var good = Path.Combine(Folder, "fuzz.safetensors");
        Safetensors.Save(good, [("a", ones(3)), ("b", zeros(2, 2))]);
        var bytes = File.ReadAllBytes(good);
        var path = Path.Combine(Folder, "fuzzed.safetensors");
        Gen.Select(Gen.Int[0, bytes.Length - 1], Gen.Byte).List[1, 4].Sample(flips =>
        {
            var damaged = bytes.ToArray();
            foreach (var (at, value) in flips) damaged[at] = value;
            File.Delete(path); // some file systems flush a file that is cut and written again
            File.WriteAllBytes(path, damaged);
            try { _ = Safetensors.Load(path, _ => null); }
            catch (InvalidDataException e) { Assert.Contains(path, e.Message, StringComparison.Ordinal); }
        }, iter: 2_000, threads: 1);
    }

    private static long HeaderLength(string path) => BitConverter.ToInt64(File.ReadAllBytes(path), 0);

    private static string Write(string name, string header, byte[] data)
    {
        var path = Path.Combine(Folder, name);
        var json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data]);
        return path;
    }
}
