using System.Runtime.CompilerServices;

namespace Moss.Trainer.Tests.AgentRuns;

/// <summary>Scenario files for tests: the samples of the repository, the format page's example 9, and a frame to put turns into.</summary>
internal static class ScenarioTexts
{
    public static string Sample(string name) => File.ReadAllText(Path.Combine(Repository(), "samples", "scenarios", name));

    public static string Frame(string turns, string limits = "") => $"""
        schema: moss.scenario/v1
        id: a-test
        version: 1
        split: diagnostic
        languages: [en]
        participants:
          target: {"{"} agent: moss@champion {"}"}
        turns:
        {turns}
        {limits}
        """;

    /// <summary>One turn with one check, written as YAML's flow style.</summary>
    public static string Check(string check) => Frame($"  - {{ user: hello, expect: [ {{ {check} }} ] }}");

    public const string Example9 = """
        schema: moss.scenario/v1
        id: basics-verifiable
        version: 1
        description: Short answers a program can check. With target "script:..." it runs offline.
        tags: [smoke, zh, en]
        split: diagnostic
        languages: [en, zh]
        seed: 7
        participants:
          target: { agent: moss@challenger, sampling: { temperature: 0, max_output_tokens: 128 } }
        turns:
          - user: "What is 17 * 23? Answer with the number only."
            expect: [ { check: numeric, value: 391 }, { check: max_chars, value: 12 } ]
          - user: "Now subtract 91 from it."
            expect: [ { check: numeric, value: 300, pick: last } ]
          - user: "中国的首都是哪里？只回答城市名。"
            expect: [ { check: equals, any_of: [北京, 北京市] }, { check: language, value: zh } ]
          - user: "Sort ascending, one per line: 42, 7, 19"
            expect: [ { check: sorted, items: lines, by: number, same_items_as: [42, 7, 19] } ]
          - user: 'Reply with JSON only: an object whose "ok" is true.'
            expect: [ { check: json, pointer: /ok, equals: true } ]
          - user: "Give an ISO date in May 2024, nothing else."
            expect:
              - { check: regex, pattern: '^2024-05-(0[1-9]|[12][0-9]|3[01])$' }
              - { check: not_contains, any_of: ["作为一个AI", "As an AI"] }
        limits: { max_turns: 6, max_tokens: 3000, wall_seconds: 60, cost_usd: 0 }
        """;

    private static string Repository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../.."));
}
