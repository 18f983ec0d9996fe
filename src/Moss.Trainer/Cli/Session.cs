using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Moss.Data;
using Moss.Data.Annotators;
using Moss.Data.Projects;
using Moss.Trainer.Local;

namespace Moss.Trainer.Cli;

/// <summary>One call of a researchers' verb: the database, the project, the person at the keyboard, and how to print.</summary>
internal sealed class Session : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Lines = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly Option<bool> JsonOption = new("--json") { Description = "One JSON object per line." };
    private static readonly Option<bool> DetachOption = new("--detach") { Description = "Make the row and leave; do not follow it." };

    private static readonly Option<string> ProjectOption = new("--project")
    {
        Description = "The project.", DefaultValueFactory = _ => Moss.Data.Projects.Project.DefaultName,
    };

    private static readonly Option<string> PersonOption = new("--as")
    {
        Description = "The person who speaks and judges.", DefaultValueFactory = _ => Environment.UserName is { Length: > 0 } name ? name : "command line",
    };

    private Session(MossDbContext db, Project project, Annotator person, bool json, bool detach) =>
        (Db, Project, Person, Json, Detach) = (db, project, person, json, detach);

    public MossDbContext Db { get; }
    public Project Project { get; }
    public Annotator Person { get; }
    public bool Json { get; }
    public bool Detach { get; }

    /// <summary>A verb with the options that all of these share.</summary>
    public static Command Verb(string name, string description, params IEnumerable<Symbol> own)
    {
        var command = new Command(name, description) { JsonOption, ProjectOption, PersonOption };
        foreach (var symbol in own)
        {
            if (symbol is Argument argument) command.Arguments.Add(argument);
            else command.Options.Add((Option)symbol);
        }
        return command;
    }

    /// <summary>As <see cref="Verb"/>, for a verb that follows the row it made.</summary>
    public static Command FollowingVerb(string name, string description, params IEnumerable<Symbol> own) => Verb(name, description, [.. own, DetachOption]);

    public static async Task<Session> OpenAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var db = MossData.Open(await MossDatabase.EnsureAsync(cancellation));
        var now = TimeProvider.System.GetUtcNow();
        var project = await db.EnsureProjectAsync(parsed.GetValue(ProjectOption)!, now, cancellation);
        var person = await db.EnsureHumanAsync(parsed.GetValue(PersonOption)!, now, cancellation);
        return new Session(db, project, person, parsed.GetValue(JsonOption), parsed.GetResult(DetachOption) is not null && parsed.GetValue(DetachOption));
    }

    /// <summary>Prints a row: as JSON, or in words.</summary>
    public void Print(object row, string words) => Console.WriteLine(Json ? JsonSerializer.Serialize(row, Lines) : words);

    /// <summary>Whether rows are asked for as JSON, for a call that needs no database.</summary>
    public static bool AsksJson(ParseResult parsed) => parsed.GetValue(JsonOption);

    /// <summary>The same for a call that needs no database.</summary>
    public static void PrintWithout(ParseResult parsed, object row, string words) =>
        Console.WriteLine(parsed.GetValue(JsonOption) ? JsonSerializer.Serialize(row, Lines) : words);

    public ValueTask DisposeAsync() => Db.DisposeAsync();
}
