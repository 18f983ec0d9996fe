using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Moss.Trainer.Local;

namespace Moss.Trainer.Tests.Local;

public sealed class PostgresSetupTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moss-setup-").FullName;

    [Fact]
    public async Task A_package_with_the_reviewed_hash_is_unpacked_and_its_links_are_made()
    {
        var archive = Archive("""[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]""");

        await PostgresSetup.UnpackAsync(archive, Hash(archive), _folder, TestContext.Current.CancellationToken);

        Assert.Equal("library", File.ReadAllText(Path.Combine(_folder, "package/native/lib/libpq.so.5")));
        Assert.Equal("libpq.so.5.18", new FileInfo(Path.Combine(_folder, "package/native/lib/libpq.so.5")).LinkTarget);
    }

    [Fact]
    public async Task A_package_with_another_hash_is_not_even_unpacked()
    {
        var archive = Archive("[]");
        var reviewed = Hash(archive);
        await File.AppendAllTextAsync(archive, "x", TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => PostgresSetup.UnpackAsync(archive, reviewed, _folder, TestContext.Current.CancellationToken));

        Assert.Contains("it is not the file that was reviewed", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "package")));
    }

    [Fact]
    public async Task A_link_that_leaves_the_package_is_refused()
    {
        var archive = Archive("""[{"source":"native/lib/libpq.so.5.18","target":"../outside"}]""");

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => PostgresSetup.UnpackAsync(archive, Hash(archive), _folder, TestContext.Current.CancellationToken));

        Assert.Contains("'../outside'", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Archive(string links)
    {
        var path = Path.Combine(_folder, "package.tgz");
        using var plain = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        using var tar = new TarWriter(plain);
        foreach (var (name, text) in new[] { ("native/pg-symlinks.json", links), ("native/lib/libpq.so.5.18", "library"), ("native/bin/postgres", "program") })
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "package/" + name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)) });
        return path;
    }

    private static string Hash(string path) => Convert.ToBase64String(SHA512.HashData(File.ReadAllBytes(path)));
}
