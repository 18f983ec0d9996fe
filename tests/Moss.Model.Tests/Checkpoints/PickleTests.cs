using System.Buffers.Binary;
using CsCheck;
using Moss.Model.Checkpoints;

namespace Moss.Model.Tests.Checkpoints;

public class PickleTests
{
    private static readonly string Folder = Shared.NewFolder();
    private static readonly byte[] Good = PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 0, [2, 2]).Tensor("u", "HalfStorage", "1", 2, 0, [2]));
    private static readonly (string, byte[])[] Data = [("0", TorchFile.Floats(1, 2, 3, 4)), ("1", new byte[4])];

    public static TheoryData<string, byte[], string> Foreign => new()
    {
        { "a call of the shell", new PickleWriter().Global("posix", "system").Text("true").Op(0x85).Op('R').Op('.').ToArray(), "byte 2: it asks for 'posix.system'" },
        { "the same by protocol 4", new PickleWriter().Text("builtins").Text("eval").Op(0x93).Op('.').ToArray(), "byte 24: it asks for 'builtins.eval'" },
        { "torch's own loader", new PickleWriter().Global("torch.storage", "_load_from_bytes").Op('.').ToArray(), "'torch.storage._load_from_bytes'" },
        { "a dotted way around", new PickleWriter().Global("torch", "serialization.os.system").Op('.').ToArray(), "'torch.serialization.os.system'" },
        { "a new object", new PickleWriter().Op(')').Op(0x81).Op('.').ToArray(), "byte 3: opcode NEWOBJ (0x81)" },
        { "an instance", new PickleWriter().Op('(').Op('i').ToArray(), "byte 3: opcode INST (0x69)" },
        { "an extension", new PickleWriter().Op(0x82, 1).ToArray(), "opcode EXT1 (0x82)" },
        { "no opcode at all", new PickleWriter().Op(0xFF).ToArray(), "opcode 0xFF" },
        { "a state set on a storage", new PickleWriter().Global("torch", "FloatStorage").Op('}').Op('b').ToArray(), "BUILD (0x62)" },
        { "a storage called", new PickleWriter().Global("torch", "FloatStorage").Op(')').Op('R').ToArray(), "torch.FloatStorage is called" },
        { "a training state", PickleWriter.StateDict(p => p.Text("epoch").Number(3)), "'epoch' is no tensor" },
        { "a name twice", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 0, [4]).Tensor("t", "FloatStorage", "0", 4, 0, [4])), "'t' twice" },
        { "beyond its storage", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 1, [4])), "reaches beyond its storage" },
        { "more than its storage", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 0, [1L << 40, 1L << 20], [0, 0])), "reaches beyond its storage" },
        { "an impossible shape", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 0, [1L << 40, 1L << 40], [0, 0])), "impossible shape" },
        { "strides that overflow", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 0, [2], [long.MaxValue])), "impossible shape" },
        { "a negative size", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 0, [-1])), "negative" },
        { "a storage out of the folder", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "../0", 4, 0, [4])), "a storage is named '../0'" },
        { "a missing storage", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "7", 4, 0, [4])), "tensor 't': its numbers, data/7, are missing" },
        { "a storage of another size", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 1L << 40, 0, [4])), "has 16 bytes where 1,099,511,627,776" },
        { "a storage as two things", PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 4, 0, [4]).Tensor("u", "HalfStorage", "0", 8, 0, [8])), "two things" },
        { "a text longer than the file", new PickleWriter().Op('X').Op(BitConverter.GetBytes(int.MaxValue)).ToArray(), "cut off" },
        { "a value never made", new PickleWriter().Op('h').Op(9).ToArray(), "value 9 is used before" },
        { "no mark", new PickleWriter().Op('t').ToArray(), "mark is missing" },
        { "no end", Good[..^1], "cut off" },
        { "more after the end", [.. Good, 0], "1 bytes follow" },
        { "a tower", new PickleWriter().Op([.. Enumerable.Repeat((byte)'(', 200_000)]).ToArray(), "values wait at once" },
    };

    [Theory, MemberData(nameof(Foreign))]
    public void What_is_no_tensor_is_refused_by_name_and_place_and_nothing_is_written(string what, byte[] pickle, string said)
    {
        var folder = Folder1(what);
        TorchFile.Write(Path.Combine(folder, "pytorch_model.bin"), pickle, Data);
        Cheaply(folder, said);
        Assert.Single(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void A_file_of_an_old_torch_is_refused_with_what_to_do()
    {
        var folder = Folder1("old");
        File.WriteAllBytes(Path.Combine(folder, "pytorch_model.bin"), [0x80, 2, 0x8A, 10, 1, 2, 3]);
        Cheaply(folder, "torch before 1.6");
        File.WriteAllText(Path.Combine(folder, "pytorch_model.bin"), "version https://git-lfs.github.com/spec/v1\n");
        Cheaply(folder, "not a file of torch.save");
    }

    [Fact]
    public void A_zip_that_claims_more_than_it_holds_is_refused()
    {
        var folder = Folder1("bomb");
        var path = Path.Combine(folder, "pytorch_model.bin");
        var zeros = new byte[64 << 20];
        TorchFile.Write(path, PickleWriter.StateDict(p => p.Tensor("t", "FloatStorage", "0", 16 << 20, 0, [16 << 20])), [("0", zeros)], deflated: true);
        Cheaply(folder, "claim to unpack to");

        TorchFile.Write(path, Good, Data);
        var bytes = File.ReadAllBytes(path);
        var central = bytes.AsSpan().LastIndexOf("PK\u0005\u0006"u8);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(central + 12), 60_000_000);
        File.WriteAllBytes(path, bytes);
        Cheaply(folder, "outside the file");
    }

    [Fact]
    public void More_names_than_a_model_has_and_tensors_that_multiply_their_numbers_are_refused()
    {
        var folder = Folder1("many");
        var path = Path.Combine(folder, "pytorch_model.bin");
        TorchFile.Write(path, new byte[5 << 20], Data);
        Cheaply(folder, "data.pkl has 5,242,880 bytes");
        TorchFile.Write(path, PickleWriter.StateDict(p =>
        {
            for (var i = 0; i < 100; i++) p.Tensor($"t{i}", "FloatStorage", "0", 1 << 18, 0, [1 << 18]);
        }), [("0", new byte[1 << 20])]);
        Cheaply(folder, "again and again");
    }

    [Fact]
    public void Numbers_that_are_cut_off_are_refused_while_they_are_unpacked_and_leave_nothing()
    {
        var folder = Folder1("cut");
        var path = Path.Combine(folder, "pytorch_model.bin");
        TorchFile.Write(path, Good, Data, deflated: true);
        var bytes = File.ReadAllBytes(path);
        var data = bytes.AsSpan().IndexOf("archive/data/0"u8) + 14;
        bytes.AsSpan(data, 4).Fill(0xFF);
        File.WriteAllBytes(path, bytes);
        using var weights = PickledWeights.Open(folder);
        Assert.Throws<InvalidDataException>(() => weights.WriteTo(Path.Combine(folder, "out")));
        Assert.Single(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void Any_damage_to_a_file_gives_a_sentence_or_sound_tensors_and_takes_little_memory()
    {
        var folder = Folder1("fuzz");
        var path = Path.Combine(folder, "pytorch_model.bin");
        TorchFile.Write(path, Good, Data);
        var whole = File.ReadAllBytes(path);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).List[1, 6].Sample(flips =>
        {
            var damaged = whole.ToArray();
            foreach (var (at, value) in flips) damaged[at] = value;
            File.Delete(path); // some file systems flush a file that is cut and written again
            File.WriteAllBytes(path, damaged);
            TryAll(folder, path);
        }, iter: 1_500, threads: 1);
    }

    [Fact]
    public void Any_pickle_gives_a_sentence_or_sound_tensors_and_takes_little_memory()
    {
        // Mostly opcodes that the reader knows, so that it gets further than the first byte.
        var codes = "(NKMJGX)tlaedsuqrhjcQRb.]}"u8.ToArray().Concat(new byte[] { 0x80, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x93, 0x94, 0x95 }).ToArray();
        var code = Gen.Int[0, codes.Length - 1].Select(i => codes[i]);
        var spliced = Gen.Select(Gen.Int[0, Good.Length], Gen.Int[0, Good.Length], code.Array[0, 40],
            (from, to, middle) => (byte[])[.. Good[..from], .. middle, .. Good[to..]]);
        Gen.OneOf(Gen.Byte.Array[0, 200], code.Array[0, 200], spliced).Sample(pickle =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            try { _ = new PickleReader(pickle, "some.bin").Read(); }
            catch (InvalidDataException e) { Assert.Contains("byte", e.Message, StringComparison.Ordinal); }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        }, iter: 20_000, threads: 1);
    }

    private static void TryAll(string folder, string path)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var archive = TorchArchive.Open(path);
            foreach (var (_, tensor) in archive.Tensors) archive.CopyTo(tensor, Stream.Null);
        }
        catch (InvalidDataException e)
        {
            Assert.Contains(folder, e.Message, StringComparison.Ordinal);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8_000_000);
    }

    private static void Cheaply(string folder, string said)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<InvalidDataException>(() => PickledWeights.Open(folder));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_000_000);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.Contains("pytorch_model.bin", error.Message, StringComparison.Ordinal);
    }

    private static string Folder1(string name) => Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;
}
