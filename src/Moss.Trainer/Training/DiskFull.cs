namespace Moss.Trainer.Training;

/// <summary>Tells a full disk from other failures to write, and says what to do.</summary>
internal static class DiskFull
{
    // Linux and macOS: EFBIG 27, ENOSPC 28, EDQUOT 122 and 69. Windows: ERROR_HANDLE_DISK_FULL 39, ERROR_DISK_FULL 112.
    private static readonly int[] Codes = OperatingSystem.IsWindows() ? [39, 112] : OperatingSystem.IsMacOS() ? [27, 28, 69] : [27, 28, 122];

    /// <summary>A sentence for people, or null when the disk was not full.</summary>
    public static string? Said(Exception e) => e is IOException { HResult: var code } && Codes.Contains(code & 0xFFFF)
        ? $"The disk is full: {e.Message.TrimEnd('.')}. Nothing half-written was kept, and the checkpoints from before are as they were. " +
        "Free some space, or move MOSS_CHECKPOINTS and MOSS_STATE to a larger disk; then queue the run again."
        : null;
}
