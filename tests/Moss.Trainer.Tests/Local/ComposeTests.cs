using System.Text.RegularExpressions;
using Moss.Trainer.Local;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Moss.Trainer.Tests.Local;

/// <summary>What can be known about docker-compose.yml and the Dockerfiles without a container engine.</summary>
public sealed partial class ComposeTests
{
    private static readonly string Root = TestInstallation.Root();
    private static readonly Dictionary<object, object> File = new DeserializerBuilder().Build()
        .Deserialize<Dictionary<object, object>>(new MergingParser(new Parser(new StringReader(System.IO.File.ReadAllText(Path.Combine(Root, "docker-compose.yml"))))));

    public static TheoryData<string> Services => [.. Map(File["services"]).Keys.Select(name => (string)name)];

    [Fact]
    public void The_services_are_those_of_the_product_and_a_variant_for_the_GPU() =>
        Assert.Equal("migrate portal postgres serve serve-gpu starter work work-gpu", string.Join(' ', Map(File["services"]).Keys.Order()));

    [Theory]
    [MemberData(nameof(Services))]
    public void A_service_is_built_from_files_that_exist_and_waits_for_services_that_exist(string name)
    {
        var service = Service(name);
        if (service.TryGetValue("build", out var build))
        {
            var context = Path.GetFullPath((string)Map(build)["context"], Root);
            var dockerfile = Path.Combine(context, (string)Map(build)["dockerfile"]);
            Assert.True(System.IO.File.Exists(dockerfile), dockerfile);
            AssertDockerfile(context, System.IO.File.ReadAllText(dockerfile));
        }
        else
        {
            Assert.Equal("postgres:17", service["image"]);
        }
        if (service.TryGetValue("depends_on", out var others))
            Assert.All(Map(others).Keys, other => Assert.Contains(other, Map(File["services"]).Keys));
        foreach (var volume in service.TryGetValue("volumes", out var volumes) ? (List<object>)volumes : [])
            Assert.Contains(((string)volume).Split(':')[0], Map(File["volumes"]).Keys);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void Every_variable_is_one_that_the_code_reads(string name)
    {
        if (name == "postgres") return; // its variables are the image's
        Assert.All(Map(Service(name)["environment"]).Keys, variable => Assert.Contains($"\"{variable}\"", Sources(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("portal", "MOSS_PORTAL_URL", Installation.PortalPort)]
    [InlineData("serve", "MOSS_SERVE_URL", Installation.ServePort)]
    [InlineData("work", "MOSS_WORK_URL", Installation.WorkPort)]
    public void A_server_listens_where_its_health_is_asked_for_and_on_the_port_that_the_code_has(string name, string variable, int port)
    {
        Assert.Equal($"http://{name}:{port}", Map(Service(name)["environment"])[variable]);
        var check = (string)((List<object>)Map(Service(name)["healthcheck"])["test"])[^1];
        Assert.Contains($"/dev/tcp/127.0.0.1/{port};", check, StringComparison.Ordinal);
        Assert.Contains("GET /healthz ", check, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_portal_is_published_and_only_on_this_machine()
    {
        Assert.Equal([$"127.0.0.1:{Installation.PortalPort}:{Installation.PortalPort}"], (List<object>)Service("portal")["ports"]);
        Assert.All(Map(File["services"]).Keys.Where(name => (string)name != "portal"), name => Assert.DoesNotContain("ports", Service((string)name).Keys));
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("work")]
    public void The_variant_for_the_GPU_differs_only_in_image_device_and_network_name(string name)
    {
        var variant = Service(name + "-gpu");
        Assert.Equal(["gpu"], (List<object>)variant["profiles"]);
        Assert.Equal(Service(name)["command"], variant["command"]);
        Assert.Equal(Map(Service(name)["environment"]), Map(variant["environment"]));
        var device = Map(((List<object>)Map(Map(Map(variant["deploy"])["resources"])["reservations"])["devices"])[0]);
        Assert.Equal("nvidia", device["driver"]);
        Assert.Equal([name], (List<object>)Map(Map(variant["networks"])["default"])["aliases"]);
    }

    // Every file copied is there, the program started is one of our projects, and it does not run as root.
    private static void AssertDockerfile(string context, string text)
    {
        foreach (var copy in Copies().Matches(text).Select(match => match.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            Assert.All(copy[..^1], source => Assert.True(Path.Exists(Path.Combine(context, source)), $"COPY {source}"));
        var project = Publishes().Match(text).Groups[1].Value;
        Assert.True(System.IO.File.Exists(Path.Combine(context, project)), $"dotnet publish {project}");
        Assert.Contains($"ENTRYPOINT [\"dotnet\", \"{Path.GetFileNameWithoutExtension(project)}.dll\"]", text, StringComparison.Ordinal);
        Assert.Contains("USER $APP_UID", text, StringComparison.Ordinal);
        Assert.All(Bases().Matches(text).Select(match => match.Groups[1].Value), image => Assert.EndsWith(":10.0-noble", image, StringComparison.Ordinal));
    }

    private static Dictionary<object, object> Service(string name) => Map(Map(File["services"])[name]);

    private static Dictionary<object, object> Map(object node) => (Dictionary<object, object>)node;

    private static string Sources() => string.Concat(new[] { "src", "migrations" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories))
        .Select(System.IO.File.ReadAllText));

    [GeneratedRegex(@"^COPY (?!--from)(.+)$", RegexOptions.Multiline)]
    private static partial Regex Copies();

    [GeneratedRegex(@"^RUN dotnet publish (\S+)", RegexOptions.Multiline)]
    private static partial Regex Publishes();

    [GeneratedRegex(@"^FROM (\S+)", RegexOptions.Multiline)]
    private static partial Regex Bases();
}
