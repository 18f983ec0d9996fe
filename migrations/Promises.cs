using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Moss.Data;

namespace Moss.Migrations;

/// <summary>The promises that a column or CHECK cannot keep: what may never change, and what may never reach a dataset. See Promises.sql.</summary>
[DbContext(typeof(MossDbContext))]
[Migration("20261101000001_Promises")]
public sealed class Promises : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        ArgumentNullException.ThrowIfNull(migrationBuilder);
        migrationBuilder.Sql(Text("Promises.sql"));
    }

    /// <summary>The SQL of a migration, by the name of its file.</summary>
    internal static string Text(string name)
    {
        using var stream = typeof(Promises).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
