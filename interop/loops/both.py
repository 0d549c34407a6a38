"""What the checks of both event loops share, and what both servers have to do alike."""
import asyncio
import contextlib
import os
import resource
import signal
import sys

from websockets.exceptions import ConnectionClosed

url = sys.argv[1]
host = url.removeprefix("ws://")
passed = failed = 0


def server():
    """The server's process: the child of `timeout`, whose process the script names."""
    pid = sys.argv[2]
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return int(children.read())


def check(name, is_right, seen=""):
    global passed, failed
    passed += bool(is_right)
    failed += not is_right
    if not is_right:
        print(f"failed: {name}: {seen}")


async def receives(socket, message, name):
    try:
        received = await asyncio.wait_for(socket.recv(), 30)
    except (ConnectionClosed, TimeoutError) as error:
        return check(name, False, repr(error))
    check(name, received == message, repr(received)[:60])


async def raw(path, frames=b"", **options):
    """A connection without a library: the request, and frames in the same write."""
    reader, writer = await asyncio.open_connection(*host.split(":"), **options)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode() + frames
    )
    return reader, writer


def peak_memory():
    """The most that the server had in memory so far, in KiB."""
    with open(f"/proc/{server()}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


@contextlib.contextmanager
def stopped():
    """The server runs no turn meanwhile: what is sent waits for one turn."""
    os.kill(server(), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server(), signal.SIGCONT)


async def idle_peer(path):
    """A peer that is silent gets a Ping after 20 s, and is served on."""
    reader, writer = await raw(path)
    await reader.readuntil(b"\r\n\r\n")
    try:
        ping = await asyncio.wait_for(reader.readexactly(2), 30)
        writer.write(b"\x8a\x80\0\0\0\0\x81\x85\0\0\0\0alive")
        text = await asyncio.wait_for(reader.readexactly(7), 10)
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        return check("a silent peer", False, repr(error))
    check("a silent peer", (ping, text) == (b"\x89\x00", b"\x81\x05alive"), (ping, text))
    writer.close()


async def peer_that_is_gone(path):
    """A peer that does not answer its Ping for 20 s is closed."""
    reader, writer = await raw(path)
    await reader.readuntil(b"\r\n\r\n")
    try:
        ping = await asyncio.wait_for(reader.readexactly(2), 30)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 30)
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        return check("a peer that is gone", False, repr(error))
    check("a peer that is gone", ping == b"\x89\x00", ping)
    writer.close()


async def refused_peer_that_stays():
    """The server closes 10 s after a refusal, though the peer keeps its side open: writing fails then."""
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(b"garbage\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    check("garbage", answer.startswith(b"HTTP/1.1 400"), answer[:40])
    for _ in range(40):
        await asyncio.sleep(0.5)
        try:
            writer.write(b"more")
            await writer.drain()
        except OSError:
            return check("a refused peer that stays is closed", True)
    check("a refused peer that stays is closed", False, "it is open after 20 s")


async def lack_of_descriptors(path):
    """Who cannot be accepted waits, and gets in when others have left."""
    pid = server()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    free = [number for number in range(len(used) + 11) if number not in used]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[10], limits[1]))  # room for ten
    try:
        peers = await asyncio.gather(*(raw(path) for _ in range(30)))
        answers = [asyncio.ensure_future(reader.readuntil(b"\r\n\r\n")) for reader, _ in peers]

        def served():
            return sum(answer.done() and not answer.exception() for answer in answers)

        await asyncio.wait(answers, timeout=2)
        check("a lack of descriptors", 0 < served() < 30, served())
        for _ in range(10):
            for (_, writer), answer in zip(peers, answers):
                if answer.done():
                    writer.close()
            await asyncio.wait(answers, timeout=1)
        check("all get in after others have left", served() == 30, f"{served()} of 30 got in")
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


async def run_alone(part, *arguments):
    try:
        await asyncio.wait_for(part(*arguments), 120)
    except Exception as error:
        check(part.__name__, False, repr(error))


async def run(path, parts):
    """Runs the parts one after the other, and beside them those that only wait."""
    counted = run_alone
    beside = asyncio.gather(
        counted(idle_peer, path), counted(peer_that_is_gone, path), counted(refused_peer_that_stays)
    )
    for part in parts:
        await counted(part)
    await beside
    await counted(lack_of_descriptors, path)


def end():
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
