using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Moss.Trainer.AgentRuns;

/// <summary>Ids that a resumed run makes again: UUIDv7 by layout, the run's time in front, the rest from where in the run it stands.</summary>
internal static class RunIds
{
    public static Guid Of(Guid run, DateTimeOffset runCreatedAt, int turn, string what)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes($"moss.agent-run/v1\n{run}\n{turn}\n{what}"))[..16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, ((runCreatedAt.ToUnixTimeMilliseconds() + turn) << 16) | BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(6)));
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
