"""Checks a chat server that has rooms at /chat/NAME: each text goes to all who are in the room.

usage: chat.py URL PID
"""
import asyncio
import contextlib
import http.client
import sys

sys.dont_write_bytecode = True  # nothing is left in the source tree

import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from both import check, end, host, peak_memory, raw, receives, run, stopped, url

CONNECTIONS = 1000


def join(room, **options):
    options.setdefault("max_size", None)
    options.setdefault("open_timeout", 60)
    return websockets.connect(f"{url}/chat/{room}", compression=None, ping_interval=None, **options)


async def page():
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
            answer = refused.response
            check(name, answer.status_code == status, answer.status_code)
            check(f"{name}: words", len(answer.body) > 10, answer.body)
    async with join("a", origin=f"http://{host}") as own:
        await own.send("own page")
        await receives(own, "own page", "the own page")


async def rooms():
    async with join("one") as ann, join("one") as bob, join("two") as cid:
        for text in ["hello", "", "K\u00f6ln \u20ac \U0001f600", "x" * 65535, "y" * 65536]:
            await ann.send(text)
            for socket in (ann, bob):
                await receives(socket, text, f"{len(text)} characters")
        await bob.send(["in ", "four ", "", "parts"])
        await receives(ann, "in four parts", "fragments")
        await receives(bob, "in four parts", "fragments")
        await cid.send("alone")
        await receives(cid, "alone", "another room")
        pongs = [await ann.ping() for _ in range(50)]
        for n in range(100):
            await ann.send(str(n))
        for n in range(100):
            for socket in (ann, bob):
                await receives(socket, str(n), "a burst")
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
    reader, writer = await raw("/chat/raw", b"\x81\x85\0\0\0\0early\x88\x82\0\0\0\0\x03\xe8")
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 30)
    check("a Close right after the request", answer.endswith(b"\r\n\r\n\x88\x02\x03\xe8"), answer[-40:])
    await receives(other, "early", "a text right after the request")
    await other.close()


async def slow_reader():
    reader, writer = await raw("/chat/slow", limit=1024)
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    async with join("slow") as fast:
        for n in range(400):
            text = f"{n} " + "s" * 60000
            await fast.send(text)
            await receives(fast, text, "others go on beside a slow reader")
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
    await asyncio.gather(*(receives(socket, "to all of you", "a thousand") for socket in sockets))
    await asyncio.gather(*(socket.close() for socket in sockets))
    check("all closed", all(socket.close_code == 1000 for socket in sockets))


async def all_at_once():
    """More than may wait for a peer is said in one turn: who reads gets all of it."""
    sockets = await asyncio.gather(*(join("at-once", max_queue=None) for _ in range(40)))
    with stopped():
        sending = asyncio.gather(*(socket.send("m" * 60000) for socket in sockets))
        await asyncio.sleep(1)
    await sending
    for _ in sockets:
        await asyncio.gather(*(receives(socket, "m" * 60000, "all at once") for socket in sockets))
    await asyncio.gather(*(socket.close() for socket in sockets))


async def long_room_name():
    """Many short messages in a room with a long name: memory does not grow by the name for each."""
    reader, writer = await raw("/chat/" + "r" * 15000)
    await reader.readuntil(b"\r\n\r\n")
    before = peak_memory()
    with stopped():
        writer.write(b"\x81\x80\0\0\0\0" * 10000)
        await asyncio.sleep(0.3)
    answer = await asyncio.wait_for(reader.readexactly(20000), 30)
    check("10,000 empty texts", answer == b"\x81\x00" * 10000)
    growth = peak_memory() - before
    check("memory in a room with a long name", growth < 16 * 1024, f"{growth} KiB more")
    writer.close()


parts = [page, refusals, rooms, handshake_and_message_at_once, long_room_name, all_at_once, slow_reader, many]
asyncio.run(run("/chat/alone", parts))
end()
