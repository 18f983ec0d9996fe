using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Moss.Annotate.Account;
using Moss.Data;
using Moss.Data.AgentRuns;

namespace Moss.Annotate.Features.AgentRuns;

/// <summary>Queues an agent run. Its id is made when the form is shown, so sending twice asks once.</summary>
public sealed partial class StartForm
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly Guid _run = Guid.CreateVersion7();
    private string _text = "";
    private Scenario? _scenario;
    private string? _wrong;
    private bool _starting;

    [Parameter, EditorRequired] public Guid ProjectId { get; set; }
    [Parameter] public EventCallback OnClose { get; set; }
    [Parameter] public EventCallback<AgentRun> OnQueued { get; set; }

    private void Take(string? text)
    {
        (_text, _scenario, _wrong) = (text ?? "", null, null);
        if (string.IsNullOrWhiteSpace(_text)) return;
        try
        {
            _scenario = ScenarioFile.Read(_text);
        }
        catch (MossInputException e)
        {
            _wrong = e.Message;
        }
    }

    private async Task UploadAsync(InputFileChangeEventArgs upload)
    {
        var file = upload.File;
        if (file.Size > ScenarioFile.MaxBytes)
        {
            _wrong = Words["TooLarge", file.Name, file.Size, ScenarioFile.MaxBytes];
            return;
        }
        try
        {
            await using var stream = file.OpenReadStream(ScenarioFile.MaxBytes);
            using var reader = new StreamReader(stream, Strict, detectEncodingFromByteOrderMarks: false);
            Take((await reader.ReadToEndAsync()).TrimStart('\uFEFF'));
        }
        catch (DecoderFallbackException)
        {
            _wrong = Words["NotText", file.Name];
        }
        catch (IOException e)
        {
            _wrong = Words["UploadFailed", file.Name, e.Message];
        }
    }

    private async Task StartAsync()
    {
        if (_starting) return;
        _starting = true;
        try
        {
            var text = _text;
            var who = await Person.DemandAsync(Policies.Researcher, CancellationToken.None);
            var run = await Database.DoAsync((db, token) => db.QueueScenarioAsync(_run, ProjectId, text, null, who.Id, token), CancellationToken.None);
            await OnQueued.InvokeAsync(run);
        }
        catch (Exception e) when (e is MossInputException or NotAllowedException)
        {
            _wrong = e.Message;
        }
        finally
        {
            _starting = false;
        }
    }
}
