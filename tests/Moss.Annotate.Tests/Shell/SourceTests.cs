using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Moss.Annotate.Layout;
using Moss.Annotate.Tests.Setup;
using MudBlazor;

namespace Moss.Annotate.Tests.Shell;

public sealed partial class SourceTests
{
    [Fact]
    public void No_page_writes_raw_markup()
    {
        var guilty = Sources.Files(".razor", ".cs").Where(f => RawMarkup().IsMatch(File.ReadAllText(f)));
        Assert.Empty(guilty);
    }

    [Fact]
    public void Every_word_stands_in_both_languages_with_the_same_places()
    {
        foreach (var english in Sources.Files(".resx").Where(f => !f.EndsWith(".zh-Hans.resx", StringComparison.Ordinal)))
        {
            var (en, zh) = (Words(english), Words(Path.ChangeExtension(english, ".zh-Hans.resx")));
            Assert.Equal(en.Keys.Order(), zh.Keys.Order());
            Assert.All(en, word => Assert.Equal(Places(word.Value), Places(zh[word.Key])));
            Assert.DoesNotContain(en.Values.Concat(zh.Values), string.IsNullOrWhiteSpace);
        }
    }

    [Fact]
    public void Every_word_that_a_page_names_exists()
    {
        foreach (var file in Sources.Files(".razor", ".cs"))
        {
            var text = File.ReadAllText(file);
            var list = WordList().Match(text) is { Success: true } m ? m.Groups[1].Value : File.Exists(file + ".cs") && WordList().Match(File.ReadAllText(file + ".cs")) is { Success: true } behind ? behind.Groups[1].Value : null;
            if (list is null) continue;
            var known = Words(Sources.Files(".resx").Single(f => Path.GetFileName(f) == list + ".resx"));
            Assert.All(WordUse().Matches(text), use => Assert.True(known.ContainsKey(use.Groups[1].Value), $"{Path.GetFileName(file)} uses {list}[\"{use.Groups[1].Value}\"]"));
        }
    }

    [Fact]
    public void The_style_sheet_and_the_theme_have_the_same_colours()
    {
        var css = File.ReadAllText(Path.Combine(Sources.Portal, "wwwroot", "moss.css"));
        var (light, dark) = (MossTheme.Theme.PaletteLight, MossTheme.Theme.PaletteDark);
        foreach (var (name, of) in new (string, Func<Palette, MudBlazor.Utilities.MudColor>)[]
                 {
                     ("moss", p => p.Primary), ("paper", p => p.Background), ("surface", p => p.Surface), ("ink", p => p.TextPrimary),
                     ("quiet", p => p.TextSecondary), ("line", p => p.LinesDefault), ("red", p => p.Error), ("amber", p => p.Warning),
                 })
        {
            var found = Regex.Matches(css, $"--m-{name}: (#[0-9A-F]{{6}});").Select(m => m.Groups[1].Value).ToArray();
            Assert.Equal([Hex(of(light)), Hex(of(dark))], found);
        }
    }

    [Fact]
    public void Components_and_files_stay_small() =>
        Assert.Empty(Sources.Files(".razor").Where(f => File.ReadLines(f).Count() > 120).Concat(Sources.Files(".cs").Where(f => File.ReadLines(f).Count() > 350)));

    private static string Hex(MudBlazor.Utilities.MudColor c) => string.Create(CultureInfo.InvariantCulture, $"#{c.R:X2}{c.G:X2}{c.B:X2}");

    private static Dictionary<string, string> Words(string file) =>
        XDocument.Load(file).Root!.Elements("data").ToDictionary(d => d.Attribute("name")!.Value, d => d.Element("value")!.Value);

    private static string Places(string text) => string.Join(',', Regex.Matches(text, @"\{(\d)").Select(m => m.Groups[1].Value).Distinct().Order());

    [GeneratedRegex(@"\bMarkupString\b|AddMarkupContent")]
    private static partial Regex RawMarkup();

    [GeneratedRegex(@"IStringLocalizer<(\w+)>")]
    private static partial Regex WordList();

    [GeneratedRegex(@"\b[Ww]ords\[""([\w-]+)""[,\]]")]
    private static partial Regex WordUse();
}
