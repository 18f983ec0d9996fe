using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model;
using static TorchSharp.torch;

namespace Moss.Trainer.Deployments;

/// <summary>How far a network's numbers are from those of a reference implementation, written down in a golden.json.</summary>
/// <param name="MaxAbsLogitDifference">Largest absolute difference of any logit at the last position of any case.</param>
/// <param name="MaxCrossEntropyDifference">Nats; over the cases that state a mean cross-entropy.</param>
internal sealed record GoldenComparison(
    int Cases, double MaxAbsLogitDifference, double MaxCrossEntropyDifference, bool ArgmaxIdentical, bool GreedyIdentical)
{
    public const double LogitTolerance = 5e-5, CrossEntropyTolerance = 1e-5; // float noise between two correct implementations is ten times smaller

    public bool Holds =>
        MaxAbsLogitDifference <= LogitTolerance && MaxCrossEntropyDifference <= CrossEntropyTolerance && ArgmaxIdentical && GreedyIdentical;

    public void AddTo(JsonObject found)
    {
        found["cases"] = Cases;
        found["max_abs_logit_difference"] = MaxAbsLogitDifference;
        found["max_abs_cross_entropy_difference"] = MaxCrossEntropyDifference;
        found["argmax_identical"] = ArgmaxIdentical;
        found["greedy_identical"] = GreedyIdentical;
        found["golden_holds"] = Holds;
    }

    public static GoldenComparison Of(Transformer network, string file)
    {
        try
        {
            using var golden = JsonDocument.Parse(File.ReadAllBytes(file));
            var all = new GoldenComparison(0, 0, 0, true, RepeatsGreedily(network, golden.RootElement.GetProperty("greedy")));
            return golden.RootElement.GetProperty("cases").EnumerateArray().Aggregate(all, (sum, test) => sum.With(network, test));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FileNotFoundException)
        {
            throw new InvalidDataException(
                $"'{file}' cannot be compared with: {e.Message} Expected a JSON object with 'cases' and 'greedy', as in golden.json.", e);
        }
    }

    private GoldenComparison With(Transformer network, JsonElement test)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var ids = Ids(test.GetProperty("input_ids"));
        var logits = network.forward(tensor(ids, [1, ids.Length], int64, network.Device)).select(0, 0).cpu();   // (T, V)
        var (expected, argmax) = (Floats(test.GetProperty("logits_last")), Ids(test.GetProperty("argmax_per_position")));
        var last = logits.select(0, ids.Length - 1).data<float>().ToArray();
        if (last.Length != expected.Length) throw new InvalidDataException(
            $"The network has {last.Length:N0} logits per position where the reference has {expected.Length:N0}. They are different models.");
        var apart = expected.Zip(last, (a, b) => Math.Abs(a - b)).Max();
        var entropyApart = test.TryGetProperty("mean_cross_entropy_next_token", out var stated) && stated.ValueKind == JsonValueKind.Number
            ? Math.Abs(stated.GetDouble() - CrossEntropy(logits, ids)) : 0;
        return this with
        {
            Cases = Cases + 1,
            MaxAbsLogitDifference = Worse(MaxAbsLogitDifference, apart),
            MaxCrossEntropyDifference = Worse(MaxCrossEntropyDifference, entropyApart),
            ArgmaxIdentical = ArgmaxIdentical && argmax.SequenceEqual(logits.argmax(1).data<long>().ToArray()),
        };
    }

    // Not Math.Max alone: what is not a number must not look like agreement.
    private static double Worse(double a, double b) => double.IsNaN(b) ? double.PositiveInfinity : Math.Max(a, b);

    private static double CrossEntropy(Tensor logits, long[] ids)
    {
        var likelihoods = logits.to_type(ScalarType.Float64).log_softmax(1);
        return -Enumerable.Range(0, ids.Length - 1).Average(t => likelihoods[t, ids[t + 1]].item<double>());
    }

    /// <summary>Token by token through the cache, end-of-text ignored, as the reference did it.</summary>
    private static bool RepeatsGreedily(Transformer network, JsonElement greedy)
    {
        using var cache = new KvCache(network.Config);
        var pending = Ids(greedy.GetProperty("prompt"));
        foreach (var expected in Ids(greedy.GetProperty("ids")))
        {
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            var next = network.NextLogits(tensor(pending, [1, pending.Length], int64, network.Device), cache).argmax().item<long>();
            if (next != expected) return false;
            pending = [next];
        }
        return true;
    }

    private static long[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt64())];

    private static double[] Floats(JsonElement list) => [.. list.EnumerateArray().Select(x => x.GetDouble())];
}
