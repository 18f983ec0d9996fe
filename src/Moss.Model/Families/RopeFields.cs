namespace Moss.Model.Families;

/// <summary>Rotary settings in both dialects: rope_theta with rope_scaling, or transformers 5's rope_parameters.</summary>
internal static class RopeFields
{
    private const double DefaultTheta = 10_000;

    public static (double Theta, RopeScaling? Scaling) Read(ConfigFields config)
    {
        var section = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        var theta = config.Section("rope_parameters")?.OptionalDouble("rope_theta") ?? config.OptionalDouble("rope_theta") ?? DefaultTheta;
        if (config.OptionalDouble("partial_rotary_factor") is { } part && part != 1)
            throw config.Refuse($"partial_rotary_factor {part}: only full rotation is supported for this family");
        return (theta, section is null ? null : Scaling(section));
    }

    private static RopeScaling? Scaling(ConfigFields section) => (section.Text("rope_type") ?? section.Text("type")) switch
    {
        null or "default" => null,
        "linear" => new RopeScaling.Linear(Above(section, "factor", 0)),
        "llama3" => Llama3(section),
        var other => throw section.Refuse($"rope type \"{other}\" is not supported; default, linear and llama3 are"),
    };

    private static RopeScaling.Llama3 Llama3(ConfigFields section)
    {
        var scaling = new RopeScaling.Llama3(Above(section, "factor", 0), Above(section, "low_freq_factor", 0),
            Above(section, "high_freq_factor", 0), Above(section, "original_max_position_embeddings", 0));
        return scaling.HighFrequencyFactor > scaling.LowFrequencyFactor ? scaling : throw section.Refuse(
            $"high_freq_factor {scaling.HighFrequencyFactor} must be above low_freq_factor {scaling.LowFrequencyFactor}");
    }

    private static double Above(ConfigFields section, string name, double bound) =>
        section.Double(name) is var value && value > bound ? value : throw section.Refuse($"{name} {value} must be above {bound}");
}
