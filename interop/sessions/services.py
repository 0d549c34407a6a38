"""The program of an adapter with other programs: refusals and odd requests by curl, servers and
clients of Python and Node, and nginx as a reverse proxy in front, with and without TLS.

usage: services.py WORK NODE_MODULES NGINX NAME=PEER    NODE_MODULES and NGINX can be empty

Run by adapters.sh, with the Python that has `websockets`. Prints what fails, and the counts.
"""

import asyncio
import contextlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

PATIENCE = 60
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 65537, 1 << 20, 16 << 20]
# What a visit of our client has right: both kinds of each size, a message in parts, a Pong.
RIGHT = 2 * len(SIZES) + 2
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
NODE_SERVER = """
const { WebSocketServer } = require(process.argv[1]);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 16 << 20,
  perMessageDeflate: false, handleProtocols: (names) => names.has('echo') && 'echo' });
server.on('connection', (ws) => ws.on('message', (data, binary) => ws.send(data, { binary })));
server.on('listening', () => console.log(server.address().port));
"""


class Count:
    passed = failed = 0

    @classmethod
    def check(cls, name, seen, expected):
        if seen == expected:
            cls.passed += 1
        else:
            cls.failed += 1
            print(f"FAILED {name}: {seen!r} instead of {expected!r}", flush=True)


check = Count.check


@contextlib.contextmanager
def running(*command):
    """A program that prints where it listens; the first line of it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def visit(peer, url, *options):
    """What our client reports of a server."""
    done = subprocess.run(
        [peer, "visit", url, *options], capture_output=True, text=True, timeout=PATIENCE
    )
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip()}


def check_visit(name, peer, url, *options, subprotocol="echo"):
    seen = visit(peer, url, "--offer", "echo", *options)
    found = {key: seen.get(key) for key in ("status", "subprotocol", "right", "wrong", "closed", "error")}
    check(name, found, dict(
        status=101, subprotocol=subprotocol, right=RIGHT, wrong=[], closed=1000, error=None
    ))


def curl(url, headers=(), *options):
    """Status and body; status 0 if there was no answer."""
    fields = [word for item in dict(headers).items() for word in ("-H", ": ".join(item))]
    done = subprocess.run(
        ["curl", "-sS", "--http1.1", "--max-time", "5", "-w", "\n%{http_code}", *fields, *options, url],
        capture_output=True, text=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def requests(name, base):
    """What is not a WebSocket client, or not a good one."""
    check(f"{name}: a page", curl(base + "/"), (200, "a page\n"))
    check(f"{name}: HEAD", curl(base + "/", (), "--head")[0], 200)
    check(f"{name}: no such page", curl(base + "/nowhere"), (404, "not found\n"))
    check(f"{name}: a POST with a body", curl(base + "/", (), "-d", "x=1")[0], 404)
    for what, change, status in [
        ("no key", {"Sec-WebSocket-Key": None}, 400),
        ("a short key", {"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
        ("a key that is none", {"Sec-WebSocket-Key": "*" * 24}, 400),
        ("no version", {"Sec-WebSocket-Version": None}, 426),
        ("version 8", {"Sec-WebSocket-Version": "8"}, 426),
        ("a head that is too long", {"Cookie": "c" * 20_000}, 431),
        ("too many lines", {f"X-{n}": "1" for n in range(200)}, 431),
    ]:
        headers = {k: v for k, v in {**UPGRADE, **change}.items() if v is not None}
        check(f"{name}: {what}", curl(base + "/", headers)[0], status)
    # 28 is the time limit: the connection is open.
    opened = subprocess.run(
        ["curl", "-sS", "-i", "--http1.1", "--max-time", "1", base + "/",
         *[word for item in UPGRADE.items() for word in ("-H", ": ".join(item))]],
        capture_output=True, text=True,
    )
    check(f"{name}: an upgrade by curl", opened.stdout.partition("\n")[0], "HTTP/1.1 101 Switching Protocols")
    check(f"{name}: its key", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in opened.stdout, True)
    check(f"{name}: and it stays open", opened.returncode, 28)


class Strange(http.server.BaseHTTPRequestHandler):
    """A server that does not want to talk."""

    answers = {
        "/moved": (301, {"Location": "/there"}, b"moved\n"),
        "/found": (302, {"Location": "ws://127.0.0.1:1/"}, b""),
        "/login": (401, {"WWW-Authenticate": "Basic"}, b"who are you?\n"),
        "/page": (200, {}, b"a page\n"),
        "/busy": (503, {"Retry-After": "1"}, b"later\n"),
    }

    def do_GET(self):
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def refusals(name, peer):
    """Redirects and refusals, as our client reports them."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Strange) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for path, (status, headers, body) in Strange.answers.items():
            seen = visit(peer, f"ws://127.0.0.1:{server.server_port}{path}")
            check(f"{name}: {path} of a server", {k: seen.get(k) for k in ("status", "location", "body")},
                  dict(status=status, location=headers.get("Location"), body=body.decode()))
        server.shutdown()


async def echo(ws):
    with contextlib.suppress(ConnectionClosed):
        async for message in ws:
            await ws.send(message)


