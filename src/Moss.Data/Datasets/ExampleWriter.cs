using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Moss.Data.Datasets;

/// <summary>Collects examples in temporary tables by COPY, then moves them into the version in one statement each.</summary>
internal sealed class ExampleWriter : IAsyncDisposable
{
    private const int BatchSize = 500;
    private readonly NpgsqlConnection connection;
    private readonly Guid versionId;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<(ExamplePlace Place, FrozenContent Content)> examples = [];
    private readonly List<(int Ordinal, ExampleSource Source)> sources = [];
    private readonly HashSet<Guid> judgements = [];

    private ExampleWriter(NpgsqlConnection connection, Guid versionId) => (this.connection, this.versionId) = (connection, versionId);

    public int JudgementCount => judgements.Count;

    public static async Task<ExampleWriter> OpenAsync(NpgsqlConnection connection, Guid versionId, CancellationToken cancellation)
    {
        var writer = new ExampleWriter(connection, versionId);
        await writer.ExecuteAsync("""
            CREATE TEMP TABLE frozen_examples (ordinal int, split text, cluster text, content text, content_sha256 text) ON COMMIT DROP;
            CREATE TEMP TABLE frozen_sources (id uuid, ordinal int, judgement_id uuid, message_id uuid) ON COMMIT DROP
            """, cancellation);
        return writer;
    }

    public async Task AddAsync(ExamplePlace place, FrozenContent? content, IReadOnlyList<ExampleSource> why, CancellationToken cancellation)
    {
        if (content is not null)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{place.Ordinal} {place.Split} {content.Sha256}\n")));
            examples.Add((place, content));
        }
        foreach (var source in why)
        {
            sources.Add((place.Ordinal, source));
            if (source.JudgementId is { } judgement) judgements.Add(judgement);
        }
        if (examples.Count >= BatchSize || sources.Count >= 20 * BatchSize) await FlushAsync(cancellation);
    }

    /// <summary>Writes what is left; the hash over all examples in order.</summary>
    public async Task<string> FinishAsync(CancellationToken cancellation)
    {
        await FlushAsync(cancellation);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Moves everything into the version, whose row must stand by now.</summary>
    public Task KeepAsync(CancellationToken cancellation) => ExecuteAsync($"""
        INSERT INTO dataset_examples (version_id, ordinal, split, cluster, content, content_sha256)
            SELECT '{versionId}', ordinal, split, cluster, content, content_sha256 FROM frozen_examples ORDER BY ordinal;
        INSERT INTO dataset_example_sources (id, version_id, ordinal, judgement_id, message_id)
            SELECT id, '{versionId}', ordinal, judgement_id, message_id FROM frozen_sources;
        DROP TABLE frozen_examples, frozen_sources
        """, cancellation);

    private async Task FlushAsync(CancellationToken cancellation)
    {
        await using (var copy = await connection.BeginBinaryImportAsync("COPY frozen_examples FROM STDIN (FORMAT BINARY)", cancellation))
        {
            foreach (var e in examples)
            {
                await copy.StartRowAsync(cancellation);
                await copy.WriteAsync(e.Place.Ordinal, NpgsqlDbType.Integer, cancellation);
                await copy.WriteAsync(e.Place.Split.ToString(), NpgsqlDbType.Text, cancellation);
                await copy.WriteAsync(e.Place.Cluster, NpgsqlDbType.Text, cancellation);
                await copy.WriteAsync(e.Content.Json, NpgsqlDbType.Text, cancellation);
                await copy.WriteAsync(e.Content.Sha256, NpgsqlDbType.Text, cancellation);
            }
            await copy.CompleteAsync(cancellation);
        }
        await using (var copy = await connection.BeginBinaryImportAsync("COPY frozen_sources FROM STDIN (FORMAT BINARY)", cancellation))
        {
            foreach (var (ordinal, source) in sources)
            {
                await copy.StartRowAsync(cancellation);
                await copy.WriteAsync(Guid.CreateVersion7(), NpgsqlDbType.Uuid, cancellation);
                await copy.WriteAsync(ordinal, NpgsqlDbType.Integer, cancellation);
                await copy.WriteNullableAsync(source.JudgementId, cancellation);
                await copy.WriteNullableAsync(source.MessageId, cancellation);
            }
            await copy.CompleteAsync(cancellation);
        }
        examples.Clear();
        sources.Clear();
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    public ValueTask DisposeAsync()
    {
        hash.Dispose();
        return ValueTask.CompletedTask;
    }
}
