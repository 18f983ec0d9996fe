using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Moss.Annotate.Tests.Setup;

/// <summary>A door between the portal and PostgreSQL: shut, it cuts every connection and refuses new ones, as a stopped server does.</summary>
public sealed class Gate : IAsyncDisposable
{
    private readonly (string Host, int Port) _server;
    private readonly int _port;
    private readonly Lock _lock = new();
    private readonly List<TcpClient> _open = [];
    private TcpListener? _listener;

    public Gate(string connectionString)
    {
        var real = new NpgsqlConnectionStringBuilder(connectionString);
        _server = (real.Host!, real.Port);
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        _port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString) { Host = "127.0.0.1", Port = _port, Timeout = 2 }.ConnectionString;
        _ = AcceptAsync(_listener);
    }

    public string ConnectionString { get; }

    public void Shut()
    {
        lock (_lock)
        {
            _listener?.Stop();
            _listener = null;
            foreach (var client in _open) client.Dispose();
            _open.Clear();
        }
    }

    public void Open()
    {
        var listener = new TcpListener(IPAddress.Loopback, _port);
        listener.Start();
        lock (_lock) _listener = listener;
        _ = AcceptAsync(listener);
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var near = await listener.AcceptTcpClientAsync();
                _ = PassAsync(near);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException) { /* shut */ }
    }

    private async Task PassAsync(TcpClient near)
    {
        using var far = new TcpClient();
        try
        {
            await far.ConnectAsync(_server.Host, _server.Port);
            lock (_lock) _open.AddRange([near, far]);
            var (a, b) = (near.GetStream(), far.GetStream());
            await Task.WhenAny(a.CopyToAsync(b), b.CopyToAsync(a));
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException) { /* cut */ }
        finally
        {
            near.Dispose();
        }
    }

    public ValueTask DisposeAsync()
    {
        Shut();
        return ValueTask.CompletedTask;
    }
}
