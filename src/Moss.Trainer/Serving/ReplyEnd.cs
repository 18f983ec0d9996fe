namespace Moss.Trainer.Serving;

/// <summary>How a reply ended. Times in milliseconds since the request arrived; log-probability in nats over the tokens made.</summary>
/// <param name="StopReason">"stop" (the model's own end), "stop_string", or "length".</param>
internal sealed record ReplyEnd(
    string StopReason, int PromptTokens, int CompletionTokens, double FirstTokenMs, double TotalMs, double SumLogProb);
