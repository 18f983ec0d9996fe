using System.Globalization;
using Microsoft.Extensions.Localization;

namespace Moss.Annotate.Features.Shared;

/// <summary>Times and durations as people say them.</summary>
internal static class Durations
{
    /// <summary>"3 min ago", "in 7 h", and the date when it is more than two weeks away.</summary>
    public static string Said(this IStringLocalizer<LoopWords> words, DateTimeOffset at, DateTimeOffset now)
    {
        var past = now - at;
        var away = past.Duration();
        if (away < TimeSpan.FromSeconds(45)) return words[past >= TimeSpan.Zero ? "JustNow" : "InAMoment"];
        if (away > TimeSpan.FromDays(14)) return at.UtcDateTime.ToString("d MMM yyyy", CultureInfo.CurrentCulture);
        return words[past > TimeSpan.Zero ? "Ago" : "In", words.Lasting(away)];
    }

    /// <summary>"40 s", "2 min", "7 h", "3 d": one unit, rounded.</summary>
    public static string Lasting(this IStringLocalizer<LoopWords> words, TimeSpan time) => time switch
    {
        { TotalSeconds: < 59.5 } => words["Seconds", Math.Max(1, (int)Math.Round(time.TotalSeconds))],
        { TotalMinutes: < 59.5 } => words["Minutes", (int)Math.Round(time.TotalMinutes)],
        { TotalHours: < 36 } => words["Hours", (int)Math.Round(time.TotalHours)],
        _ => words["Days", (int)Math.Round(time.TotalDays)],
    };

    /// <summary>The portal does not know the reader's time zone, so exact times are UTC and say so.</summary>
    public static string Exact(DateTimeOffset at) => at.UtcDateTime.ToString("ddd d MMM yyyy, HH:mm:ss", CultureInfo.CurrentCulture) + " UTC";
}
