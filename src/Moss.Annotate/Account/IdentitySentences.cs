using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;

namespace Moss.Annotate.Account;

internal static class IdentitySentences
{
    /// <summary>Identity's errors in the language of the page; one it has no words for stays in English.</summary>
    public static string Sentences(this IStringLocalizer words, IdentityResult result) =>
        string.Join(" ", result.Errors.Select(e => words["Identity" + e.Code] is { ResourceNotFound: false } known ? known.Value : e.Description));
}
