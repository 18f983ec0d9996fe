namespace Moss.Annotate.Features.AgentRuns;

/// <summary>Names the word list of the agent runs.</summary>
public sealed class AgentRunWords;
