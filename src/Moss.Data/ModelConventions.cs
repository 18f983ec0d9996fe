using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Moss.Data;

internal static class ModelConventions
{
    /// <summary>Every enum is text with a CHECK: readable in psql, and refused when unknown.</summary>
    public static void KeepEnumsAsText(this ModelBuilder builder)
    {
        foreach (var entity in builder.Model.GetEntityTypes().ToList())
        {
            foreach (var property in entity.GetDeclaredProperties().ToList())
            {
                var type = Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
                if (!type.IsEnum) continue;
                property.SetProviderClrType(typeof(string));
                property.SetMaxLength(16);
                var (table, column) = (entity.GetTableName()!, property.GetColumnName());
                var values = string.Join(", ", Enum.GetNames(type).Select(name => $"'{name}'"));
                builder.Entity(entity.GetRootType().ClrType)
                    .ToTable(t => t.HasCheckConstraint($"ck_{table}_{column}", $"\"{column}\" IN ({values})"));
            }
        }
    }

    /// <summary>Keys are UUIDv7 made by whoever creates the row: sortable by time, and known before the insert.</summary>
    public static void LeaveKeysToTheClient(this ModelBuilder builder)
    {
        var keys = builder.Model.GetEntityTypes()
            .Select(e => e.FindPrimaryKey()).OfType<IMutableKey>().SelectMany(k => k.Properties).Where(p => p.ClrType == typeof(Guid));
        foreach (var key in keys) key.ValueGenerated = ValueGenerated.Never;
    }
}
