"""Checks a chat server that has rooms at /chat/NAME: each text goes to all who are in the room.

usage: chat.py URL
"""
import asyncio
import contextlib
import http.client
import sys

import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

url = sys.argv[1]
host = url.removeprefix("ws://")
passed = failed = 0
CONNECTIONS = 1000


def check(name, is_right, seen=""):
    global passed, failed
    passed += bool(is_right)
    failed += not is_right
    if not is_right:
        print(f"failed: {name}: {seen}")


def join(room, **options):
    options.setdefault("max_size", None)
    options.setdefault("open_timeout", 60)
    return websockets.connect(f"{url}/chat/{room}", compression=None, ping_interval=None, **options)


async def hears(socket, text, name):
    try:
        heard = await asyncio.wait_for(socket.recv(), 30)
    except (ConnectionClosed, TimeoutError) as error:
        return check(name, False, repr(error))
    check(name, heard == text, repr(heard)[:60])


def page():
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", "/")
    response = connection.getresponse()
    body = response.read()
    check("page", response.status == 200 and b"WebSocket" in body, (response.status, body[:60]))
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", "/other")
    check("no other page", connection.getresponse().status == 404)


async def refusals():
    for name, path, origin, status in [
        ("a foreign page", "/chat/a", "http://example.org", 403),
        ("a path that is none", "/other", None, 404),
        ("a room without a name", "/chat/", None, 404),
    ]:
        try:
            async with websockets.connect(url + path, origin=origin):
                check(name, False, "accepted")
        except InvalidStatus as refused:
            check(name, refused.response.status_code == status, refused.response.status_code)
    async with join("a", origin=f"http://{host}") as own:
        await own.send("own page")
        await hears(own, "own page", "the own page")


async def rooms():
    async with join("one") as ann, join("one") as bob, join("two") as cid:
        for text in ["hello", "", "K\u00f6ln \u20ac \U0001f600", "x" * 65535, "y" * 65536]:
            await ann.send(text)
            for socket in (ann, bob):
                await hears(socket, text, f"{len(text)} characters")
        await bob.send(["in ", "four ", "", "parts"])
        await hears(ann, "in four parts", "fragments")
        await hears(bob, "in four parts", "fragments")
        await cid.send("alone")
        await hears(cid, "alone", "another room")
        pongs = [await ann.ping() for _ in range(50)]
        for n in range(100):
            await ann.send(str(n))
        for n in range(100):
            for socket in (ann, bob):
                await hears(socket, str(n), "a burst")
        for pong in pongs:
            await asyncio.wait_for(pong, 30)
        check("Pongs", True)
        await ann.close(4000, "bye")
        check("the code comes back", ann.close_code == 4000, ann.close_code)
        # Bigger than the server takes.
        await bob.send("z" * 65537)
        with contextlib.suppress(ConnectionClosed):
            await asyncio.wait_for(bob.recv(), 30)
        check("too big", bob.close_code == 1009, bob.close_code)


async def handshake_and_message_at_once():
    other = await join("raw")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(
        f"GET /chat/raw HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        + b"\x81\x85\0\0\0\0early\x88\x82\0\0\0\0\x03\xe8"
    )
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 30)
    check("a Close right after the request", answer.endswith(b"\r\n\r\n\x88\x02\x03\xe8"), answer[-40:])
    await hears(other, "early", "a text right after the request")
    await other.close()


async def slow_reader():
    reader, writer = await asyncio.open_connection(*host.split(":"), limit=1024)
    writer.write(
        f"GET /chat/slow HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    async with join("slow") as fast:
        for n in range(400):
            text = f"{n} " + "s" * 60000
            await fast.send(text)
            await hears(fast, text, "others go on beside a slow reader")
    writer.transport.resume_reading()
    taken = 0
    with contextlib.suppress(ConnectionError):
        while data := await asyncio.wait_for(reader.read(1 << 20), 30):
            taken += len(data)
    check("a slow reader is dropped", taken < 400 * 60000, taken)


async def many():
    sockets = []
    for start in range(0, CONNECTIONS, 100):
        sockets += await asyncio.gather(*(join("many") for _ in range(start, start + 100)))
    await sockets[0].send("to all of you")
    await asyncio.gather(*(hears(socket, "to all of you", "a thousand") for socket in sockets))
    await asyncio.gather(*(socket.close() for socket in sockets))
    check("all closed", all(socket.close_code == 1000 for socket in sockets))


async def main():
    page()
    for part in (refusals, rooms, handshake_and_message_at_once, slow_reader, many):
        try:
            await asyncio.wait_for(part(), 100)
        except Exception as error:
            check(part.__name__, False, repr(error))


asyncio.run(main())
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
