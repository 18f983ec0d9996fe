namespace Moss.Data.Tests;

/// <summary>A test class with a database of its own.</summary>
public abstract class DatabaseTest(Database database) : IClassFixture<Database>
{
    protected Database Data { get; } = database;

    protected static CancellationToken Test => TestContext.Current.CancellationToken;
}
