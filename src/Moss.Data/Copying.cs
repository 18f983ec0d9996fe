using Npgsql;
using NpgsqlTypes;

namespace Moss.Data;

internal static class Copying
{
    public static Task WriteNullableAsync(this NpgsqlBinaryImporter copy, Guid? value, CancellationToken cancellation) =>
        value is { } id ? copy.WriteAsync(id, NpgsqlDbType.Uuid, cancellation) : copy.WriteNullAsync(cancellation);

    public static Task WriteNullableAsync(this NpgsqlBinaryImporter copy, string? value, CancellationToken cancellation) =>
        value is not null ? copy.WriteAsync(value, NpgsqlDbType.Text, cancellation) : copy.WriteNullAsync(cancellation);

    public static Task WriteNullableAsync(this NpgsqlBinaryImporter copy, int? value, CancellationToken cancellation) =>
        value is { } number ? copy.WriteAsync(number, NpgsqlDbType.Integer, cancellation) : copy.WriteNullAsync(cancellation);
}
