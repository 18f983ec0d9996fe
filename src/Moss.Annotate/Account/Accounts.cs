using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Identity;
using Moss.Data;
using Moss.Data.Annotators;

namespace Moss.Annotate.Account;

internal static class Accounts
{
    public static readonly TimeSpan Revalidate = TimeSpan.FromMinutes(2);

    /// <summary>ASP.NET Core Identity with a cookie, our three roles, and a circuit that notices when an account changed.</summary>
    public static IServiceCollection AddAccounts(this IServiceCollection services)
    {
        services.AddIdentityCore<MossUser>(identity =>
        {
            identity.Password.RequiredLength = 12;
            identity.Password.RequireDigit = identity.Password.RequireLowercase = false; // length, not ornaments (NIST SP 800-63B)
            identity.Password.RequireUppercase = identity.Password.RequireNonAlphanumeric = false;
            identity.Password.RequiredUniqueChars = 4;
            identity.Lockout.MaxFailedAccessAttempts = 5;
            identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
            identity.User.AllowedUserNameCharacters = null!; // names in any script
        }).AddRoles<IdentityRole<Guid>>().AddEntityFrameworkStores<MossDbContext>().AddSignInManager().AddDefaultTokenProviders();

        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddIdentityCookies(cookies =>
            cookies.ApplicationCookie!.Configure(ConfigureCookie));
        services.Configure<SecurityStampValidatorOptions>(stamp => stamp.ValidationInterval = Revalidate);

        services.AddAuthorizationBuilder()
            .AddPolicy(Policies.Annotator, p => p.RequireRole(Roles.Annotator, Roles.Researcher, Roles.Administrator))
            .AddPolicy(Policies.Researcher, p => p.RequireRole(Roles.Researcher, Roles.Administrator))
            .AddPolicy(Policies.Administrator, p => p.RequireRole(Roles.Administrator));
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, RevalidatingState>();
        services.AddScoped<SignedIn>();
        services.AddScoped<FirstAdministrator>();
        services.AddScoped<People>();
        return services;
    }

    private static void ConfigureCookie(CookieAuthenticationOptions cookie)
    {
        cookie.Cookie.Name = "moss.session";
        cookie.Cookie.HttpOnly = true;
        cookie.Cookie.SameSite = SameSiteMode.Lax;
        cookie.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest; // plain http is for loopback
        cookie.ExpireTimeSpan = TimeSpan.FromHours(12);
        cookie.SlidingExpiration = true;
        cookie.LoginPath = "/Account/Login";
        cookie.AccessDeniedPath = "/Account/Denied";
        cookie.ReturnUrlParameter = "returnUrl";
    }
}
