using Microsoft.EntityFrameworkCore;
using Moss.Model.Checkpoints;
using Moss.Trainer.Tests.Setup;

namespace Moss.Trainer.Tests.Cli;

public class CheckpointAddTests(PostgresServer server)
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_folder_from_elsewhere_becomes_a_checkpoint_that_can_be_deployed()
    {
        using var scene = await Scene.OpenAsync(server);
        var foreign = Directory.CreateDirectory(Path.Combine(scene.State, "elsewhere")).FullName;
        foreach (var file in Directory.GetFiles(TinyCheckpoint.Folder)) // what a hub gives: neither a manifest nor anything of ours
            if (Path.GetFileName(file) is not ("manifest.json" or "moss.json" or "checks.json")) File.Copy(file, Path.Combine(foreign, Path.GetFileName(file)));

        var (code, output, json) = await TrainerProcess.RunAsync(scene, null, ["checkpoint", "add", foreign, "--name", "from-elsewhere", "--json"]);

        Assert.True(code == 0, output);
        var folder = CheckpointFolder.Open(Path.Combine(scene.Checkpoints, "from-elsewhere"));
        Assert.Equal(folder.VerifyManifest(), json[0].GetProperty("manifest_sha256").GetString());
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(foreign, "tokenizer.json"), Test), await File.ReadAllBytesAsync(Path.Combine(folder.Path, "tokenizer.json"), Test));
        Assert.True(await scene.With(db => db.Checkpoints.AnyAsync(c => c.Name == "from-elsewhere" && c.Folder == "from-elsewhere", Test)));
        Assert.Equal(0, (await TrainerProcess.RunAsync(scene, null, ["deploy", "from-elsewhere", "--detach"])).Code);
    }

    [Theory]
    [InlineData("../escape", "cannot be the name")]
    [InlineData("tiny", "already")]
    public async Task A_name_that_cannot_be_is_refused_and_nothing_is_written(string name, string says)
    {
        using var scene = await Scene.OpenAsync(server);
        var (code, output, _) = await TrainerProcess.RunAsync(scene, null, ["checkpoint", "add", TinyCheckpoint.Folder, "--name", name]);

        Assert.NotEqual(0, code);
        Assert.Contains(says, output, StringComparison.Ordinal);
        Assert.Equal(["tiny"], Directory.GetDirectories(scene.Checkpoints).Select(Path.GetFileName));
    }
}
