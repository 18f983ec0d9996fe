using Moss.Annotate.Features.Conversations.Talking;
using Moss.Annotate.Features.Shared;
using Moss.Annotate.Hosting;

namespace Moss.Annotate.Features.Conversations;

internal static class ConversationsSetup
{
    public static IServiceCollection AddConversations(this IServiceCollection services, PortalSettings settings)
    {
        services.AddHttpClient<MossServer>(client =>
        {
            client.BaseAddress = settings.ServeUrl;
            if (settings.ServeKey is { } key) client.DefaultRequestHeaders.Authorization = new("Bearer", key);
            client.Timeout = Timeout.InfiniteTimeSpan; // a reply takes as long as it takes; MossServer.Silence bounds the waiting
        }).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5), AllowAutoRedirect = false });
        services.AddScoped<Dialogue>();
        services.AddScoped<Saying>();
        services.AddScoped<Judging.Judge>();
        services.AddScoped<CurrentProject>();
        return services;
    }
}
