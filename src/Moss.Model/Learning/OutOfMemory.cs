namespace Moss.Model.Learning;

/// <summary>Tells a lack of memory from other failures of libtorch, which have only their words to tell them apart.</summary>
internal static class OutOfMemory
{
    private static readonly string[] Words = ["not enough memory", "out of memory", "can't allocate memory", "bad_alloc", "Cannot allocate memory"];

    public static bool Is(Exception e) => e is OutOfMemoryException || Words.Any(w => e.Message.Contains(w, StringComparison.OrdinalIgnoreCase));
}
