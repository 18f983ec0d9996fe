using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Moss.Annotate.Account;
using Moss.Data.Annotators;

namespace Moss.Annotate.Features.Users;

/// <summary>Administrators make accounts, give roles, set passwords and disable.</summary>
public sealed partial class UsersPage(People people, IStringLocalizer<UserWords> words) : IDisposable
{
    private readonly CancellationTokenSource _closed = new();
    private List<Person> _people = [];
    private Person? _resetting;
    private string _name = "", _role = Roles.Annotator, _password = "";
    private string? _said;
    private bool _refused, _busy;

    private IStringLocalizer<UserWords> Words => words;

    protected override Task OnInitializedAsync() => LoadAsync();

    private async Task LoadAsync() => _people = await people.AllAsync(_closed.Token);

    private Task SubmitAsync() => _resetting is { } who
        ? ActAsync(() => people.SetPasswordAsync(who.Id, _password, _closed.Token), words["PasswordSet", who.Name])
        : ActAsync(() => people.CreateAsync(_name, _role, _password, _closed.Token), words["Created", _name.Trim()]);

    private Task ChangeRoleAsync(Person person, ChangeEventArgs e)
    {
        var role = Roles.All.FirstOrDefault(r => r == e.Value as string) ?? person.Role;
        return ActAsync(() => people.ChangeRoleAsync(person.Id, role, _closed.Token), words["RoleChanged", person.Name, words[role].Value]);
    }

    private Task DisableAsync(Person person) => ActAsync(
        () => people.DisableAsync(person.Id, !person.Disabled, _closed.Token), words[person.Disabled ? "WasEnabled" : "WasDisabled", person.Name]);

    private void Reset(Person person) => (_resetting, _password, _said) = (person, "", null);

    private async Task ActAsync(Func<Task<string?>> act, string done)
    {
        if (_busy) return;
        _busy = true;
        try
        {
            var refusal = await act();
            (_said, _refused) = (refusal ?? done, refusal is not null);
            if (refusal is null) (_name, _password, _resetting) = ("", "", null);
            await LoadAsync();
        }
        catch (OperationCanceledException) { /* the page closed */ }
        finally
        {
            _busy = false;
        }
    }

    public void Dispose()
    {
        _closed.Cancel();
        _closed.Dispose();
    }
}
