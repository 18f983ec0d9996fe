// Starts the circuit. A server that came back with no memory of this page means: reload; drafts bring the words back.
Blazor.start({ circuit: { reconnectionOptions: { maxRetries: 1000, retryIntervalMilliseconds: attempt => Math.min(300 * 2 ** Math.min(attempt, 4), 3000) } } });
document.getElementById("components-reconnect-modal").addEventListener("components-reconnect-state-changed", e => {
  if (e.detail.state === "rejected") location.reload();
});
