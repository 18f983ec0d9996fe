using TorchSharp;
using static TorchSharp.torch;

namespace Moss.Model;

/// <summary>One forward pass: which of its N tokens belong together, where each stands in its own sequence, and in what numbers to compute.</summary>
/// <param name="Segments">The sequences, end to end; their counts add up to N.</param>
/// <param name="Cos">(N, 1, R) cosines of the tokens' positions; null where positions are learned.</param>
/// <param name="Sin">(N, 1, R), laid out as <paramref name="Cos"/>.</param>
/// <param name="ComputeType">Number format of everything between the norms.</param>
/// <param name="Tape">Takes what the way back needs; null when there is none.</param>
/// <param name="Checkpointing">Each layer keeps its input alone and computes the rest again on the way back.</param>
internal sealed record Pass(
    IReadOnlyList<Segment> Segments, Tensor? Cos, Tensor? Sin, ScalarType ComputeType, Tape? Tape = null, bool Checkpointing = false);
