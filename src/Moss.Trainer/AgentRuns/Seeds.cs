using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Moss.Trainer.AgentRuns;

/// <summary>The seed of every call of an agent run, a pure function of where in the run it stands (SCENARIOS, "Seeds").</summary>
internal static class Seeds
{
    /// <param name="cell">name=value pairs of the matrix sorted by name, joined by ';'; empty without a matrix.</param>
    /// <param name="redo">Answers received and rejected before this one; a transport retry keeps its seed.</param>
    public static long Of(long seed, string scenarioSha256, string cell, int run, int turn, string seat, int sample, int redo)
    {
        var text = string.Create(CultureInfo.InvariantCulture,
            $"moss.seed/v1\n{seed}\n{scenarioSha256}\n{cell}\n{run}\n{turn}\n{seat}\n{sample}\n{redo}");
        return (long)(BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) & 0x7FFF_FFFF_FFFF_FFFF);
    }
}
