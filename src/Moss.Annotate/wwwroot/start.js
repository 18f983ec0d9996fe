// Starts the circuit. A server that came back with no memory of this page means: reload; drafts bring the words back.
Blazor.start({ circuit: { reconnectionOptions: { maxRetries: 1000, retryIntervalMilliseconds: attempt => Math.min(300 * 2 ** Math.min(attempt, 4), 3000) } } });
