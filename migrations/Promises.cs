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
        using var stream = typeof(Promises).Assembly.GetManifestResourceStream("Promises.sql")!;
        using var reader = new StreamReader(stream);
        migrationBuilder.Sql(reader.ReadToEnd());
    }
}
