using Moss.Trainer.Local;

namespace Moss.Trainer.Tests.Local;

public sealed class InstallationTests
{
    [Fact]
    public async Task An_address_that_is_none_is_refused_with_an_example()
    {
        var run = await ToolRun.OfAsync(
            ["dotnet", Path.Combine(AppContext.BaseDirectory, "Moss.Trainer.dll"), "down"], TestContext.Current.CancellationToken,
            variables: new Dictionary<string, string> { ["MOSS_PORTAL_URL"] = "5080" });

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("MOSS_PORTAL_URL is '5080'; expected an address such as http://localhost:5080.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_token_for_the_first_administrator_stays_the_same_in_a_file_that_others_cannot_read()
    {
        await using var moss = new TestInstallation();
        var token = SetupToken.Of(moss.Self);

        Assert.Equal(40, token.Length);
        Assert.Equal(token, SetupToken.Of(moss.Self));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(moss.Self.State, "setup-token")));
    }

    [Fact]
    public async Task Doctor_finds_what_this_test_itself_needs_and_names_a_way_to_get_what_is_missing()
    {
        await using var moss = new TestInstallation();
        var findings = new List<Finding>();
        await foreach (var finding in new Diagnosis(moss.Self).FindAsync(TestContext.Current.CancellationToken)) findings.Add(finding);

        Assert.All(findings.Where(f => f.Check is ".NET SDK" or "PostgreSQL" or "bash"), f => Assert.True(f.Ok, f.Says));
        Assert.All(findings.Where(f => !f.Ok), f => Assert.False(string.IsNullOrEmpty(f.Get), f.Check));
    }
}
