"""Checks an echo server.

usage: echo.py URL PID
"""
import asyncio
import contextlib
import sys

sys.dont_write_bytecode = True  # nothing is left in the source tree

import websockets
from websockets.exceptions import InvalidStatus

from both import check, end, raw, receives, run, url

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 65537, 1 << 20, 16 << 20]


def connect(**options):
    return websockets.connect(url, compression=None, ping_interval=None, max_size=None, **options)


async def sizes():
    async with connect() as socket:
        for size in SIZES:
            for message in ("\u20ac\u00f6" * (size // 5) + "x" * (size % 5), bytes(size)):
                sending = asyncio.ensure_future(socket.send(message))
                await receives(socket, message, f"{type(message).__name__} of {size} bytes")
                await sending


async def bursts():
    async with connect() as socket:
        await socket.send(["in ", "", "four ", "p\u00e4rts"])
        await receives(socket, "in four p\u00e4rts", "fragments")
        pongs = [await socket.ping() for _ in range(50)]
        for n in range(1000):
            await socket.send(str(n))
        for n in range(1000):
            await receives(socket, str(n), "a burst")
        for pong in pongs:
            await asyncio.wait_for(pong, 30)
        check("Pongs", True)
        await socket.close(4000, "bye")
        check("the code comes back", socket.close_code == 4000, socket.close_code)


async def answer_to(frames):
    reader, writer = await raw("/", frames)
    writer.write_eof()
    with contextlib.closing(writer):
        answer = await asyncio.wait_for(reader.read(), 30)
    return answer.split(b"\r\n\r\n", 1)[1]


async def frames_right_after_the_request():
    answer = await answer_to(b"\x81\x85\0\0\0\0early\x88\x82\0\0\0\0\x03\xe8")
    check("a text and a Close", answer == b"\x81\x05early\x88\x02\x03\xe8", answer)
    answer = await answer_to(b"\x82\x81\0\0\0\0!\x81\x02hi")
    check("a fault after a message", answer == b"\x82\x01!\x88\x02\x03\xea", answer)


async def refusals():
    try:
        async with connect(origin="http://example.org"):
            check("a foreign page", False, "accepted")
    except InvalidStatus as refused:
        answer = refused.response
        check("a foreign page", answer.status_code == 403 and len(answer.body) > 10, answer)


async def many():
    sockets = await asyncio.gather(*(connect(open_timeout=60) for _ in range(200)))
    await asyncio.gather(*(socket.send(str(n)) for n, socket in enumerate(sockets)))
    await asyncio.gather(*(receives(socket, str(n), "two hundred") for n, socket in enumerate(sockets)))
    await asyncio.gather(*(socket.close() for socket in sockets))
    check("all closed", all(socket.close_code == 1000 for socket in sockets))


asyncio.run(run("/", [sizes, bursts, frames_right_after_the_request, refusals, many]))
end()
