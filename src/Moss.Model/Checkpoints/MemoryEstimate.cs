using TorchSharp;

namespace Moss.Model.Checkpoints;

/// <summary>What a network takes in memory, in bytes, before any of it is taken. Counted on the network itself, built without weights.</summary>
/// <remarks>
/// Symbols: N parameters, L layers, D hidden, Q query numbers per token (heads · E), K key numbers per token (key/value heads · E), F MLP size, V vocabulary,
/// T tokens of one sequence, w bytes of a weight and of an activation. libtorch itself (about 0.3 GB) is not in it.
/// </remarks>
public sealed class MemoryEstimate
{
    private const int Float = 4;            // gradients, moments and trained weights are float32 whatever w is (FINE_TUNING: bf16 weights at 1e-5 do not move)
    private const int LossRows = 1_024;     // positions whose logits exist at once: see Losses
    private readonly ModelConfig _config;
    private readonly long _parameters, _layerFans;

    /// <param name="weightBytes">w: 4 for float32, as this program computes on CPUs; 2 for bfloat16 and float16.</param>
    public MemoryEstimate(ModelConfig config, int weightBytes = Float)
    {
        (_config, WeightBytes) = (config, weightBytes);
        using var network = new Transformer(config, torch.META);
        foreach (var (name, parameter) in network.named_parameters())
        {
            _parameters += parameter.NumberOfElements;
            if (parameter.dim() == 2 && name.Contains(".layers.", StringComparison.Ordinal))
                _layerFans += parameter.shape[0] + parameter.shape[1];
        }
    }

    public int WeightBytes { get; }

    /// <summary>N · w. The files are read straight into it, so loading needs no more.</summary>
    public long Load => _parameters * WeightBytes;

    /// <summary>Keys and values of T tokens: 2 · L · K · T · w.</summary>
    public long Cache(long tokens) => 2L * _config.LayerCount * Keys * tokens * WeightBytes;

    /// <summary>A conversation that has reached T tokens, its prompt read in one pass; null beyond the context.</summary>
    /// <remarks>
    /// <see cref="KvCache"/> reserves up to twice what it holds. The pass holds one layer's activations at a time, 6D + 4Q + 4F numbers per token, and V logits.
    /// Measured 669 MB where this says 720 (8 layers of 512, 8,192 tokens) and 1,706 where it says 1,728 (4 layers, 32,768 tokens), glibc's
    /// MALLOC_MMAP_THRESHOLD_ at 1000000 as for the training child; without it the first took 1,992 MB.
    /// </remarks>
    public long? Chat(long tokens) => tokens > _config.ContextLength ? null
        : Load + Cache(Math.Min(_config.ContextLength, 2 * tokens)) + (long)_config.VocabSize * Float
            + tokens * (6L * _config.HiddenSize + 4 * Queries + 4L * _config.IntermediateSize) * WeightBytes;

    /// <summary>r · (in + out) for every linear layer. Hu et al. 2021, arXiv:2106.09685.</summary>
    public long LoraParameters(int rank) => rank * _layerFans;

    /// <summary>The frozen network, adapters with gradients and both moments of AdamW (16 bytes each), activations, logits.</summary>
    public long TuneLora(int rank, long tokens) => Load + 4L * Float * LoraParameters(rank) + Activations(tokens) + Logits(tokens, _config.VocabSize);

    /// <summary>Weights, gradients and both moments in float32, 16 · N, and the activations and logits.</summary>
    public long TuneFull(long tokens) => 4L * Float * _parameters + Activations(tokens) + Logits(tokens, _config.VocabSize);

    // Kept for the way back, per layer and token: both norms and the residual 8D; queries as projected, normed and turned, keys and values repeated for
    // every query, and what attention gives, 6Q; keys and values 2K; gate, up, silu and product 4F. Attention itself keeps no T · T.
    // Measured on four shapes (512 and 768 wide, 1,024 and 2,048 tokens): the peak of one pass is 3 % below to 5 % above this with weights and logits.
    private long Activations(long tokens) => _config.LayerCount * tokens * WeightBytes
        * (8L * _config.HiddenSize + 6 * Queries + 2 * Keys + 4L * _config.IntermediateSize);

    // Scores, their logarithms, and the gradient.
    private static long Logits(long tokens, long vocabulary) => 3L * Math.Min(tokens, LossRows) * vocabulary * Float;

    private long Queries => (long)_config.HeadCount * _config.HeadDim;
    private long Keys => (long)_config.KeyValueHeadCount * _config.HeadDim;
}
