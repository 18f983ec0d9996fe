using Cronos;
using Moss.Data;

namespace Moss.Annotate.Features.Training;

/// <summary>When a cron expression is due: five fields, or six with seconds first, in UTC, as `work` reads them.</summary>
internal static class CronTimes
{
    /// <summary>The next times; a text that cannot be read is refused with a sentence.</summary>
    public static IReadOnlyList<DateTimeOffset> Next(string cron, DateTimeOffset after, int count)
    {
        var fields = cron.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length is not (5 or 6))
            throw new MossInputException($"'{cron}' is not a cron expression: it has {fields.Length} fields. Write five (minute hour day month weekday), or six with seconds first.");
        try
        {
            var expression = CronExpression.Parse(string.Join(' ', fields), fields.Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
            var times = expression.GetOccurrences(after, after.AddYears(5), TimeZoneInfo.Utc, fromInclusive: false).Take(count).ToList();
            return times.Count > 0 ? times : throw new MossInputException($"'{cron}' is never due in the next five years. Check the day and the month.");
        }
        catch (CronFormatException e)
        {
            throw new MossInputException($"'{cron}' is not a cron expression: {e.Message.TrimEnd('.')}.", e);
        }
    }
}
