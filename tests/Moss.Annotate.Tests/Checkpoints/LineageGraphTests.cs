using Moss.Annotate.Features.Checkpoints;

namespace Moss.Annotate.Tests.Checkpoints;

public sealed class LineageGraphTests
{
    private static readonly Guid Base = Guid.NewGuid(), Left = Guid.NewGuid(), Right = Guid.NewGuid(), Tip = Guid.NewGuid();

    [Fact]
    public void A_line_of_descent_takes_one_lane()
    {
        var rows = LineageGraph.Lay([(Tip, Left), (Left, Base), (Base, null)]);
        Assert.All(rows, r => Assert.Equal(0, r.Lane));
        Assert.Equal([true, true, false], rows.Select(r => r.Downward));
        Assert.Equal([0], rows[1].FromAbove);
    }

    [Fact]
    public void Branches_meet_in_their_common_parent()
    {
        var rows = LineageGraph.Lay([(Tip, Left), (Right, Base), (Left, Base), (Base, null)]);
        Assert.Equal([0, 1, 0, 0], rows.Select(r => r.Lane));
        Assert.Equal([0], rows[1].Through);
        Assert.Equal([1], rows[2].Through);
        Assert.Equal([0, 1], rows[3].FromAbove);
    }

    [Fact]
    public void A_second_family_stands_beside_the_first_and_lanes_are_used_again()
    {
        var (other, child) = (Guid.NewGuid(), Guid.NewGuid());
        var rows = LineageGraph.Lay([(Left, Base), (other, null), (child, Base), (Base, null)]);
        Assert.Equal([0, 1, 1, 0], rows.Select(r => r.Lane));
    }

    [Fact]
    public void A_parent_that_is_not_listed_counts_as_none() =>
        Assert.False(LineageGraph.Lay([(Left, Guid.NewGuid())])[0].Downward);
}
