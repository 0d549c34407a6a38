# Our client with hypercorn as the server, without TLS: `python hypercorn_server.py EXAMPLE`. Prints what fails, and the counts.
import asyncio
import contextlib
import socket
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

EXAMPLE = sys.argv[1]
passed = failed = 0
seen = []


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    if scope["path"] != "/echo":
        await send({"type": "websocket.close"})
        return
    seen.append(scope["http_version"])
    await send({"type": "websocket.accept"})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


def check(name, right, shown):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}: {shown!r}")


async def client(*arguments):
    program = await asyncio.create_subprocess_exec(
        EXAMPLE, "--connect", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    out, _ = await asyncio.wait_for(program.communicate(), 20)
    return program.returncode, out.decode().splitlines()


async def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = config.errorlog = None
    stop = asyncio.Event()
    server = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        await asyncio.sleep(0.05)
    url = f"http://127.0.0.1:{port}"
    big = "x" * 100_000
    for options in [], ["--deflate"], ["--window", "100"]:
        for texts in ["hello"], ["a", "b", "ä€"], [big]:
            code, lines = await client(url + "/echo", *options, *texts)
            check(f"{options}, {len(texts)} texts", (code, lines[:-1]) == (0, texts), (code, [line[:200] for line in lines]))
            check("closed", lines[-1:] == ["closed: Some(1000)"], lines[-1:])
    code, lines = await client(url + "/echo", "--window", "1", "hello")
    check("a window of one byte", (code, lines) == (0, ["hello", "closed: Some(1000)"]), (code, lines))
    code, lines = await client(url + "/nothing", "hello")
    check("refused", code == 1 and "403" in lines[0], (code, lines))
    check("HTTP/2", seen and set(seen) == {"2"}, seen)
    stop.set()
    await asyncio.wait({server}, timeout=5)
    print(f"{passed} passed, {failed} failed")


asyncio.run(main())
