namespace Moss.Model.Learning;

/// <summary>c + x·X + y·Y + xy·X·Y: what depends on two sizes, each in proportion, found from four measurements.</summary>
public readonly record struct Plane(double Constant, double PerX, double PerY, double PerXY)
{
    /// <param name="measure">Called for each of the four corners.</param>
    public static Plane Through(double x1, double x2, double y1, double y2, Func<double, double, double> measure)
    {
        var (f11, f12, f21, f22) = (measure(x1, y1), measure(x1, y2), measure(x2, y1), measure(x2, y2));
        var both = (f22 - f21 - f12 + f11) / ((x2 - x1) * (y2 - y1));
        var x = (f21 - f11) / (x2 - x1) - both * y1;
        var y = (f12 - f11) / (y2 - y1) - both * x1;
        return new(f11 - x * x1 - y * y1 - both * x1 * y1, x, y, both);
    }

    public double At(double x, double y) => Constant + PerX * x + PerY * y + PerXY * x * y;
}
