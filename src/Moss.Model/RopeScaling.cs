namespace Moss.Model;

/// <summary>How rotary frequencies are stretched for contexts longer than the network was first trained on.</summary>
public abstract record RopeScaling
{
    /// <param name="frequency">Radians per position of one pair of dimensions.</param>
    public abstract double Apply(double frequency);

    /// <summary>Every frequency divided by the same factor.</summary>
    public sealed record Linear(double Factor) : RopeScaling
    {
        public override double Apply(double frequency) => frequency / Factor;
    }

    /// <summary>Llama 3: short wavelengths stay, long ones are divided, those between are blended.</summary>
    public sealed record Llama3(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, double OriginalContext) : RopeScaling
    {
        public override double Apply(double frequency)
        {
            var wavelength = 2 * Math.PI / frequency;
            if (wavelength < OriginalContext / HighFrequencyFactor) return frequency;
            if (wavelength > OriginalContext / LowFrequencyFactor) return frequency / Factor;
            var smooth = (OriginalContext / wavelength - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
            return frequency * ((1 - smooth) / Factor + smooth);
        }
    }
}
