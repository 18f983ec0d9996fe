namespace Moss.Trainer.Serving;

/// <summary>Turns what went wrong in a request into an error of the OpenAI interface.</summary>
internal static class ApiErrors
{
    public static IApplicationBuilder UseApiErrors(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        try
        {
            await next(http);
            if (http.Response is { HasStarted: false, StatusCode: 404 or 405 })
                await WriteAsync(http, new ApiRefusal(http.Response.StatusCode, $"There is no {http.Request.Method} {http.Request.Path} here."));
        }
        catch (ApiRefusal refusal) when (!http.Response.HasStarted)
        {
            await WriteAsync(http, refusal);
        }
        catch (BadHttpRequestException e) when (!http.Response.HasStarted)
        {
            await WriteAsync(http, e.StatusCode == 413
                ? new ApiRefusal(413, $"The body is larger than {RequestBody.MaxBytes:N0} bytes. Shorten the conversation.", code: "body_too_large")
                : new ApiRefusal(e.StatusCode, e.Message));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone; nobody is left to tell.
        }
        catch (Exception e) when (!http.Response.HasStarted)
        {
            http.RequestServices.GetRequiredService<ILogger<Reply>>().LogError(e, "{Method} {Path} failed", http.Request.Method, http.Request.Path);
            await WriteAsync(http, new ApiRefusal(500, $"The server failed: {e.Message}"));
        }
    });

    private static Task WriteAsync(HttpContext http, ApiRefusal refusal)
    {
        http.Response.StatusCode = refusal.Status;
        if (refusal.RetryAfterSeconds is { } seconds) http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return http.Response.WriteAsJsonAsync(ReplyJson.Error(refusal), ReplyJson.ErrorOptions, CancellationToken.None);
    }
}