@contextlib.contextmanager
def python_server(**options):
    """An echo server of Python's, in a thread; its port."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def start():
        return await serve(echo, "127.0.0.1", 0, max_size=16 << 20, compression=None,
                           subprotocols=["echo"], **options)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(server.wait_closed(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)


async def python_client(name, url, **options):
    """A client of Python's on an echo server."""
    wrong = []
    async with connect(url, max_size=16 << 20, subprotocols=["echo"], compression=None, proxy=None,
                       **options) as ws:
        check(f"{name}: subprotocol", ws.subprotocol, "echo")
        for size in SIZES:
            text = ("K\u00f6ln \u20ac \U0001f600 " * (size // 15) + "y" * (size % 15))
            for message in (text, os.urandom(size)):
                await ws.send(message)
                if await ws.recv() != message:
                    wrong.append(size)
        await ws.send(["in ", "", "four ", "p\u00e4rts"])
        wrong += [] if await ws.recv() == "in four p\u00e4rts" else ["parts"]
        await asyncio.wait_for(await ws.ping(b"there?"), PATIENCE)
        check(f"{name}: echoes", wrong, [])
        await ws.close(4000, "enough")
    check(f"{name}: close", (ws.close_code, ws.protocol.close_rcvd.code), (4000, 4000))


CONFIG = """
daemon off;
{user}
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  map $http_upgrade $forwarded {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{secure} ssl;
    ssl_certificate {work}/cert.pem;
    ssl_certificate_key {work}/key.pem;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $forwarded;
    location / {{ proxy_pass http://127.0.0.1:{behind}; }}
    location /gone {{ proxy_pass http://127.0.0.1:{gone}; }}
  }}
}}
"""


def free_ports(count):
    import socket

    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def certificate(work):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", f"{work}/key.pem", "-out", f"{work}/cert.pem"],
        check=True, capture_output=True,
    )


@contextlib.contextmanager
def nginx(program, work, behind):
    """nginx in front of a port; the URLs without and with TLS."""
    folder = f"{work}/nginx"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    certificate(folder)
    plain, secure, gone = free_ports(3)
    # As root it would take another user for its workers, who may not look into this folder.
    user = "user root;" if os.getuid() == 0 else ""
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(CONFIG.format(
            work=folder, plain=plain, secure=secure, behind=behind, gone=gone, user=user
        ))
    process = subprocess.Popen([program, "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"])
    try:
        for _ in range(100):
            if process.poll() is not None:
                raise RuntimeError(f"nginx does not start, see {folder}/error.log")
            if curl(f"http://127.0.0.1:{plain}/")[0]:
                break
            time.sleep(0.05)
        yield f"127.0.0.1:{plain}", f"localhost:{secure}", f"{folder}/cert.pem"
    finally:
        process.terminate()
        process.wait()


def proxied(name, peer, port, program, work):
    """Through nginx: both ends ours, and a client of Python's, with and without TLS."""
    with nginx(program, work, port) as (plain, secure, pem):
        check_visit(f"{name}: nginx, ws", peer, f"ws://{plain}/")
        check_visit(f"{name}: nginx, wss", peer, f"wss://{secure}/", "--ca", pem)
        asyncio.run(python_client(f"{name}: nginx, ws, websockets", f"ws://{plain}/"))
        trusting = ssl.create_default_context(cafile=pem)
        url = f"wss://{secure}/"
        asyncio.run(python_client(f"{name}: nginx, wss, websockets", url, ssl=trusting))
        check(f"{name}: a page through nginx", curl(f"http://{plain}/"), (200, "a page\n"))
        check(f"{name}: nginx without a server behind", visit(peer, f"ws://{plain}/gone").get("status"), 502)
        stranger = visit(peer, f"wss://{secure.replace('localhost', '127.0.0.1')}/", "--ca", pem)
        check(f"{name}: a certificate of another name", "ertificate" in stranger.get("error", ""), True)


def play(name, peer, work, modules, program):
    with running(peer, "server", "127.0.0.1:0") as url:
        base = url.replace("ws://", "http://")
        requests(name, base)
        check_visit(f"{name}: itself", peer, url + "/")
        asyncio.run(python_client(f"{name}: websockets as client", url + "/"))
        if program:
            proxied(name, peer, url.rpartition(":")[2], program, work)
    refusals(name, peer)
    with python_server() as port:
        check_visit(f"{name}: websockets as server", peer, f"ws://127.0.0.1:{port}/")
        if program:
            with nginx(program, work, port) as (plain, secure, pem):
                check_visit(f"{name}: nginx, ws, websockets as server", peer, f"ws://{plain}/")
                url = f"wss://{secure}/"
                check_visit(f"{name}: nginx, wss, websockets as server", peer, url, "--ca", pem)
    if modules:
        with running("node", "-e", NODE_SERVER, f"{modules}/ws") as port:
            check_visit(f"{name}: ws as server", peer, f"ws://127.0.0.1:{port}/")


def main():
    work, modules, program, entry = sys.argv[1:]
    name, _, peer = entry.partition("=")
    try:
        play(name, peer, work, modules, program)
    except (OSError, RuntimeError, TimeoutError, ConnectionClosed, InvalidStatus,
            subprocess.SubprocessError) as error:
        check(name, repr(error), None)
    print(f"{Count.passed} passed, {Count.failed} failed")
    return 1 if Count.failed or not Count.passed else 0


sys.exit(main())
