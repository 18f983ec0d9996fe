using Microsoft.EntityFrameworkCore;
using Moss.Data.Projects;

namespace Moss.Annotate.Features.Shared;

/// <summary>The project that this page works in: the first one, until the person chooses another.</summary>
public sealed class CurrentProject(DatabaseLine database, TimeProvider time)
{
    private Project? _project;

    /// <summary>Raised when the person chose another project.</summary>
    public event Action? Changed;

    public async Task<Project> GetAsync(CancellationToken cancellation) =>
        _project ??= await database.DoAsync((db, token) => db.EnsureProjectAsync(Project.DefaultName, time.GetUtcNow(), token), cancellation);

    public Task<List<Project>> AllAsync(CancellationToken cancellation) =>
        database.DoAsync((db, token) => db.Projects.AsNoTracking().OrderBy(p => p.CreatedAt).ToListAsync(token), cancellation);

    public void Choose(Project project)
    {
        if (_project?.Id == project.Id) return;
        _project = project;
        Changed?.Invoke();
    }
}
