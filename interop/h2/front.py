"""Proxies in front of WebSocket servers: haproxy and nghttpx, from HTTP/1.1 or HTTP/2 (prior knowledge) to either.

As a program it stands between a program of interop/peers over HTTP/2 and the Autobahn TestSuite over HTTP/1.1:

    front.py KIND PROXY PROGRAM server ADDR [OPTION...]     prints the URL of the proxy in front of the program
    front.py KIND PROXY PROGRAM client URL AGENT [OPTION...]

KIND is haproxy or nghttpx, PROXY is its path.
"""
import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

HAPROXY = """
defaults
    mode http
    timeout connect 10s
    timeout client 120s
    timeout server 120s
    timeout tunnel 120s
frontend in
    bind 127.0.0.1:{port}{front}
    default_backend out
backend out
    server one 127.0.0.1:{back_port}{back}
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def running(kind, path, front, back, back_port, own_host=False):
    """A proxy that takes the version `front` of HTTP, `h1` or `h2`, and passes it on as `back`: its port. With `own_host`
    the Host is that of the server behind it."""
    port = free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file, tempfile.TemporaryFile() as log:
        if kind == "haproxy":
            versions = {"h1": "", "h2": " proto h2"}
            file.write(HAPROXY.format(port=port, front=versions[front], back_port=back_port, back=versions[back]))
            if own_host:
                file.write(f"    http-request set-header Host 127.0.0.1:{back_port}\n")
            command = [path, "-db", "-f", file.name]
        else:
            # Its frontend without TLS takes both versions.
            proto = ";;proto=h2" if back == "h2" else ""
            command = [path, "--conf", file.name, "-f", f"127.0.0.1,{port};no-tls", "-b", f"127.0.0.1,{back_port}{proto}",
                       "--workers=1", "--backend-read-timeout=120", "--errorlog-file=/dev/stderr"]
            if own_host:
                command.append("--host-rewrite")
        file.flush()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                if process.poll() is not None:
                    log.seek(0)
                    sys.exit(f"{kind} does not start: {log.read().decode()}")
                time.sleep(0.05)
            else:
                sys.exit(f"{kind} does not listen")
            yield port
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def serving(command):
    """A program that prints its URL: its port."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield urllib.parse.urlsplit(process.stdout.readline().strip()).port
    finally:
        process.kill()
        process.wait()


def main():
    kind, path, program, *words = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if words[0] == "server":
        with serving([program, *words]) as port, running(kind, path, "h1", "h2", port) as port:
            print(f"ws://127.0.0.1:{port}", flush=True)
            signal.pause()
    else:
        _, url, *rest = words
        url = urllib.parse.urlsplit(url)
        # The fuzzingserver takes no other Host.
        with running(kind, path, "h2", "h1", url.port, own_host=True) as port:
            sys.exit(subprocess.run([program, "client", f"ws://127.0.0.1:{port}", *rest]).returncode)


if __name__ == "__main__":
    main()
