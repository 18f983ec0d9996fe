namespace Moss.Annotate.Features.Deployments;

/// <summary>Names the word list of deployments and servers.</summary>
public sealed class DeploymentWords;
