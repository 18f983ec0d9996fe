using Moss.Data;
using Moss.Trainer.Deployments.Hub;

namespace Moss.Trainer.Tests.Hub;

public sealed class CheckpointPullTests : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("moss-pull-").FullName;
    private FakeHub _hub = null!;

    private string Folder => Path.Combine(_root, "tiny");
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _hub = await FakeHub.StartAsync();
        _hub.Files["config.json"] = "{\"model_type\": \"qwen3\"}"u8.ToArray();
        _hub.Files["model.safetensors"] = Bytes(3_000_000);
        _hub.Files["tokenizer.json"] = Bytes(50_000);
        _hub.Large.Add("model.safetensors");
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task Files_arrive_whole_from_one_commit_and_a_second_pull_brings_none()
    {
        _hub.Files["modeling_moss.py"] = "import os"u8.ToArray();
        _hub.Files["pytorch_model.bin"] = Bytes(10);
        var first = await PullAsync();
        Assert.Equal((FakeHub.Commit, 3, 0, false), (first.Commit, first.Pulled, first.Kept, first.Pickled));
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], Here());
        Assert.All(Here(), name => Assert.Equal(_hub.Files[name], File.ReadAllBytes(Path.Combine(Folder, name))));
        Assert.Equal((0, 3), (await PullAsync()) is var again ? (again.Pulled, again.Kept) : default);
    }

    [Fact]
    public async Task A_connection_that_breaks_again_and_again_is_taken_up_where_it_broke()
    {
        foreach (var cut in (int[])[1_000_000, 500_000, 0, 700_000]) _hub.Cuts.Enqueue(("model.safetensors", cut));
        var pulled = await PullAsync();
        Assert.Equal(_hub.Files["model.safetensors"], await File.ReadAllBytesAsync(Path.Combine(Folder, "model.safetensors"), Test));
        Assert.Equal(_hub.Files.Values.Sum(f => f.Length), pulled.Bytes); // nothing came twice
        var resumed = _hub.Requests.Where(r => r.Range is not null).ToList();
        Assert.InRange(resumed.Count, 2, 4);
        Assert.All(resumed, r => Assert.Equal("\"state-1\"", r.IfRange));
    }

    [Fact]
    public async Task A_broken_off_pull_goes_on_in_a_later_call_and_from_the_beginning_where_the_server_knows_no_ranges()
    {
        for (var i = 0; i < 6; i++) _hub.Cuts.Enqueue(("model.safetensors", 300_000)); // more than its patience
        var error = await Assert.ThrowsAsync<IOException>(PullAsync);
        Assert.Contains("Gave up after 5 attempts", error.Message, StringComparison.Ordinal);
        Assert.Contains("model.safetensors.part", Here());
        _hub.Cuts.Clear();
        _hub.KnowsRanges = false;
        await PullAsync();
        Assert.All(Here(), name => Assert.Equal(_hub.Files[name], File.ReadAllBytes(Path.Combine(Folder, name))));
    }

    [Theory]
    [InlineData("model.safetensors", "SHA-256")]
    [InlineData("tokenizer.json", "git hash")]
    public async Task Bytes_that_are_not_what_the_hub_says_are_not_kept(string wrong, string said)
    {
        _hub.Sent = (name, bytes) => name == wrong ? [.. bytes[..^1], (byte)(bytes[^1] ^ 1)] : bytes;
        var error = await Assert.ThrowsAsync<InvalidDataException>(PullAsync);
        Assert.Contains(wrong, error.Message, StringComparison.Ordinal);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Here(), name => name.StartsWith(wrong, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_part_of_another_state_is_thrown_away_when_the_whole_does_not_fit_its_hash()
    {
        Directory.CreateDirectory(Folder);
        await File.WriteAllBytesAsync(Path.Combine(Folder, "model.safetensors.part"), new byte[1_000], Test);
        await PullAsync();
        Assert.Equal(_hub.Files["model.safetensors"], await File.ReadAllBytesAsync(Path.Combine(Folder, "model.safetensors"), Test));
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/model.safetensors")]
    [InlineData("..\\model.safetensors")]
    [InlineData("a/../../model.safetensors")]
    [InlineData("model\u0000.safetensors")]
    public async Task A_name_that_leads_out_of_the_folder_ends_the_pull_before_it_begins(string name)
    {
        _hub.Listed = file => file == "model.safetensors" ? name : file;
        Assert.Contains("outside the folder", (await Assert.ThrowsAsync<InvalidDataException>(PullAsync)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public async Task Files_in_folders_of_the_repository_are_left_there()
    {
        _hub.Files["onnx.json"] = [1];
        _hub.Listed = file => file == "onnx.json" ? "onnx/config.json" : file;
        Assert.Equal(3, (await PullAsync()).Pulled);
    }

    [Fact]
    public async Task More_bytes_than_the_list_says_and_a_file_without_a_hash_are_refused()
    {
        _hub.Sent = (name, bytes) => name == "model.safetensors" ? [.. bytes, 0] : bytes;
        Assert.Contains("sends more than", (await Assert.ThrowsAsync<InvalidDataException>(PullAsync)).Message, StringComparison.Ordinal);
        _hub.StatesHashes = false;
        _hub.Files["generation_config.json"] = [1];
        Assert.Contains("without a hash", (await Assert.ThrowsAsync<MossInputException>(PullAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_file_in_the_folder_is_not_overwritten()
    {
        Directory.CreateDirectory(Folder);
        await File.WriteAllTextAsync(Path.Combine(Folder, "config.json"), "mine", Test);
        Assert.Contains("exists and is not the hub's", (await Assert.ThrowsAsync<MossInputException>(PullAsync)).Message, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(Path.Combine(Folder, "config.json"), Test));
    }

    [Fact]
    public async Task What_the_hub_refuses_is_said_with_what_to_do_and_what_is_busy_is_asked_again()
    {
        _hub.Refusals.Enqueue(404);
        Assert.Contains("does not exist", (await Assert.ThrowsAsync<MossInputException>(PullAsync)).Message, StringComparison.Ordinal);
        _hub.Refusals.Enqueue(429);
        _hub.Refusals.Enqueue(503);
        Assert.Equal(3, (await PullAsync()).Pulled);
        foreach (var _ in Enumerable.Range(0, 5)) _hub.Refusals.Enqueue(429);
        Assert.Contains("answered 429", (await Assert.ThrowsAsync<IOException>(PullAsync)).Message, StringComparison.Ordinal);

        _hub.Token = "secret";
        Assert.Contains("set MOSS_HUB_TOKEN", (await Assert.ThrowsAsync<MossInputException>(PullAsync)).Message, StringComparison.Ordinal);
        Assert.Contains("does not give access", (await Assert.ThrowsAsync<MossInputException>(() => PullAsync("other"))).Message, StringComparison.Ordinal);
        Assert.Equal(3, (await PullAsync("secret")).Kept);
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_never_to_the_store_that_it_redirects_to()
    {
        await using var store = await FakeHub.StartAsync();
        foreach (var (name, bytes) in _hub.Files) store.Files[name] = bytes;
        (_hub.Token, _hub.Store, store.StatesHashes) = ("secret", store.Address, false);
        Assert.Equal(3, (await PullAsync("secret")).Pulled);
        Assert.All(_hub.Requests, r => Assert.Equal("Bearer secret", r.Authorization));
        Assert.Equal(3, store.Requests.Count);
        Assert.All(store.Requests, r => Assert.Null(r.Authorization));
    }

    [Fact]
    public async Task Weights_of_pytorch_are_pulled_only_where_there_are_no_others()
    {
        _hub.Files.Remove("model.safetensors");
        _hub.Files["pytorch_model.bin"] = Bytes(1_000);
        Assert.True((await PullAsync()).Pickled);
        Assert.Contains("pytorch_model.bin", Here());
        _hub.Files.Remove("pytorch_model.bin");
        Assert.Contains("lists no weights", (await Assert.ThrowsAsync<MossInputException>(PullAsync)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "moss/tiny", "main", "MOSS_HUB")]
    [InlineData("ftp://x", "moss/tiny", "main", "not the address")]
    [InlineData("https://x", "tiny", "main", "OWNER/NAME")]
    [InlineData("https://x", "moss/..", "main", "OWNER/NAME")]
    [InlineData("https://x", "moss/tiny\n", "main", "OWNER/NAME")]
    [InlineData("https://x", "moss/tiny", "../../x", "not a revision")]
    public void An_address_that_cannot_be_is_refused_with_how_it_should_look(string? hub, string repository, string revision, string said) =>
        Assert.Contains(said, Assert.Throws<MossInputException>(() => HubAddress.Of(hub, repository, revision)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_token_is_not_sent_in_the_clear_to_another_machine() =>
        Assert.Contains("not https", Assert.Throws<MossInputException>(() => new HubClient(new("http://hub.example"), "secret")).Message, StringComparison.Ordinal);

    private Task<CheckpointPull.Outcome> PullAsync() => PullAsync(null);

    private Task<CheckpointPull.Outcome> PullAsync(string? token) =>
        new CheckpointPull(HubAddress.Of(_hub.Address.ToString(), "moss/tiny", "main"), Folder, token, TimeProvider.System, (_, _, _) => { })
        { FirstPause = TimeSpan.FromMilliseconds(5) }.RunAsync(Test);

    private string[] Here() => [.. Directory.GetFiles(Folder).Select(f => Path.GetFileName(f)!).Where(f => !f.EndsWith(".etag", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }
}
