using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Moss.Trainer.Local;

/// <summary>The folder of one private PostgreSQL cluster: its data, and what we remember about it.</summary>
internal sealed class ClusterFolder(string path)
{
    // Below the range from which systems take the ports of outgoing connections (32768 on Linux), so it stays free while we are down.
    private const int FirstPort = 20_000, LastPort = 32_000;

    public string Path => path;
    public string Data => File("data");
    public string Log => File("server.log");
    public string Users => File("users");
    public string Lock => File("lock");

    /// <summary>Where the server puts its socket; empty when the path is longer than a socket's name may be (107 bytes).</summary>
    public string SocketFolder => System.Text.Encoding.UTF8.GetByteCount(path) < 80 ? path : "";

    public bool Exists => System.IO.File.Exists(System.IO.Path.Combine(Data, "PG_VERSION"));

    /// <summary>The major version that made the data, or null when there is none yet.</summary>
    public int? Major => Exists
        ? int.Parse(System.IO.File.ReadAllText(System.IO.Path.Combine(Data, "PG_VERSION")), CultureInfo.InvariantCulture)
        : null;

    public string Password => System.IO.File.ReadAllText(File("password")).Trim();

    public int Port
    {
        get => System.IO.File.Exists(File("port"))
            ? int.Parse(System.IO.File.ReadAllText(File("port")), CultureInfo.InvariantCulture)
            : Port = FreePort();
        set => System.IO.File.WriteAllText(File("port"), value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The process id of the running server, or null. Its own file says so; a crash leaves the file behind.</summary>
    public int? ServerProcess()
    {
        try
        {
            var lines = System.IO.File.ReadLines(System.IO.Path.Combine(Data, "postmaster.pid")).Take(1).ToList();
            return lines.Count == 1 && int.TryParse(lines[0], CultureInfo.InvariantCulture, out var id)
                && LiveProcess.CommandLine(id) is { } command && command.Contains(Data, StringComparison.Ordinal) ? id : null;
        }
        catch (IOException) // there is none, or it is just being removed
        {
            return null;
        }
    }

    public string NewPassword()
    {
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));
        PrivateFile.Write(File("password"), password);
        return File("password");
    }

    public static int FreePort()
    {
        for (var tries = 0; tries < 100; tries++)
        {
            var port = RandomNumberGenerator.GetInt32(FirstPort, LastPort);
            if (IsFree(IPAddress.Loopback, port)) return port;
        }
        throw new InvalidOperationException($"A hundred ports between {FirstPort} and {LastPort} were tried and none is free.");
    }

    public static bool IsFree(IPAddress address, int port)
    {
        using var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private string File(string name) => System.IO.Path.Combine(path, name);
}
