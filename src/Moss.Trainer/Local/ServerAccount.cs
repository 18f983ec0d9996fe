namespace Moss.Trainer.Local;

/// <summary>The account that PostgreSQL runs as: ours, or an unprivileged one when we are root, as which it refuses to run.</summary>
internal sealed record ServerAccount(string? Name, string? Group)
{
    private const string Own = "moss-pg";

    public static async Task<ServerAccount> ForThisProcessAsync(CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess || OperatingSystem.IsWindows()) return new ServerAccount(null, null);
        foreach (var name in (string[])["postgres", Own]) // the packages of every distribution make "postgres"
            if (await GroupOfAsync(name, cancellation) is { } group) return new ServerAccount(name, group);
        await ToolRun.MustAsync(["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", Own], cancellation);
        return new ServerAccount(Own, Own);
    }

    /// <summary>The command as this account runs it. setpriv replaces itself by the command; where it is missing, runuser waits beside it.</summary>
    public IEnumerable<string> Command(params IEnumerable<string> command) =>
        Name is null ? command
        : ToolRun.Find("setpriv") is { } setpriv ? [setpriv, "--reuid", Name, "--regid", Group!, "--init-groups", "--", .. command]
        : ["runuser", "-u", Name, "--", .. command];

    /// <summary>Gives a folder that we made, and all in it, to the account.</summary>
    public async Task OwnAsync(string folder, CancellationToken cancellation)
    {
        if (Name is not null) await ToolRun.MustAsync(["chown", "-R", $"{Name}:{Group}", folder], cancellation);
    }

    private static async Task<string?> GroupOfAsync(string name, CancellationToken cancellation) =>
        await ToolRun.OfAsync(["id", "-gn", name], cancellation) is { ExitCode: 0 } group ? group.Output : null;
}
