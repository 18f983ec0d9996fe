using Bunit;
using Microsoft.EntityFrameworkCore;
using Moss.Annotate.Features.Datasets;
using Moss.Annotate.Tests.Loop;
using Moss.Annotate.Tests.Setup;
using Moss.Data.Datasets;

namespace Moss.Annotate.Tests.Datasets;

public sealed class DatasetPageTests(PostgresServer server) : LoopTest(server)
{
    [Fact]
    public async Task An_example_shows_what_is_learned_instead_of_what_and_because_of_whom()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        await Story.RateAsync("What is the capital of Peru?", "Lima.", 5, Test);
        var version = await Story.FreezeAsync(Test);
        var page = Render<DatasetPage>(p => p.Add(d => d.Version, version.Id));
        page.Until(() => page.FindAll("[data-test='example']").Count == 2);
        page.Type("example-search", "Matrix");
        page.Until(() => page.FindAll("[data-test='example']").Count == 1);
        Assert.Contains("Lana and Lilly Wachowski.", page.Find(".r-learned").TextContent, StringComparison.Ordinal);
        Assert.Contains("Steven Spielberg.", page.Find(".r-rejected").TextContent, StringComparison.Ordinal);
        Assert.Contains("corrected by Ada Lovelace", page.Find("[data-test='example-reason']").TextContent, StringComparison.Ordinal);
        page.Press("split-eval");
        page.Until(() => page.FindAll("[data-test='example']").Count == 0);
    }

    [Fact]
    public async Task A_preference_shows_what_is_chosen_over_what_and_how_much_it_counts()
    {
        await Story.BeginAsync(Test);
        await Story.CorrectAsync("Who directed The Matrix?", "Steven Spielberg.", "Lana and Lilly Wachowski.", Test);
        var version = await With(db => db.FreezeAsync(Story.Project.Id, null, new FreezeRule { Recipe = "dpo" }, Story.Ada.Id, Test));
        var page = Render<DatasetPage>(p => p.Add(d => d.Version, version.Id));
        page.Until(() => page.FindAll("[data-test='example']").Count == 1);
        Assert.Contains("Lana and Lilly Wachowski.", page.Find(".r-learned").TextContent, StringComparison.Ordinal);
        Assert.Contains("Steven Spielberg.", page.Find(".r-rejected").TextContent, StringComparison.Ordinal);
        Assert.Equal(["weight 1", "probability 1"], page.FindAll("[data-test='example-mark']").Select(m => m.TextContent));
        page.Says("version-recipe", "dpo");
        page.Says("version-length", "The longer reply is chosen in 100.0");
    }

    [Fact]
    public async Task An_unknown_version_is_a_sentence()
    {
        await Story.BeginAsync(Test);
        var page = Render<DatasetPage>(p => p.Add(d => d.Version, Guid.NewGuid()));
        page.Until(() => page.Markup.Contains("There is no such dataset version", StringComparison.Ordinal));
    }
}
