namespace Moss.Model.Learning;

/// <summary>Tells a lack of memory from other failures of libtorch, which have only their words to tell them apart.</summary>
public static class OutOfMemory
{
    private static readonly string[] Words = ["not enough memory", "out of memory", "can't allocate memory", "bad_alloc", "cannot allocate memory"];

    /// <summary>Whether a process's last words say so: native code ends it without an exception.</summary>
    public static bool IsSaidIn(string words) => Words.Any(w => words.Contains(w, StringComparison.OrdinalIgnoreCase));

    public static bool Is(Exception e) => e is OutOfMemoryException || IsSaidIn(e.Message);
}
