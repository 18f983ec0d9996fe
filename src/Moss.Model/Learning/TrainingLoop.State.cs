using System.Text.Json;
using System.Text.Json.Nodes;
using Moss.Model.Checkpoints;

namespace Moss.Model.Learning;

public sealed partial class TrainingLoop
{
    private const string StateFile = "training.json", WeightsFile = "weights.safetensors", MomentsFile = "moments.safetensors";
    private const string StateFormat = "moss.training/2";

    /// <summary>Saves everything that the remaining steps depend on, atomically, into a new folder.</summary>
    public void SaveState(string folder) => CheckpointFolder.WriteFolder(folder, aside =>
    {
        Safetensors.Save(Path.Combine(aside, WeightsFile), _trained.Select(p => (p.Name, (TorchSharp.torch.Tensor)p.Value)));
        Safetensors.Save(Path.Combine(aside, MomentsFile), _optimizer.State);
        DurableFiles.WriteText(Path.Combine(aside, StateFile), new JsonObject
        {
            ["format"] = StateFormat,
            ["steps_done"] = StepsDone,
            ["total_steps"] = TotalSteps,
            ["skipped_in_a_row"] = _skipped,
            ["micro_batch_tokens"] = MicroBatchTokens,
            ["outlier_window"] = new JsonArray([.. _outliers.Seen.Select(s => (JsonNode)new JsonArray(s.Loss, s.Norm))]),
            ["examples_sha256"] = ExamplesSha256(),
            ["objective"] = _objective.ToString(),
            ["adapter"] = AdapterSettings,
            ["settings"] = JsonSerializer.SerializeToNode(_settings),
            ["threads"] = TorchRuntime.Threads,
        }.ToJsonString() + "\n");
    });

    /// <summary>Goes on from a saved state: the remaining steps are bit for bit those of a run that never stopped.</summary>
    /// <returns>False when the thread count differs, so that the bits (not the meaning) may differ too.</returns>
    /// <exception cref="InvalidDataException">The state is damaged or of another run.</exception>
    public bool Resume(string folder)
    {
        if (Manifest.Verify(folder) is null) throw new InvalidDataException($"'{folder}' has no {Manifest.FileName}; it is no saved training state.");
        var path = Path.Combine(folder, StateFile);
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var state = document.RootElement;
        Require(state.GetProperty("format").GetString() == StateFormat, "was written by another version of this program");
        Require(state.GetProperty("examples_sha256").GetString() == ExamplesSha256(), "belongs to other examples");
        Require(state.GetProperty("total_steps").GetInt32() == TotalSteps
            && state.GetProperty("objective").GetString() == _objective.ToString()
            && state.GetProperty("adapter").GetString() == AdapterSettings
            && (JsonSerializer.Deserialize<TrainingSettings>(state.GetProperty("settings"))! with { MicroBatchTokens = _settings.MicroBatchTokens }) == _settings, "belongs to a run with other settings");

        Fill(WeightsFile, _trained.ToDictionary(p => p.Name, p => (TorchSharp.torch.Tensor)p.Value));
        Fill(MomentsFile, _optimizer.State.ToDictionary(s => s.Name, s => s.Value));
        StepsDone = state.GetProperty("steps_done").GetInt32();
        MicroBatchTokens = Math.Min(_settings.MicroBatchTokens, state.GetProperty("micro_batch_tokens").GetInt32()); // either may be less for want of memory
        _outliers.Seen = state.GetProperty("outlier_window").EnumerateArray().Select(s => (s[0].GetDouble(), s[1].GetDouble()));
        _skipped = state.GetProperty("skipped_in_a_row").GetInt32();
        return state.GetProperty("threads").GetInt32() == TorchRuntime.Threads;

        void Fill(string file, Dictionary<string, TorchSharp.torch.Tensor> wanted) =>
            Require(Safetensors.Load(Path.Combine(folder, file), name => wanted.GetValueOrDefault(name)).Count == wanted.Count, $"lacks tensors in {file}");

        void Require(bool holds, string what)
        {
            if (!holds) throw new InvalidDataException($"'{path}' {what}. The run cannot go on from it; start it again from its base checkpoint.");
        }
    }

    private string? AdapterSettings => _adapter is null ? null : JsonSerializer.Serialize(_adapter.Settings);

    private string ExamplesSha256()
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (var lesson in _lessons)
        {
            foreach (var example in lesson.Documents.Append(lesson.Mismatched).OfType<TrainingExample>())
            {
                hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(example.Tokens.AsSpan()));
                hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(example.Learn.AsSpan()));
                hash.AppendData([0xFF]);
            }
            double[] numbers = [lesson.Weight, lesson.Certainty, lesson.Spoken ? 1 : 0, lesson.Desirable ? 1 : 0, lesson.MismatchedReference, .. lesson.Reference ?? []];
            hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers.AsSpan()));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
