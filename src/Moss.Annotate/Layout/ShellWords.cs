namespace Moss.Annotate.Layout;

/// <summary>Names the word list of the shell: ShellWords.resx, ShellWords.zh-Hans.resx.</summary>
public sealed class ShellWords;
