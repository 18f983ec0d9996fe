using Moss.Data.Datasets;
using Moss.Model.Checkpoints;
using Moss.Model.Learning;
using Moss.Model.Text;
using Moss.Trainer.Tests.Setup;
using Moss.Trainer.Training;

namespace Moss.Trainer.Tests.Training;

public class RenderingTests
{
    private static readonly Tokenizer Words = Tokenizer.Load(TinyCheckpoint.Folder);
    private static readonly ChatTemplate Template = ChatTemplate.For(CheckpointFolder.Open(TinyCheckpoint.Folder), Words);
    private static readonly DatasetMessage[] Long = [new("system", "be kind"), new("user", "who directed the film"), new("assistant", "it was directed by nobody"), new("user", "who")];

    [Fact]
    public void Of_a_preference_only_the_two_replies_are_learned_to_their_terminators_and_what_is_before_them_is_the_same()
    {
        var lesson = Only(Render(512, Preference("one", "and another one", Long)));

        Assert.Equal((0.5, 0.75, true), (lesson.Weight, lesson.Certainty, lesson.Spoken));
        Assert.Equal(["one", "and another one"], lesson.Documents.Select(Learned));
        var before = lesson.Documents.Select(d => d.Tokens[..Array.IndexOf(d.Learn, true)]).ToList();
        Assert.Equal(before[0], before[1]);
        Assert.Contains("nobody", Words.Decode(before[0]), StringComparison.Ordinal);
    }

    [Fact]
    public void Both_replies_of_a_preference_that_is_too_long_lose_the_same_turns()
    {
        var whole = Only(Render(512, Preference("one", "and another one", Long))).Documents.Max(d => d.Tokens.Length);
        var cut = Only(Render(whole - 1, Preference("one", "and another one", Long)));

        Assert.Equal(["one", "and another one"], cut.Documents.Select(Learned));
        Assert.All(cut.Documents, d => Assert.DoesNotContain("nobody", Words.Decode(d.Tokens), StringComparison.Ordinal));
        Assert.All(cut.Documents, d => Assert.Contains("be kind", Words.Decode(d.Tokens), StringComparison.Ordinal));
        Assert.Equal((0, 1), (Render(20, Preference("one", new string('x', 300))).Lessons.Count, Render(20, Preference("one", new string('x', 300))).TooLong));
    }

    [Fact]
    public void A_quality_is_asked_for_before_the_reply_and_never_learned()
    {
        var (told, untold) = (Conversation(QualityLevels.Poor), Conversation(null));
        var (tagged, plain) = (Only(Render(512, told)).Documents[0], Only(Render(512, untold)).Documents[0]);

        Assert.Equal(("it was", "it was"), (Learned(tagged), Learned(plain)));
        Assert.Contains("who directed\n\n[reply quality: poor]", Words.Decode(tagged.Tokens), StringComparison.Ordinal);
        Assert.DoesNotContain("quality", Words.Decode(plain.Tokens), StringComparison.Ordinal);
        Assert.Equal(QualityLevels.High, QualityTag.Best);
    }

    [Fact]
    public void What_a_tagged_base_is_tuned_on_is_what_it_will_be_asked()
    {
        var lesson = Only(new Rendering(Template, 512, QualityTag.Best).Render([Preference("one", "two")]));
        Assert.All(lesson.Documents, d => Assert.Contains("[reply quality: high]", Words.Decode(d.Tokens), StringComparison.Ordinal));
    }

    [Fact]
    public void A_desirable_reply_is_set_beside_the_reply_to_the_next_other_question()
    {
        var lessons = Render(512, Desirable("who", "me", true), Desirable("who", "you", false), Desirable("when", "now", true)).Lessons;

        Assert.Equal([true, false, true], lessons.Select(l => l.Lesson.Desirable));
        Assert.Equal(["now", "now", "me"], lessons.Select(l => Learned(l.Lesson.Mismatched!)));
        Assert.Equal(["who", "who", "when"], lessons.Select(l => Question(l.Lesson.Mismatched!)));
    }

    [Fact]
    public void A_corrected_conversation_is_seen_as_often_as_it_says() =>
        Assert.Equal(3, new Rendering(Template, 512).Render([new DatasetContent([new("user", "who"), new("assistant", "me", true)], Repeat: 3)]).Lessons.Count);

    private static (IReadOnlyList<RenderedLesson> Lessons, int TooLong) Render(int maxTokens, params IExampleContent[] contents) => new Rendering(Template, maxTokens).Render(contents);

    private static Lesson Only((IReadOnlyList<RenderedLesson> Lessons, int TooLong) rendered) => Assert.Single(rendered.Lessons).Lesson;

    private static PreferenceContent Preference(string better, string worse, params DatasetMessage[] prompt) =>
        new(prompt.Length == 0 ? [new("user", "who")] : prompt, better, worse, PreferenceKind.Comparison, EvidenceSource.Human, 0.5, 0.75, true, "group");

    private static DatasetContent Conversation(string? quality) => new([new("user", "who directed"), new("assistant", "it was", true)], Quality: quality);

    private static DesirableContent Desirable(string question, string reply, bool desirable) => new([new("user", question)], reply, desirable, EvidenceSource.Human, 1);

    /// <summary>What is learned, without the terminator that must end it.</summary>
    private static string Learned(TrainingExample document)
    {
        var learned = document.Tokens.Where((_, i) => document.Learn[i]).ToArray();
        Assert.Equal(Template.Terminator, learned[^1]);
        return Words.Decode(learned[..^1]);
    }

    private static string Question(TrainingExample document) => Words.Decode(document.Tokens).Contains("when", StringComparison.Ordinal) ? "when" : "who";
}
