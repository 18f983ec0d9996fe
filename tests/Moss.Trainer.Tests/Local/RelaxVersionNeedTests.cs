using Moss.Trainer.Local;

namespace Moss.Trainer.Tests.Local;

/// <summary>The build step without which TorchSharp does not load on Debian 12 and Ubuntu 22.04, run by MSBuild as in a build.</summary>
public sealed class RelaxVersionNeedTests : IDisposable
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private readonly string _folder = Directory.CreateTempSubdirectory("moss-relax-").FullName;

    [Fact]
    public async Task The_published_library_changes_by_one_bit_once_and_a_file_that_is_not_it_is_refused_untouched()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("The step runs on Linux only.");
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
        var published = Directory.EnumerateFiles(Path.Combine(packages, "torchsharp"), "libLibTorchSharp.so", SearchOption.AllDirectories)
            .Where(path => path.Contains("linux-x64", StringComparison.Ordinal)).Order().Last();
        var (copy, wrong) = (Path.Combine(_folder, "copy.so"), Path.Combine(_folder, "wrong.so"));
        var original = await File.ReadAllBytesAsync(published, Test);
        await File.WriteAllBytesAsync(copy, original, Test);

        Assert.Equal(0, (await RelaxAsync(copy)).ExitCode);
        var relaxed = await File.ReadAllBytesAsync(copy, Test);
        var changed = Enumerable.Range(0, original.Length).Where(i => original[i] != relaxed[i]).ToList();
        Assert.Equal(0x02, relaxed[Assert.Single(changed)] ^ original[changed[0]]);

        // A second run writes nothing. A file cut short, and one that is no library, stop the build.
        await File.WriteAllBytesAsync(wrong, original[..(original.Length / 2)], Test);
        var written = File.GetLastWriteTimeUtc(copy);
        var second = await RelaxAsync($"{copy};{wrong};{Path.Combine(AppContext.BaseDirectory, "Moss.Trainer.dll")}");
        Assert.NotEqual(0, second.ExitCode);
        Assert.Contains("Nothing was changed.", second.Output, StringComparison.Ordinal);
        Assert.Contains("expected a 64-bit little-endian x86-64 ELF file", second.Output, StringComparison.Ordinal);
        Assert.Equal(written, File.GetLastWriteTimeUtc(copy));
        Assert.Equal(relaxed, await File.ReadAllBytesAsync(copy, Test));
        Assert.Equal(original[..(original.Length / 2)], await File.ReadAllBytesAsync(wrong, Test));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<ToolRun> RelaxAsync(string files)
    {
        var project = Path.Combine(_folder, "relax.proj");
        await File.WriteAllTextAsync(project, $"""
            <Project>
              <Import Project="{TestInstallation.Root()}/build/libtorch.targets" />
              <Target Name="Relax"><RelaxVersionNeed Files="$([MSBuild]::Unescape('$(Files)'))" /></Target>
            </Project>
            """, Test);
        return await ToolRun.OfAsync(["dotnet", "msbuild", project, "-t:Relax", "-nologo", "-nodeReuse:false", $"-p:Files={files.Replace(";", "%3B", StringComparison.Ordinal)}"], Test);
    }
}
