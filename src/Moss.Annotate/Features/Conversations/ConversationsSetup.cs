using Moss.Annotate.Hosting;

namespace Moss.Annotate.Features.Conversations;

internal static class ConversationsSetup
{
    public static IServiceCollection AddConversations(this IServiceCollection services, PortalSettings settings)
    {
        services.AddHttpClient("serve", client => client.BaseAddress = settings.ServeUrl);
        return services;
    }
}
