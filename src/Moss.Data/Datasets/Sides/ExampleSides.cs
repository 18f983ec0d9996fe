using Moss.Data.Conversations;

namespace Moss.Data.Datasets.Sides;

/// <summary>
/// The side of each example. Corrections are always learned, so nothing that begins like one, or asks what one answers, is held
/// out.
/// </summary>
internal sealed class ExampleSides(SplitClusters clusters)
{
    private readonly HashSet<UInt128> correctedQuestions = [];
    private readonly HashSet<string> taught = [];

    /// <summary>Takes note of a correction; to be called for all of them before the first question about a side.</summary>
    /// <param name="learned">False when the correction itself teaches nothing.</param>
    public void Correct(IReadOnlyList<PathMessage> path, bool learned)
    {
        var questions = PathMessage.Questions(path);
        if (questions.Count == 0) return;
        correctedQuestions.UnionWith([TextKey.Of(questions[0]), TextKey.Of(questions[^1])]);
        if (learned && ClusterOf(path) is { } cluster) taught.UnionWith(cluster.Touches);
    }

    /// <summary>The key of the cluster that a path belongs to.</summary>
    public string KeyOf(IReadOnlyList<PathMessage> path) => ClusterOf(path)?.Key ?? throw new InvalidOperationException(
        $"The path to message {path[^1].Id} has no first Human message that was said before the cut.");

    /// <summary>
    /// Null: it would be held out, but a correction teaches one of its questions; or it stands between the sides.
    /// </summary>
    public Split? Of(IReadOnlyList<PathMessage> path) => ClusterOf(path) switch
    {
        { Side: Split.Train } => Split.Train,
        { Side: Split.Eval } cluster when !cluster.Touches.Any(taught.Contains)
            && !PathMessage.Questions(path).Exists(q => correctedQuestions.Contains(TextKey.Of(q))) => Split.Eval,
        _ => null,
    };

    private Cluster? ClusterOf(IReadOnlyList<PathMessage> path) =>
        path.FirstOrDefault(m => m.Role == Role.Human) is { } first ? clusters.Of(first.Id) : null;
}
