using System.Xml.Linq;
using Microsoft.EntityFrameworkCore;

namespace Moss.Data.Tests;

public sealed class SchemaTests(Database database) : DatabaseTest(database)
{
    [Fact]
    public async Task The_migrations_say_exactly_what_the_entities_say()
    {
        await using var db = Data.CreateDbContext();
        Assert.False(db.Database.HasPendingModelChanges(), "The entities changed: make the migration anew with dotnet ef.");
        Assert.Empty(await db.Database.GetPendingMigrationsAsync(Test));
    }

    [Fact]
    public async Task Two_starters_may_bring_a_missing_database_up_to_date_at_once()
    {
        var name = $"moss_data_race_{Guid.NewGuid():N}"[..30];
        var connection = new Npgsql.NpgsqlConnectionStringBuilder(Data.ConnectionString) { Database = name, Pooling = false }.ConnectionString;
        try
        {
            var starts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => DatabaseCreation.BringUpToDateAsync(connection, Test)));
            Assert.Single(starts, s => s.Created);
            Assert.Single(starts, s => s.Applied.Count > 0);
            await using var db = MossData.Open(connection);
            Assert.Empty(await db.Projects.ToListAsync(Test));
        }
        finally
        {
            await Data.RefusalAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        }
    }

    [Theory]
    [InlineData("Moss.Model", "")]
    [InlineData("Moss.Data", "")]
    [InlineData("Moss.Trainer", "Moss.Data Moss.Model")]
    [InlineData("Moss.Annotate", "Moss.Data")] // never Moss.Model: the portal ships without libtorch
    public void A_project_refers_only_to_the_projects_it_may(string project, string allowed)
    {
        var references = XDocument.Load(Path.Combine(SharedData.Repository(), "src", project, project + ".csproj"))
            .Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));
        Assert.Equal(allowed, string.Join(' ', references.Order()));
    }
}
