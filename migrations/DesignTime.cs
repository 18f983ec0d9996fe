using Microsoft.EntityFrameworkCore.Design;
using Moss.Data;

namespace Moss.Migrations;

/// <summary>The context that `dotnet ef` works with; it never connects.</summary>
internal sealed class DesignTime : IDesignTimeDbContextFactory<MossDbContext>
{
    public MossDbContext CreateDbContext(string[] args) => MossData.Open("Host=design.invalid;Database=moss");
}
