namespace Moss.Trainer.Local;

/// <summary>The shell scripts of this folder, which are embedded in the program: `bash -c TEXT NAME arguments…`.</summary>
internal static class EmbeddedScript
{
    public const string KeepChild = "keep-child.sh", KeepPostgres = "keep-postgres.sh";

    public static IEnumerable<string> Command(string script, params IEnumerable<string> arguments)
    {
        using var stream = typeof(EmbeddedScript).Assembly.GetManifestResourceStream(script)
            ?? throw new InvalidOperationException($"The build left out the script '{script}'.");
        using var text = new StreamReader(stream);
        return ["bash", "-c", text.ReadToEnd(), script, .. arguments];
    }
}
