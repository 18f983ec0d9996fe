using System.CommandLine;
using System.Text.Json.Nodes;
using Moss.Model.Adapters;

namespace Moss.Trainer.Cli;

/// <summary>`checkpoint merge`: a base and a LoRA adapter become one folder that needs neither.</summary>
internal static class CheckpointMergeVerb
{
    public static Command Create()
    {
        var basis = new Argument<string>("BASE") { Description = "The checkpoint folder that the adapter was trained on." };
        var adapter = new Argument<string>("ADAPTER") { Description = "A folder with adapter_config.json and adapter_model.safetensors, as PEFT writes them; or a checkpoint that a LoRA run made." };
        var target = new Argument<string>("OUT") { Description = "The new checkpoint folder." };
        var json = new Option<bool>("--json") { Description = "One JSON object on one line." };
        var template = new Option<string?>("--template") { Description = "Name of the chat template, for a base whose own text is unknown." };
        return new Command("merge", "Add a LoRA adapter to its base's weights, once and for all, and prove the result by logits.")
        {
            basis, adapter, target, json, template,
        }.Does((parsed, _) =>
        {
            var proof = Merging.MergeFolders(
                parsed.GetRequiredValue(basis), parsed.GetRequiredValue(adapter), parsed.GetRequiredValue(target), parsed.GetValue(template));
            Console.WriteLine(parsed.GetValue(json)
                ? new JsonObject
                {
                    ["folder"] = parsed.GetRequiredValue(target), ["weights"] = proof.WeightType, ["positions"] = proof.Positions,
                    ["largest_logit_difference"] = proof.LargestDifference, ["same_choice"] = proof.Agreement,
                }.ToJsonString()
                : $"Merged into {parsed.GetRequiredValue(target)}: {proof}.");
            return Task.FromResult(0);
        });
    }
}
