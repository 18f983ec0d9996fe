using Microsoft.AspNetCore.Identity;

namespace Moss.Data.Annotators;

/// <summary>An account that can sign in; what its owner does is recorded under their <see cref="Annotator"/>.</summary>
public sealed class MossUser : IdentityUser<Guid>
{
    public MossUser() => Id = Guid.CreateVersion7();

    /// <summary>Interface language, a culture name: "en" or "zh-Hans".</summary>
    public string Language { get; set; } = "en";
}
