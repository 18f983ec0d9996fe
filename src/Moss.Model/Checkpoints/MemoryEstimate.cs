using TorchSharp;

namespace Moss.Model.Checkpoints;

/// <summary>
/// What a network takes in memory, in bytes, before any of it is taken. Counted on the network itself, built without weights.
/// </summary>
/// <remarks>
/// Symbols: N parameters, L layers, D hidden, Q query numbers per token (heads · E), K key numbers per token (key/value heads ·
/// E), F MLP size, V vocabulary,
/// T tokens of one sequence, w bytes of a weight, c bytes of what is computed. libtorch itself (about 0.3 GB) is not in it.
/// Measured in float32 with glibc's MALLOC_MMAP_THRESHOLD_ at 1000000, as for the training child: at most 4 % off for one pass of
/// training (five shapes, 512
/// and 768 wide, 1,024 and 2,048 tokens), 17 % too low with checkpointing (one shape), at most 8 % off for a conversation (2,048
/// and 8,192 tokens).
/// </remarks>
public sealed class MemoryEstimate
{
    private const int Float = 4;            // gradients, moments and trained weights are float32 whatever w is (bf16 weights at 1e-5 do not move)
    private const int LogitRows = 1_024;    // positions whose logits exist at once: see TokenLogProbs
    private readonly ModelConfig _config;
    private readonly long _parameters, _layerFans, _queries, _keys, _mlp;
    private readonly int _weightBytes, _computeBytes;

    /// <param name="weightBytes">w: 4 for float32, 2 for bfloat16 and float16.</param>
    /// <param name="computeBytes">c: likewise; the stream between the layers is float32 all the same.</param>
    public MemoryEstimate(ModelConfig config, int weightBytes = Float, int computeBytes = Float)
    {
        (_config, _weightBytes, _computeBytes) = (config, weightBytes, computeBytes);
        (_queries, _keys) = ((long)config.HeadCount * config.HeadDim, (long)config.KeyValueHeadCount * config.HeadDim);
        _mlp = (config.Activation == Activation.GatedSilu ? 4L : 2L) * config.IntermediateSize; // gate, up, silu, product; or up, gelu
        using var network = new Transformer(config, torch.META);
        foreach (var (name, parameter) in network.named_parameters())
        {
            _parameters += parameter.NumberOfElements;
            if (parameter.dim() == 2 && name.Contains(".layers.", StringComparison.Ordinal))
                _layerFans += parameter.shape[0] + parameter.shape[1];
        }
    }

    /// <summary>N · w. The files are read straight into it, so loading needs no more.</summary>
    public long Load => _parameters * _weightBytes;

    /// <summary>Keys and values of T tokens: 2 · L · K · T · c.</summary>
    public long Cache(long tokens) => 2L * _config.LayerCount * _keys * tokens * _computeBytes;

    /// <summary>A conversation that has reached T tokens, its prompt read in one pass; null beyond the context.</summary>
    /// <remarks><see cref="KvCache"/> reserves up to twice what it holds. The pass holds one layer at a time, 6D + 4Q + 4F
    /// numbers per token, and V logits.</remarks>
    public long? Chat(long tokens) => tokens > _config.ContextLength ? null
        : Load + Cache(Math.Min(_config.ContextLength, 2 * tokens)) + (long)_config.VocabSize * Float
            + tokens * (6L * _config.HiddenSize + 4 * _queries + _mlp) * _computeBytes;

    /// <summary>r · (in + out) for every linear layer. Hu et al. 2021, arXiv:2106.09685.</summary>
    public long LoraParameters(int rank) => rank * _layerFans;

    /// <summary>
    /// The frozen network, adapters with gradients and both moments of AdamW (16 bytes each), activations, logits.
    /// </summary>
    /// <param name="tokens">Of all sequences of one pass.</param>
    /// <param name="checkpointing">Layers keep their input alone and compute the rest again.</param>
    public long TuneLora(int rank, long tokens, bool checkpointing = false) =>
        Load + 4L * Float * LoraParameters(rank) + Activations(tokens, checkpointing) + Logits(tokens);

    /// <summary>Weights, gradients and both moments in float32, 16 · N, the weights' copy for shorter products, and the activations and logits.</summary>
    /// <inheritdoc cref="TuneLora"/>
    public long TuneFull(long tokens, bool checkpointing = false) =>
        (4L * Float + (_computeBytes < Float ? _computeBytes : 0)) * _parameters + Activations(tokens, checkpointing) + Logits(tokens);

    // Kept for the way back, per layer and token: both norms and the residual 8D; queries as projected and turned, keys and
    // values repeated for every query,
    // and what attention gives, 5Q; keys and values K; a norm on queries and keys Q + K; the MLP's parts. Attention itself keeps
    // no T · T.
    private long Activations(long tokens, bool checkpointing)
    {
        var layer = 8L * _config.HiddenSize + 5 * _queries + _keys + (_config.QueryKeyNorm ? _queries + _keys : 0) + _mlp;
        return checkpointing ? tokens * ((long)_config.LayerCount * _config.HiddenSize * Float + layer * _computeBytes)
            : tokens * _config.LayerCount * layer * _computeBytes;
    }

    // Turned into their own gradient in place.
    private long Logits(long tokens) => Math.Min(tokens, LogitRows) * _config.VocabSize * Float;
}
