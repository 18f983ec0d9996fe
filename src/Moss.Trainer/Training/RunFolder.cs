using System.Globalization;

namespace Moss.Trainer.Training;

/// <summary>What a run keeps on disk while it is under way: its newest training state, who works on it, how often it was tried. Gone when the run ends.</summary>
internal sealed class RunFolder(string state, Guid run)
{
    /// <summary>Claims in a row that got no further before the run is given up: a crash that repeats does not heal by itself.</summary>
    public const int MaxAttemptsWithoutProgress = 5;

    private const string StepPrefix = "step-";
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(100);

    private readonly string _path = Path.Combine(All(state), run.ToString());

    private string AttemptsFile => Path.Combine(_path, "attempts");

    /// <summary>The process id of the training child, for people who look.</summary>
    public string PidFile => Path.Combine(_path, "pid");

    /// <summary>The log-probabilities from before tuning, see <see cref="References"/>.</summary>
    public string ReferencesFile => Path.Combine(_path, "references.json");

    /// <summary>How often the tokens per forward pass were halved because a process died for want of memory.</summary>
    public int Halvings => File.Exists(HalvingsFile) && int.TryParse(File.ReadAllText(HalvingsFile), CultureInfo.InvariantCulture, out var n) ? n : 0;

    private string HalvingsFile => Path.Combine(_path, "halvings");

    /// <summary>The next attempt reads half as many tokens per forward pass.</summary>
    public void Halve() => File.WriteAllText(HalvingsFile, (Halvings + 1).ToString(CultureInfo.InvariantCulture));

    /// <summary>Held by the training child as long as it lives, so that two never write the same state.</summary>
    public async Task<IDisposable> LockAsync(TimeSpan patience, TimeProvider clock, CancellationToken cancellation)
    {
        Directory.CreateDirectory(_path);
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return OpenLock();
            }
            catch (IOException) when (clock.GetElapsedTime(started) < patience)
            {
                await Task.Delay(LockPause, clock, cancellation); // an earlier child of this run is still ending
            }
        }
    }

    /// <summary>The folder and step of the newest state, or null. It appears by one rename, so it is whole.</summary>
    public (string Folder, int Step)? Newest() =>
        !Directory.Exists(_path) ? null : Directory.EnumerateDirectories(_path, StepPrefix + "*")
            .Select(folder => (Folder: folder, Step: int.TryParse(Path.GetFileName(folder)[StepPrefix.Length..], CultureInfo.InvariantCulture, out var n) ? n : -1))
            .Where(s => s.Step >= 0) // what is being written has another name
            .Select(s => ((string, int)?)s).MaxBy(s => s!.Value.Item2);

    /// <summary>Saves the state of a step; the ones before it go when it stands.</summary>
    /// <param name="write">Writes a new folder, all or nothing.</param>
    public void Save(int step, Action<string> write)
    {
        var target = Path.Combine(_path, string.Create(CultureInfo.InvariantCulture, $"{StepPrefix}{step}"));
        if (Newest()?.Folder == target) return;
        write(target);
        DeleteStates(except: target);
    }

    public void DeleteStates(string? except = null)
    {
        foreach (var folder in Directory.EnumerateDirectories(_path, StepPrefix + "*").Where(f => f != except)) Directory.Delete(folder, recursive: true);
    }

    /// <summary>Remembers that this attempt begins at the newest state. False when too many began there already.</summary>
    public bool BeginAttempt(int attempt)
    {
        Directory.CreateDirectory(_path);
        var step = Newest()?.Step ?? 0;
        var attempts = Attempts();
        if (attempts.AsEnumerable().Reverse().TakeWhile(a => a.Step == step).Count() >= MaxAttemptsWithoutProgress) return false;
        Write([.. attempts, (attempt, step)]);
        return true;
    }

    /// <summary>An attempt that was handed back in good order is no failed one.</summary>
    public void ForgetAttempt(int attempt) => Write(Attempts().Where(a => a.Attempt != attempt));

    /// <summary>The runs that have a folder here.</summary>
    public static IReadOnlyList<Guid> Known(string state) => !Directory.Exists(All(state)) ? [] :
        [.. Directory.EnumerateDirectories(All(state)).Select(folder => Guid.TryParse(Path.GetFileName(folder), out var id) ? id : Guid.Empty).Where(id => id != Guid.Empty)];

    /// <summary>Deletes the folder of a run that has ended, unless a child still works in it.</summary>
    public void DeleteUnlessInUse()
    {
        try
        {
            using var mine = OpenLock();
            Delete();
        }
        catch (IOException)
        {
            // in use, or somebody else's turn
        }
    }

    public void Delete()
    {
        try
        {
            if (Directory.Exists(_path)) Directory.Delete(_path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // deleted by another in this moment
        }
    }

    private static string All(string state) => Path.Combine(state, "runs");

    private FileStream OpenLock() => new(Path.Combine(_path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    private List<(int Attempt, int Step)> Attempts() => !File.Exists(AttemptsFile) ? [] :
        [.. File.ReadAllLines(AttemptsFile).Select(line => line.Split(' ')).Where(parts => parts.Length == 2)
            .Select(parts => (int.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[1], CultureInfo.InvariantCulture)))];

    private void Write(IEnumerable<(int Attempt, int Step)> attempts) =>
        File.WriteAllLines(AttemptsFile, attempts.Select(a => string.Create(CultureInfo.InvariantCulture, $"{a.Attempt} {a.Step}")).ToList());
}
