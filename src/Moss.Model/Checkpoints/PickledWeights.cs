namespace Moss.Model.Checkpoints;

/// <summary>
/// The weights of a folder that were published as PyTorch .bin files, the only form of MOSS-003: read without running them,
/// written as safetensors.
/// </summary>
public sealed class PickledWeights : IDisposable
{
    internal const string IndexFile = "pytorch_model.bin.index.json";
    private const string SingleFile = "pytorch_model.bin";

    private readonly string _folder;
    private readonly List<TorchArchive> _archives = [];
    private readonly List<RawTensor> _tensors = [];
    private Action<long> _wrote = _ => { };

    private PickledWeights(string folder) => _folder = folder;

    /// <summary>Bytes of all tensors.</summary>
    public long Bytes => _tensors.Sum(t => t.Bytes);

    public int Count => _tensors.Count;

    /// <summary>
    /// Reads what all shards say about their tensors and checks it; no number is read yet and nothing is written.
    /// </summary>
    /// <exception cref="InvalidDataException">What is missing, damaged or not understood, in which file.</exception>
    public static PickledWeights Open(string folder)
    {
        var weights = new PickledWeights(folder);
        try
        {
            weights.Read();
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes a complete new folder: the weights as safetensors in their own number format, every other file byte for byte, a
    /// manifest.
    /// </summary>
    /// <param name="target">The new folder; must not exist.</param>
    /// <param name="wrote">Told the bytes written so far.</param>
    /// <returns>The new checkpoint's manifest hash.</returns>
    public string WriteTo(string target, Action<long>? wrote = null)
    {
        _wrote = wrote ?? _wrote;
        return CheckpointFolder.WriteFolder(target, aside =>
        {
            foreach (var file in Directory.EnumerateFiles(_folder).Where(f => !IsOwn(Path.GetFileName(f))))
                DurableFiles.Copy(file, Path.Combine(aside, Path.GetFileName(file)));
            WeightShards.Write(aside, _tensors);
        });
    }

    public void Dispose() => _archives.ForEach(archive => archive.Dispose());

    private static bool IsOwn(string file) => file is Manifest.FileName || CheckpointFolder.IsWeights(file);

    private void Read()
    {
        string In(string file) => Path.Combine(_folder, file);
        if (!Directory.Exists(_folder)) throw new InvalidDataException($"There is no folder '{_folder}'.");
        var index = File.Exists(In(SingleFile)) ? null : File.Exists(In(IndexFile)) ? ShardIndex.Read(In(IndexFile), ".bin") : throw new InvalidDataException(
            $"'{_folder}' has neither {SingleFile} nor {IndexFile}, so there is nothing to convert.");
        var placed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in index?.Values.Distinct().Order(StringComparer.Ordinal).ToList() ?? [SingleFile])
        {
            if (!File.Exists(In(file))) throw new InvalidDataException(
                $"'{In(file)}' is missing: the index says that '{index!.First(t => t.Value == file).Key}' and others are in it. Copy it from where the others came from.");
            var archive = TorchArchive.Open(In(file));
            _archives.Add(archive);
            var tied = IsTied() ? SecondName(archive) : null;
            foreach (var (name, tensor) in archive.Tensors)
            {
                if (index is not null && index.GetValueOrDefault(name) != file) throw new InvalidDataException(
                    $"'{In(file)}' holds tensor '{name}', which {IndexFile} does not place there. The shards come from different checkpoints.");
                placed.Add(name);
                if (name != tied) _tensors.Add(new(name, tensor.Storage.Type, tensor.Shape, target => Copy(archive, tensor, target)));
            }
        }
        if (index?.Keys.FirstOrDefault(name => !placed.Contains(name)) is { } lost) throw new InvalidDataException(
            $"'{In(index[lost])}' does not hold tensor '{lost}', which {IndexFile} places there. Copy the file again from where it came from.");
        if (_tensors.Count == 0) throw new InvalidDataException($"'{_folder}' holds no tensor.");
    }

    // A tied head is the embedding under a second name: published safetensors files leave it out.
    private static string? SecondName(TorchArchive archive) => archive.Tensors.Where(t => t.Name == "lm_head.weight")
        .Where(head => archive.Tensors.Any(t => t.Name != head.Name && t.Tensor.Storage == head.Tensor.Storage && t.Tensor.Offset == head.Tensor.Offset
            && t.Tensor.Shape.SequenceEqual(head.Tensor.Shape) && t.Tensor.Strides.SequenceEqual(head.Tensor.Strides)))
        .Select(head => head.Name).FirstOrDefault();

    private bool IsTied()
    {
        try
        {
            return ModelConfig.Load(Path.Combine(_folder, "config.json")).TiedEmbeddings;
        }
        catch (InvalidDataException)
        {
            return false; // a family that this program does not compute is still converted, with every name that it has
        }
    }

    private long _written;

    private void Copy(TorchArchive archive, TorchTensor tensor, Stream target)
    {
        archive.CopyTo(tensor, target);
        _written += tensor.Count * SafetensorsHeader.BitsOf(tensor.Storage.Type) / 8;
        _wrote(_written);
    }
}
