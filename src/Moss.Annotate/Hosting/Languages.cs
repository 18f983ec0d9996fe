using Microsoft.AspNetCore.Localization;

namespace Moss.Annotate.Hosting;

/// <summary>The languages of the interface; the cookie (set from the profile at sign-in) decides, then the browser.</summary>
public static class Languages
{
    public const string English = "en";
    public const string Chinese = "zh-Hans";

    public static readonly IReadOnlyList<(string Culture, string Name)> All = [(English, "English"), (Chinese, "简体中文")];

    public static bool IsKnown(string? culture) => All.Any(l => l.Culture == culture);

    internal static void UseLanguages(this WebApplication app)
    {
        var cultures = All.Select(l => l.Culture).ToArray();
        app.UseRequestLocalization(options =>
        {
            options.SetDefaultCulture(English).AddSupportedCultures(cultures).AddSupportedUICultures(cultures);
            options.RequestCultureProviders = [new CookieRequestCultureProvider(), new AcceptLanguageHeaderRequestCultureProvider()];
        });
    }

    /// <summary>Remembers the choice for a year.</summary>
    internal static void RememberLanguage(this HttpContext context, string culture) =>
        context.Response.Cookies.Append(
            CookieRequestCultureProvider.DefaultCookieName,
            CookieRequestCultureProvider.MakeCookieValue(new RequestCulture(culture)),
            new CookieOptions { MaxAge = TimeSpan.FromDays(365), IsEssential = true, HttpOnly = true, SameSite = SameSiteMode.Lax });
}
