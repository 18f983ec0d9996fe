namespace Moss.Trainer.Serving;

/// <summary>How a reply ended. Times in milliseconds since the request arrived; log-probability in nats over the tokens made.</summary>
/// <param name="StopReason">"stop" (the model's own end), "stop_string", or "length".</param>
/// <param name="CachedTokens">Tokens of the prompt that an earlier turn had read already.</param>
/// <param name="BegunMs">When it left the queue.</param>
internal sealed record ReplyEnd(
    string StopReason, int PromptTokens, int CachedTokens, int CompletionTokens, double BegunMs, double FirstTokenMs, double TotalMs, double SumLogProb);
