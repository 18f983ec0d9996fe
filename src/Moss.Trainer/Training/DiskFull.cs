namespace Moss.Trainer.Training;

/// <summary>Tells a full disk from other failures to write, and says what to do.</summary>
internal static class DiskFull
{
    // Linux: ENOSPC 28, EDQUOT 122. macOS: 28, 69. Windows: ERROR_HANDLE_DISK_FULL 39, ERROR_DISK_FULL 112.
    private static readonly int[] Codes = OperatingSystem.IsWindows() ? [39, 112] : [28, 69, 122];

    /// <summary>A sentence for people, or null when the disk was not full.</summary>
    public static string? Said(Exception e) => e is IOException { HResult: var code } && Codes.Contains(code & 0xFFFF) || IsTooLarge(e)
        ? $"The disk is full: {e.Message.Split(" (Parameter", 2)[0].TrimEnd('.')}. " +
          "Nothing half-written was kept, and the checkpoints from before are as they were. " +
          "Free some space (or raise a limit on file sizes), or move MOSS_CHECKPOINTS and MOSS_STATE to a larger disk; then queue the run again."
        : null;

    /// <summary>EFBIG, a limit on file sizes: .NET takes it for a wrong argument.</summary>
    private static bool IsTooLarge(Exception e) =>
        e is ArgumentOutOfRangeException { ParamName: "value" } && e.StackTrace?.Contains("System.IO.RandomAccess", StringComparison.Ordinal) == true;
}
