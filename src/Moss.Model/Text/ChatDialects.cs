using System.Text.Json;

namespace Moss.Model.Text;

/// <summary>The chat templates this program knows, and which of them a checkpoint folder means.</summary>
internal static class ChatDialects
{
    /// <summary>The text the starter model carries, and many published models: roles and texts as they are.</summary>
    public const string PlainJinja =
        "{% for message in messages %}" +
        "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}" +
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private const string Qwen2System = "You are a helpful assistant.";
    private const string SmolLm2System = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

    // As LLaMA-Factory exports Qwen2: the assistant's opening follows every user turn by itself.
    private const string Qwen2FactoryJinja =
        "{% set system_message = 'You are a helpful assistant.' %}{% if messages[0]['role'] == 'system' %}" +
        "{% set system_message = messages[0]['content'] %}{% endif %}" +
        "{% if system_message is defined %}{{ '<|im_start|>system\\n' + system_message + '<|im_end|>\\n' }}{% endif %}" +
        "{% for message in messages %}{% set content = message['content'] %}{% if message['role'] == 'user' %}" +
        "{{ '<|im_start|>user\\n' + content + '<|im_end|>\\n<|im_start|>assistant\\n' }}" +
        "{% elif message['role'] == 'assistant' %}" +
        "{{ content + '<|im_end|>' + '\\n' }}{% endif %}{% endfor %}";

    private static readonly ChatDialect[] Known =
    [
        new MossDialect(),
        new ChatMlDialect("chatml") { Texts = Hashes(PlainJinja) },
        new ChatMlDialect("qwen2") { DefaultSystem = Qwen2System, Texts = Hashes(WithDefault(Qwen2System), Qwen2FactoryJinja) },
        new ChatMlDialect("qwen2.5")
        {
            DefaultSystem = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
            ToolsAsUser = true,
            // Qwen2.5-*-Instruct; kept as trl/chat_templates/qwen2_5.jinja
            Texts = ["55b2f4a26ac9ee719330a61a0c39d9e538b0e9322212f048326318cff4f8674a"],
        },
        new Qwen3Dialect("qwen3", thinking: false)
        {
            ToolsAsUser = true,
            Texts =
            [
                // Qwen3-*, first release; kept as llama.cpp's models/templates/Qwen-Qwen3-0.6B.jinja
                "87a2728cb8dc9fe424d624542f6060ec05a1d285ebbec578bb078900e33396b5",
                // Qwen3-*, later release; trl/chat_templates/qwen3.jinja
                "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8",
            ],
        },
        new Qwen3Dialect("qwen3-thinking", thinking: true) { ToolsAsUser = true }, // by name only: the text is the same
        new ChatMlDialect("smollm2") { DefaultSystem = SmolLm2System, Texts = Hashes(WithDefault(SmolLm2System)) },
        new Llama3Dialect("llama3", Llama3Dialect.PublishedDate)
        {
            Texts =
            [
                // Llama-3.1-*-Instruct and Llama-3.2-*-Instruct; trl/chat_templates/llama3_1.jinja and llama3_2.jinja
                "93c0e9aa3629bbd77e68dbc0f5621f6e6b23aa8d74b932595cdb8d64684526d7",
                "d82792f95932f1c9cef5c4bd992f171225e3bf8c7b609b4557c9e1ec96be819f",
            ],
        },
    ];

    public static IEnumerable<string> Names => Known.Select(d => d.Name);

    public static ChatDialect Named(string name) => Known.FirstOrDefault(d => d.Name == name) ?? throw new InvalidDataException(
        $"There is no chat template \"{name}\"; there are {Listed}.");

    /// <summary>
    /// By name if one is given; else by the exact Jinja text; else MOSS's for a network of its kind with its five closers.
    /// </summary>
    /// <param name="family">model_type of config.json, null when unknown.</param>
    public static ChatDialect For(string folder, string? jinja, string? family, Tokenizer tokenizer, string? name)
    {
        if (name is not null) return Named(name);
        if (jinja is null) return IsMoss(family, tokenizer) ? Named("moss") : throw new InvalidDataException(
                $"'{folder}' has no chat template (neither chat_template.jinja nor chat_template in tokenizer_config.json). " +
                $"Name one of {Listed}.");
        var hash = ChatDialect.TextSha256(jinja);
        return Known.FirstOrDefault(d => d.Texts.Contains(hash)) ?? throw new InvalidDataException(
            $"'{folder}': its chat template is not one this program knows exactly, so replies would be asked for in the wrong " +
            $"form. Name the one that fits: {Listed}. " +
            $"The text begins: {JsonSerializer.Serialize(jinja[..Math.Min(80, jinja.Length)])}.");
    }

    public static bool IsMoss(string? family, Tokenizer tokenizer) =>
        family is "moss" or "codegen" && MossDialect.Closers.All(closer => tokenizer.IdOf(closer) is not null);

    private static string Listed => string.Join(", ", Names);

    private static string WithDefault(string system) =>
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n" +
        system + "<|im_end|>\\n' }}{% endif %}" +
        PlainJinja["{% for message in messages %}".Length..];

    // Published with "\n" inside the quotes as two characters or as a newline; to Jinja they are the same.
    private static string[] Hashes(params string[] texts) =>
        [.. texts.Concat(texts.Select(text => text.Replace("\\n", "\n", StringComparison.Ordinal)))
            .Select(ChatDialect.TextSha256)];
}
