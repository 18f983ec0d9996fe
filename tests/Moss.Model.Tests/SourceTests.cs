namespace Moss.Model.Tests;

public class SourceTests
{
    [Fact]
    public void No_source_calls_raw_matmul_which_aborts_the_process_on_a_wrong_shape() =>
        Assert.DoesNotContain(Sources(), file => File.ReadAllText(file).Contains("matmul(", StringComparison.Ordinal));

    [Fact]
    public void Operator_names_of_the_dispatcher_stay_in_one_file() => Assert.Equal(
        ["Aten.cs"], Sources().Where(file => File.ReadAllText(file).Contains("aten::", StringComparison.Ordinal)).Select(Path.GetFileName));

    private static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Path.Combine(Shared.Repository(), "src", "Moss.Model"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
}
