using Microsoft.AspNetCore.DataProtection.EntityFrameworkCore;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Moss.Data.AgentRuns;
using Moss.Data.Annotators;
using Moss.Data.Audit;
using Moss.Data.Checkpoints;
using Moss.Data.Conversations;
using Moss.Data.Datasets;
using Moss.Data.Deployments;
using Moss.Data.Drafts;
using Moss.Data.Judgements;
using Moss.Data.Projects;
using Moss.Data.Training;

namespace Moss.Data;

/// <summary>Everything that is remembered, in PostgreSQL. One context per operation, from an IDbContextFactory.</summary>
public sealed class MossDbContext(DbContextOptions<MossDbContext> options)
    : IdentityDbContext<MossUser, IdentityRole<Guid>, Guid>(options), IDataProtectionKeyContext
{
    public DbSet<Project> Projects => Set<Project>();
    public DbSet<Annotator> Annotators => Set<Annotator>();
    public DbSet<Conversation> Conversations => Set<Conversation>();
    public DbSet<Message> Messages => Set<Message>();
    public DbSet<Generation> Generations => Set<Generation>();
    public DbSet<Judgement> Judgements => Set<Judgement>();
    public DbSet<Draft> Drafts => Set<Draft>();
    public DbSet<DatasetVersion> DatasetVersions => Set<DatasetVersion>();
    public DbSet<DatasetExample> DatasetExamples => Set<DatasetExample>();
    public DbSet<DatasetExampleSource> DatasetExampleSources => Set<DatasetExampleSource>();
    public DbSet<TrainingSchedule> TrainingSchedules => Set<TrainingSchedule>();
    public DbSet<TrainingRun> TrainingRuns => Set<TrainingRun>();
    public DbSet<TrainingPlan> TrainingPlans => Set<TrainingPlan>();
    public DbSet<TrainingMetric> TrainingMetrics => Set<TrainingMetric>();
    public DbSet<Checkpoint> Checkpoints => Set<Checkpoint>();
    public DbSet<Deployment> Deployments => Set<Deployment>();
    public DbSet<Server> Servers => Set<Server>();
    public DbSet<AgentRun> AgentRuns => Set<AgentRun>();
    public DbSet<AgentCall> AgentCalls => Set<AgentCall>();
    public DbSet<AuditEntry> AuditLog => Set<AuditEntry>();
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.ApplyConfigurationsFromAssembly(typeof(MossDbContext).Assembly);
        builder.KeepEnumsAsText();
        builder.LeaveKeysToTheClient();
    }
}
