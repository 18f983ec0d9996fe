using System.Text.Json;
using Moss.Model.Checkpoints;

namespace Moss.Model.Text;

/// <summary>What sets one ChatML family apart from another.</summary>
internal sealed record ChatDialect(string Name)
{
    private const string EmptyThoughts = "<think>\n\n</think>\n\n";

    /// <summary>The text the starter model carries, and many published models: roles and texts as they are.</summary>
    public const string PlainJinja =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}" +
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private const string Qwen2Jinja =
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}" +
        "{% endif %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}" +
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    // As LLaMA-Factory exports Qwen2: the assistant's opening follows every user turn by itself.
    private const string Qwen2FactoryJinja =
        "{% set system_message = 'You are a helpful assistant.' %}{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}{% endif %}" +
        "{% if system_message is defined %}{{ '<|im_start|>system\\n' + system_message + '<|im_end|>\\n' }}{% endif %}" +
        "{% for message in messages %}{% set content = message['content'] %}{% if message['role'] == 'user' %}" +
        "{{ '<|im_start|>user\\n' + content + '<|im_end|>\\n<|im_start|>assistant\\n' }}{% elif message['role'] == 'assistant' %}" +
        "{{ content + '<|im_end|>' + '\\n' }}{% endif %}{% endfor %}";

    private static readonly ChatDialect[] Known =
    [
        new("chatml") { Texts = [PlainJinja] },
        new("qwen2") { DefaultSystem = "You are a helpful assistant.", Texts = [Qwen2Jinja, Qwen2FactoryJinja] },
        new("qwen2.5") { DefaultSystem = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", ToolsAsUser = true },
        new("qwen3") { ToolsAsUser = true, Thinks = true },
    ];

    /// <summary>Said to the model when the conversation has no system text of its own.</summary>
    public string? DefaultSystem { get; private init; }

    /// <summary>Tool results are spelled as a user's turn inside tool_response tags.</summary>
    public bool ToolsAsUser { get; private init; }

    /// <summary>Replies open with an empty block of thoughts; thoughts of earlier replies are dropped.</summary>
    public bool Thinks { get; private init; }

    /// <summary>The exact Jinja texts that mean this dialect.</summary>
    private string[] Texts { get; init; } = [];

    public string Identity => $"moss.template/1\n{Name}\n{DefaultSystem}\n{ToolsAsUser}\n{Thinks}";
    public string ReplyOpening => Thinks ? EmptyThoughts : "";

    public static ChatDialect For(CheckpointFolder folder, string? name)
    {
        if (name is not null) return Named(name);
        var text = folder.ChatTemplateText ?? throw new InvalidDataException(
            $"'{folder.Path}' has no chat template (neither chat_template.jinja nor chat_template in tokenizer_config.json). Name one of {Names}.");
        return Known.FirstOrDefault(d => d.Texts.Contains(text.TrimEnd('\n'))) ?? throw new InvalidDataException(
            $"'{folder.Path}': its chat template is not one this program knows exactly, so replies would be asked for in the wrong form. " +
            $"Name the one that fits: {Names}. The text begins: {JsonSerializer.Serialize(text[..Math.Min(80, text.Length)])}.");
    }

    public static ChatDialect Named(string name) => Known.FirstOrDefault(d => d.Name == name) ?? throw new InvalidDataException(
        $"There is no chat template \"{name}\"; there are {Names}.");

    private static string Names => string.Join(", ", Known.Select(d => d.Name));

    public string RoleName(string role) => role == ChatTurn.Tool && ToolsAsUser ? ChatTurn.User : role;

    public string Wrap(ChatTurn turn) =>
        turn.Role == ChatTurn.Tool && ToolsAsUser ? $"<tool_response>\n{turn.Text}\n</tool_response>" : turn.Text;

    /// <summary>What a family changes about a turn: Qwen3 drops earlier thoughts and opens the last reply with none.</summary>
    public ChatTurn Adapt(ChatTurn turn, bool beforeLastUser, out string opening)
    {
        opening = "";
        if (!Thinks || turn.Role != ChatTurn.Assistant) return turn;
        const string closer = "</think>";
        var end = turn.Text.LastIndexOf(closer, StringComparison.Ordinal);
        if (beforeLastUser) return end < 0 ? turn : turn with { Text = turn.Text[(end + closer.Length)..].TrimStart('\n') };
        if (end < 0) opening = EmptyThoughts;
        return turn;
    }
}
