using MudBlazor;

namespace Moss.Annotate.Layout;

/// <summary>MOSS's own colours and type, for MudBlazor. moss.css holds the same values for everything else; a test compares them.</summary>
internal static class MossTheme
{
    private static readonly string[] Sans =
        ["Inter", "Noto Sans", "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "system-ui", "sans-serif"];

    public static readonly MudTheme Theme = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#35603A", PrimaryContrastText = "#FFFFFF", Secondary = "#8A5A13", Tertiary = "#3E6C8F",
            Background = "#F6F6F1", Surface = "#FFFFFF", BackgroundGray = "#EEEFE8",
            AppbarBackground = "#F6F6F1", AppbarText = "#1D231E", DrawerBackground = "#EEEFE8", DrawerText = "#3A443C", DrawerIcon = "#5C675E",
            TextPrimary = "#1D231E", TextSecondary = "#5C675E", TextDisabled = "#8B948C", ActionDefault = "#5C675E",
            LinesDefault = "#DFE2D8", LinesInputs = "#C3C9BD", Divider = "#DFE2D8", TableLines = "#E6E8E0",
            Success = "#35603A", Warning = "#8A5A13", Error = "#A3372B", Info = "#3E6C8F",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#93C08A", PrimaryContrastText = "#10140F", Secondary = "#E0B15C", Tertiary = "#8DB8D6",
            Background = "#131713", Surface = "#1A1F1A", BackgroundGray = "#171C17",
            AppbarBackground = "#131713", AppbarText = "#E4E9E1", DrawerBackground = "#171C17", DrawerText = "#C3CBC1", DrawerIcon = "#94A093",
            TextPrimary = "#E4E9E1", TextSecondary = "#9AA599", TextDisabled = "#69736A", ActionDefault = "#9AA599",
            LinesDefault = "#2B322B", LinesInputs = "#3F483F", Divider = "#2B322B", TableLines = "#283028",
            Success = "#93C08A", Warning = "#E0B15C", Error = "#E58B7F", Info = "#8DB8D6",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = "7px", AppbarHeight = "52px", DrawerWidthLeft = "212px" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = Sans, FontSize = ".875rem", LineHeight = "1.5", LetterSpacing = "0" },
            Button = new ButtonTypography { FontFamily = Sans, FontSize = ".8125rem", FontWeight = "550", TextTransform = "none", LetterSpacing = "0" },
            H5 = new H5Typography { FontFamily = Sans, FontSize = "1.25rem", FontWeight = "620", LetterSpacing = "-.012em" },
            H6 = new H6Typography { FontFamily = Sans, FontSize = "1rem", FontWeight = "600", LetterSpacing = "-.006em" },
            Subtitle1 = new Subtitle1Typography { FontFamily = Sans, FontSize = ".9375rem", FontWeight = "560" },
            Subtitle2 = new Subtitle2Typography { FontFamily = Sans, FontSize = ".8125rem", FontWeight = "600" },
            Body1 = new Body1Typography { FontFamily = Sans, FontSize = ".9375rem", LineHeight = "1.6" },
            Body2 = new Body2Typography { FontFamily = Sans, FontSize = ".875rem", LineHeight = "1.5" },
            Caption = new CaptionTypography { FontFamily = Sans, FontSize = ".75rem", LetterSpacing = "0" },
        },
    };
}
