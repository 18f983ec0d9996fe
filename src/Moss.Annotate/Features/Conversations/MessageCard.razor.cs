using Microsoft.AspNetCore.Components;
using Moss.Annotate.Features.Conversations.Talking;
using Moss.Data.Annotators;
using Moss.Data.Conversations;

namespace Moss.Annotate.Features.Conversations;

/// <summary>A message of the transcript. It is drawn again only when something about it changed, never because another reply grows.</summary>
public sealed partial class MessageCard
{
    private (Message, OpenConversation, int, bool, bool)? _drawn;
    private bool _changed, _correcting;

    [Parameter, EditorRequired] public Message Message { get; set; } = null!;
    [Parameter, EditorRequired] public OpenConversation In { get; set; } = null!;
    [Parameter, EditorRequired] public IReadOnlyList<Message> Siblings { get; set; } = [];
    [Parameter] public Guid Me { get; set; }
    [Parameter] public bool Replying { get; set; }
    [Parameter] public bool WhyOpen { get; set; }
    [Parameter] public EventCallback<Guid> OnShow { get; set; }
    [Parameter] public EventCallback<Guid?> OnJudged { get; set; }
    [Parameter] public EventCallback<Message> OnRegenerate { get; set; }
    [Parameter] public EventCallback<Guid> OnWhy { get; set; }

    private bool IsCorrection => Message.CorrectsId is not null;
    private Annotator? Author => In.Author(Message);
    private Message? Original => Message.CorrectsId is { } id ? In.Messages.Find(m => m.Id == id) : null;
    private string? Checkpoint => Message.Generation is { } g ? In.Checkpoints.GetValueOrDefault(g.CheckpointId) : null;
    private string? StopReason => Message.Generation?.StopReason;
    private int Place => Math.Max(0, Siblings.ToList().FindIndex(m => m.Id == Message.Id));
    private string Test => Message.Role == Role.Moss ? "reply" : Message.Role.ToString().ToLowerInvariant();
    private string Style => $"m-message m-{Message.Role.ToString().ToLowerInvariant()}{(IsCorrection ? " m-correction" : "")}";

    private string Speaker => Message.Role switch
    {
        Role.Moss => "MOSS",
        Role.System => Words["SystemSpeaker"],
        Role.Tool => Words["ToolSpeaker"],
        _ => Author?.DisplayName ?? Words["SomeoneUnknown"],
    };

    protected override void OnParametersSet()
    {
        var now = (Message, In, Siblings.Count, Replying, WhyOpen);
        _changed = _drawn != now;
        _drawn = now;
    }

    protected override bool ShouldRender()
    {
        var draw = _changed;
        _changed = true; // an event of its own draws; a parent's render sets it again
        return draw;
    }

    private Task ShowSibling(int step) => OnShow.InvokeAsync(Siblings[Math.Clamp(Place + step, 0, Siblings.Count - 1)].Id);

    private Task CorrectedAsync(Guid correction)
    {
        _correcting = false;
        return OnJudged.InvokeAsync(correction);
    }
}
