"""Checks an echo server.

usage: echo.py URL
"""
import asyncio
import contextlib
import sys

import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

url = sys.argv[1]
host = url.removeprefix("ws://")
passed = failed = 0
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 65537, 1 << 20, 16 << 20]


def check(name, is_right, seen=""):
    global passed, failed
    passed += bool(is_right)
    failed += not is_right
    if not is_right:
        print(f"failed: {name}: {seen}")


def connect(**options):
    return websockets.connect(url, compression=None, ping_interval=None, max_size=None, **options)


async def hears(socket, message, name):
    try:
        heard = await asyncio.wait_for(socket.recv(), 60)
    except (ConnectionClosed, TimeoutError) as error:
        return check(name, False, repr(error))
    check(name, heard == message, repr(heard)[:60])


async def sizes():
    async with connect() as socket:
        for size in SIZES:
            for message in ("\u20ac\u00f6" * (size // 5) + "x" * (size % 5), bytes(size)):
                sending = asyncio.ensure_future(socket.send(message))
                await hears(socket, message, f"{type(message).__name__} of {size} bytes")
                await sending


async def bursts():
    async with connect() as socket:
        await socket.send(["in ", "", "four ", "p\u00e4rts"])
        await hears(socket, "in four p\u00e4rts", "fragments")
        pongs = [await socket.ping() for _ in range(50)]
        for n in range(1000):
            await socket.send(str(n))
        for n in range(1000):
            await hears(socket, str(n), "a burst")
        for pong in pongs:
            await asyncio.wait_for(pong, 30)
        check("Pongs", True)
        await socket.close(4000, "bye")
        check("the code comes back", socket.close_code == 4000, socket.close_code)


async def raw(frames):
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(
        f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode() + frames
    )
    writer.write_eof()
    with contextlib.closing(writer):
        answer = await asyncio.wait_for(reader.read(), 30)
    return answer.split(b"\r\n\r\n", 1)[1]


async def frames_right_after_the_request():
    answer = await raw(b"\x81\x85\0\0\0\0early\x88\x82\0\0\0\0\x03\xe8")
    check("a text and a Close", answer == b"\x81\x05early\x88\x02\x03\xe8", answer)
    answer = await raw(b"\x82\x81\0\0\0\0!\x81\x02hi")
    check("a fault after a message", answer == b"\x82\x01!\x88\x02\x03\xea", answer)


async def refusals():
    try:
        async with connect(origin="http://example.org"):
            check("a foreign page", False, "accepted")
    except InvalidStatus as refused:
        check("a foreign page", refused.response.status_code == 403, refused.response.status_code)
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(b"garbage\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 30)
    check("garbage", answer.startswith(b"HTTP/1.1 400"), answer[:40])
    writer.close()


async def many():
    sockets = await asyncio.gather(*(connect(open_timeout=60) for _ in range(200)))
    await asyncio.gather(*(socket.send(str(n)) for n, socket in enumerate(sockets)))
    await asyncio.gather(*(hears(socket, str(n), "two hundred") for n, socket in enumerate(sockets)))
    await asyncio.gather(*(socket.close() for socket in sockets))
    check("all closed", all(socket.close_code == 1000 for socket in sockets))


async def main():
    for part in (sizes, bursts, frames_right_after_the_request, refusals, many):
        try:
            await asyncio.wait_for(part(), 120)
        except Exception as error:
            check(part.__name__, False, repr(error))


asyncio.run(main())
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
