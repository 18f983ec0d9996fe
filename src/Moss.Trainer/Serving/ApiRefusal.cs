namespace Moss.Trainer.Serving;

/// <summary>A request that is answered with an error of the OpenAI interface; the message is shown to the caller as it is.</summary>
internal sealed class ApiRefusal(int status, string message, string? parameter = null, string? code = null) : Exception(message)
{
    public int Status => status;
    public string? Parameter => parameter;
    public string? Code => code;

    /// <summary>Seconds after which trying again makes sense; sent as Retry-After.</summary>
    public int? RetryAfterSeconds { get; init; }

    public string Type => status switch
    {
        401 => "authentication_error",
        429 => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };

    /// <summary>429: come back after this time, rounded up to whole seconds.</summary>
    public static ApiRefusal Busy(string message, TimeSpan wait, string code)
    {
        var seconds = (int)Math.Clamp(Math.Ceiling(wait.TotalSeconds), 1, LongestWait);
        return new(429, $"{message} Ask again in {seconds} s.", code: code) { RetryAfterSeconds = seconds };
    }

    private const int LongestWait = 3_600;

    /// <summary>400: this parameter cannot be used as it was given.</summary>
    public static ApiRefusal Invalid(string parameter, string message) => new(400, message, parameter, "invalid_value");
}
