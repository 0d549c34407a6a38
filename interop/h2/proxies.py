"""A proxy between HTTP/1.1 and HTTP/2, in each direction, and from HTTP/2 to HTTP/2: our end is `adapter-h2`, the end of
HTTP/1.1 is Python's `websockets`. `python proxies.py ADAPTER KIND=PROXY...`. Prints what fails, and the counts."""
import asyncio
import contextlib
import http
import json
import os
import subprocess
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

import front

ADAPTER = sys.argv[1]
PATIENCE = 60
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 65537, 1 << 20, 16 << 20]
RIGHT = 2 * len(SIZES) + 2
REQUEST = (
    "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: {}\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
passed = failed = 0


def check(name, seen, expected):
    global passed, failed
    if seen == expected:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}: {str(seen)[:400]} instead of {str(expected)[:400]}", flush=True)


async def visit(name, port, path="/", **expected):
    """Our client of HTTP/2 asks for all sizes, a message in parts and a Pong."""
    program = await asyncio.create_subprocess_exec(
        ADAPTER, "visit", f"ws://127.0.0.1:{port}{path}", "--offer", "echo", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, error = await asyncio.wait_for(program.communicate(), 2 * PATIENCE)
    seen = json.loads(out) if out else {"error": error.decode()}
    expected = expected or dict(status=200, subprotocol="echo", right=RIGHT, wrong=[], closed=1000, error=None)
    check(name, {key: seen.get(key) for key in expected}, expected)


async def http1_to_http2(kind, port):
    for compression in None, "deflate":
        async with connect(f"ws://127.0.0.1:{port}/", subprotocols=["echo"], max_size=None, compression=compression) as socket:
            check(f"{kind}: subprotocol", socket.subprotocol, "echo")
            extensions = "Sec-WebSocket-Extensions" in socket.response.headers
            check(f"{kind}: compression", extensions, compression is not None)
            seen = []
            # What does not shrink grows a little by compression: 16 MiB would be over the limit of a frame.
            for size in SIZES if compression is None else SIZES[:-1] + [15 << 20]:
                for message in "x" * size, os.urandom(size):
                    await socket.send(message)
                    seen.append(await asyncio.wait_for(socket.recv(), PATIENCE) == message)
            check(f"{kind}: echoes, {compression}", seen, [True] * len(seen))
            await socket.close(4000, "bye")
            check(f"{kind}: closed", (socket.close_code, socket.protocol.close_rcvd.code), (4000, 4000))
    sockets = [await connect(f"ws://127.0.0.1:{port}/") for _ in range(8)]
    for at, socket in enumerate(sockets):
        await socket.send(str(at) * 100_000)
    echoes = [await asyncio.wait_for(socket.recv(), PATIENCE) for socket in sockets]
    check(f"{kind}: eight at once", echoes, [str(at) * 100_000 for at in range(8)])
    # One is cut off, the others go on.
    sockets[0].transport.abort()
    await sockets[1].send("still")
    check(f"{kind}: another one goes on", await asyncio.wait_for(sockets[1].recv(), PATIENCE), "still")
    for socket in sockets:
        await socket.close()
    try:
        await connect(f"ws://127.0.0.1:{port}/", origin="http://elsewhere")
        check(f"{kind}: refused", None, 403)
    except InvalidStatus as error:
        check(f"{kind}: refused", error.response.status_code, 403)
    # haproxy says `https` whatever the client came over, so that is not what Origin is compared with.
    for origin, status in ("http://example.com", 101), ("https://example.com", 101), ("http://example.org", 403):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST.format(origin).encode())
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        check(f"{kind}: Host example.com, Origin {origin}", int(line.split()[1]), status)
        writer.transport.abort()
    # A fault: the Close that says so arrives.
    socket = await connect(f"ws://127.0.0.1:{port}/")
    await socket.send("before")
    socket.transport.write(b"\x83\x80\0\0\0\0")  # an opcode that is not defined
    check(f"{kind}: before the fault", await asyncio.wait_for(socket.recv(), PATIENCE), "before")
    try:
        await asyncio.wait_for(socket.recv(), PATIENCE)
    except ConnectionClosed as error:
        check(f"{kind}: a fault", error.rcvd and error.rcvd.code, 1002)


async def http2_to_http1(kind, path):
    async def echo(socket):
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                await socket.send(message)

    def process(socket, request):
        if request.path == "/secret":
            response = socket.respond(http.HTTPStatus.UNAUTHORIZED, "log in")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response

    async with serve(echo, "127.0.0.1", 0, subprotocols=["echo"], max_size=None, process_request=process) as server:
        with front.running(kind, path, "h2", "h1", server.sockets[0].getsockname()[1]) as port:
            await visit(f"{kind}: HTTP/2 to HTTP/1.1", port)
            await visit(f"{kind}: refused over HTTP/2", port, "/secret", status=401, body="log in")


async def main():
    for word in sys.argv[2:]:
        kind, path = word.split("=")
        with front.serving([ADAPTER, "server", "127.0.0.1:0", "--deflate"]) as server:
            with front.running(kind, path, "h1", "h2", server) as port:
                await http1_to_http2(f"{kind}, HTTP/1.1 to HTTP/2", port)
            with front.running(kind, path, "h2", "h2", server) as port:
                await visit(f"{kind}: HTTP/2 to HTTP/2", port)
            await visit("no proxy", server)
        await http2_to_http1(kind, path)
    print(f"{passed} passed, {failed} failed")


asyncio.run(main())
