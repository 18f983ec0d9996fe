using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Moss.Annotate.Features.Shared;
using Moss.Data.Conversations;
using Moss.Data.Projects;

namespace Moss.Annotate.Features.Conversations;

/// <summary>The list of conversations: searched, filtered by origin, a page at a time.</summary>
public sealed partial class ConversationList(DatabaseLine database, CurrentProject current, NavigationManager navigation, IStringLocalizer<ConversationWords> words)
    : IDisposable
{
    private const int PageSize = 40;
    private static readonly TimeSpan SearchAfter = TimeSpan.FromMilliseconds(250); // of silence
    private static readonly ConversationOrigin?[] Origins = [null, ConversationOrigin.Human, ConversationOrigin.Agent, ConversationOrigin.Import];

    private readonly CancellationTokenSource _closed = new();
    private List<ConversationRow> _rows = [];
    private List<Project> _projects = [];
    private Project? _project;
    private ConversationOrigin? _origin;
    private string _search = "";
    private int _shownVersion = -1, _asked;
    private bool _more, _loaded;

    private IStringLocalizer<ConversationWords> Words => words;

    [Parameter] public Guid? Selected { get; set; }

    /// <summary>Counts up when the list should look again.</summary>
    [Parameter] public int Version { get; set; }

    protected override async Task OnParametersSetAsync()
    {
        if (_shownVersion == Version && (Selected is null || _rows.Any(r => r.Id == Selected))) return;
        _shownVersion = Version;
        await LoadAsync();
    }

    private async Task SearchAsync(ChangeEventArgs e)
    {
        _search = e.Value as string ?? "";
        var asked = ++_asked;
        await Task.Delay(SearchAfter);
        if (asked == _asked) await LoadAsync();
    }

    private Task ShowAsync(ConversationOrigin? origin)
    {
        _origin = origin;
        return LoadAsync();
    }

    private async Task ChooseProject(ChangeEventArgs e)
    {
        if (_projects.Find(p => p.Id.ToString() == e.Value as string) is not { } project) return;
        current.Choose(project);
        navigation.NavigateTo("/conversations");
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        var asked = ++_asked;
        try
        {
            _project = await current.GetAsync(_closed.Token);
            _projects = await current.AllAsync(_closed.Token);
            var rows = await PageAsync(0);
            if (asked != _asked) return; // a later question is under way
            Take(rows, []);
            _loaded = true;
        }
        catch (OperationCanceledException) { /* the page closed */ }
    }

    private async Task MoreAsync() => Take(await PageAsync(_rows.Count), _rows);

    private Task<List<ConversationRow>> PageAsync(int skip) => database.DoAsync(
        (db, token) => db.ConversationsAsync(_project!.Id, _search, _origin, skip, PageSize + 1, token), _closed.Token);

    private void Take(List<ConversationRow> rows, List<ConversationRow> before)
    {
        _more = rows.Count > PageSize;
        _rows = [.. before.Concat(rows.Take(PageSize)).DistinctBy(r => r.Id)];
    }

    public void Dispose()
    {
        _closed.Cancel();
        _closed.Dispose();
    }
}
