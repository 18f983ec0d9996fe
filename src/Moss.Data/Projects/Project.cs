namespace Moss.Data.Projects;

/// <summary>What conversations, datasets and runs belong to, with the guidelines its annotators follow.</summary>
public sealed class Project
{
    public const string DefaultName = "moss";

    public Guid Id { get; init; } = Guid.CreateVersion7();
    public required string Name { get; init; }
    public string Guidelines { get; set; } = "";
    public required DateTimeOffset CreatedAt { get; init; }
}
