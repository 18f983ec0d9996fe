namespace Moss.Model.Checkpoints;

/// <summary>A name that a pickle may mention; nothing else is looked up, let alone run.</summary>
/// <param name="Storage">The dtype in safetensors' words, for torch's storage types; null for what can be called.</param>
internal sealed record PickleGlobal(string Name, string? Storage = null);

/// <summary>The whole list of names that a file of weights needs.</summary>
internal static class PickleGlobals
{
    public static readonly PickleGlobal RebuildTensor = new("torch._utils._rebuild_tensor_v2");
    public static readonly PickleGlobal RebuildParameter = new("torch._utils._rebuild_parameter");
    public static readonly PickleGlobal OrderedDict = new("collections.OrderedDict");

    private static readonly Dictionary<string, PickleGlobal> Known = new PickleGlobal[]
    {
        RebuildTensor, RebuildParameter, OrderedDict,
        new("torch.DoubleStorage", "F64"), new("torch.FloatStorage", "F32"), new("torch.HalfStorage", "F16"), new("torch.BFloat16Storage", "BF16"),
        new("torch.LongStorage", "I64"), new("torch.IntStorage", "I32"), new("torch.ShortStorage", "I16"), new("torch.CharStorage", "I8"),
        new("torch.ByteStorage", "U8"), new("torch.BoolStorage", "BOOL"),
    }.ToDictionary(g => g.Name, StringComparer.Ordinal);

    public static PickleGlobal? Find(string name) => Known.GetValueOrDefault(name);
}
