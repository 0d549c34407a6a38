"""aioquic as client of our server and as server of our client (RFC 9220), and hypercorn as server. Their frames are those of
wsproto. `python judge.py FOLDER ENGINE [--big]` with the program `engine-h3`. Prints what fails, and the counts."""
import asyncio
import os
import socket
import sys
import traceback

from hypercorn.asyncio import serve as hypercorn
from hypercorn.config import Config
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.handshake import client_extensions_handshake, server_extensions_handshake

from streams import CANCELLED, MESSAGE_ERROR, Bridge, certificate, client, listen

FOLDER, ENGINE = sys.argv[1:3]
BIG = sys.argv[3:] == ["--big"]
PATIENCE = 30
SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20]
DEFLATE = "permessage-deflate"
passed = failed = 0
bridge = None


def check(name, seen, expected):
    global passed, failed
    if seen == expected:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}: {str(seen)[:400]} instead of {str(expected)[:400]}", flush=True)


class Peer:
    """A WebSocket connection of wsproto on a stream."""

    def __init__(self, stream, kind, extensions=()):
        self.stream = stream
        self.frames = Connection(kind, list(extensions))
        self.parts = []
        self.events = []

    def send(self, event):
        self.stream.data(self.frames.send(event))

    async def next(self):
        """A whole message, the Close, or what the stream brings: `("f", ..)`, `("r", code)`, `("s", code)`."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if isinstance(event, CloseConnection):
                    return ("close", event.code, event.reason or "")
                if isinstance(event, (TextMessage, BytesMessage)):
                    self.parts.append(event.data)
                    if event.message_finished:
                        whole = self.parts[0][:0].join(self.parts)
                        self.parts = []
                        return whole
            letter, what = await asyncio.wait_for(self.stream.queue.get(), PATIENCE)
            if letter != "d":
                return letter, what
            self.frames.receive_data(what)
            self.events += self.frames.events()

    async def all(self):
        """All until both what comes and what goes have ended."""
        seen = []
        while not seen or seen[-1][0] not in ("f", "r"):
            seen.append(await self.next())
        return seen


def request(path="/echo", port=443, change=(), more=()):
    fields = {
        ":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":authority": f"localhost:{port}", ":path": path,
        "sec-websocket-version": "13", **dict(change),
    }
    fields = [*fields.items(), *more]
    return [(name.encode(), value.encode()) for name, value in fields if value is not None]


async def ask(http, deflate=False, **named):
    """A stream whose answer is there: the peer, the status and the fields."""
    stream = http.open()
    extension = PerMessageDeflate()
    offer = [("sec-websocket-extensions", f"{DEFLATE}; {extension.offer()}")] if deflate else []
    stream.head(request(more=offer, **named))
    letter, what = await asyncio.wait_for(stream.queue.get(), PATIENCE)
    if letter != "h":
        return None, (letter, what), {}
    fields = {name.decode(): value.decode() for name, value in what}
    agreed = client_extensions_handshake([fields["sec-websocket-extensions"]], [extension]) if deflate else []
    return Peer(stream, ConnectionType.CLIENT, agreed), int(fields.pop(":status")), fields


# ---- aioquic as client, the engine as server.


async def end(name, peer, expected, notes, order):
    """How the stream has ended for the client, and for the server."""
    check(name, await peer.all(), expected)
    check(f"{name}: the server", await asyncio.wait_for(order["notes"], PATIENCE), notes)


async def as_client(paths):
    order = {}

    async def carried(stream):
        future = order["notes"] = asyncio.get_running_loop().create_future()
        future.set_result(await bridge.carry(stream, {k: v for k, v in order.items() if k != "notes"}))

    server, port = await listen(paths, carried)
    async with client(port) as http:
        check("the setting", await http.setting(), 1)
        for deflate in False, True:
            order.clear()
            order["deflate"] = deflate
            peer, status, fields = await ask(http, deflate)
            check("accepted", (status, DEFLATE in str(fields)), (200, deflate))
            seen = []
            for size in SIZES:
                for message in "Köln € 1"[:size].ljust(size, "x"), os.urandom(size):
                    peer.send((TextMessage if isinstance(message, str) else BytesMessage)(data=message))
                    seen.append(await peer.next() == message)
            check(f"echoes, deflate {deflate}", seen, [True] * 2 * len(SIZES))
            peer.send(CloseConnection(code=4000, reason="bye"))
            check("its Close", await peer.next(), ("close", 4000, ""))
            check("its FIN", await peer.next(), ("f", b""))
            check("it waits for ours", order["notes"].done(), False)
            peer.stream.data(b"", True)
            check("clean", await asyncio.wait_for(order["notes"], PATIENCE), ["close 4000 bye", "clean"])

        order.clear()
        peer, _, _ = await ask(http)
        peer.send(TextMessage(data="/close 4001 enough"))
        check("the server closes", await peer.next(), ("close", 4001, "enough"))
        peer.send(CloseConnection(code=4001))
        peer.stream.data(b"", True)
        await end("its end", peer, [("f", b"")], ["close 4001 ", "clean"], order)

        order["close_millis"] = 300
        peer, _, _ = await ask(http)
        peer.send(TextMessage(data="/close 4002 now"))
        check("the server closes", await peer.next(), ("close", 4002, "now"))
        # The order of the two is that of the frames of a packet.
        check("no answer", {await peer.next(), await peer.next()}, {("r", CANCELLED), ("s", CANCELLED)})
        check("no answer: the server", (await asyncio.wait_for(order["notes"], PATIENCE))[-1].startswith("failed"), True)

        order.clear()
        peer, _, _ = await ask(http)
        peer.send(TextMessage(data="last"))
        peer.stream.data(b"", True)
        check("FIN without a Close", await peer.next(), "last")
        await end("its end", peer, [("f", b"")], ["failed: the transport ended without a closing handshake"], order)

        peer, _, _ = await ask(http)
        peer.stream.data(b"\x81\x02hi")  # without a mask
        check("a fault", await peer.next(), ("close", 1002, ""))
        peer.stream.data(b"", True)
        check("a fault: FIN", await peer.all(), [("f", b"")])
        await asyncio.wait_for(order["notes"], PATIENCE)

        text = Connection(ConnectionType.CLIENT).send(TextMessage(data="hello"))
        for at in range(len(text)):
            for code in CANCELLED, 0x102:
                peer, _, _ = await ask(http)
                peer.stream.data(text[:at])
                peer.stream.reset(code)
                notes = await asyncio.wait_for(order["notes"], PATIENCE)
                check(f"a reset with {code:#x} after {at} bytes", notes[0], f"reset: {code:#x}")

        for name, status, named in [
            ("another path", 404, {"path": "/nothing"}),
            ("another :protocol", 501, {"change": {":protocol": "connect-udp"}}),
            ("another :scheme", 400, {"change": {":scheme": "ftp"}}),
            ("no version", 400, {"change": {"sec-websocket-version": None}}),
            ("version 8", 400, {"change": {"sec-websocket-version": "8"}}),
            ("Origin of another site", 403, {"change": {"origin": "https://elsewhere"}}),
            ("Origin of the host", 200, {"port": 8443, "change": {"origin": "https://localhost:8443"}}),
            ("a key", 200, {"change": {"sec-websocket-key": "x"}}),
        ]:
            peer, seen, fields = await ask(http, **named)
            check(name, seen, status)
            if status == 200:
                peer.send(CloseConnection(code=1000))
            peer.stream.data(b"", True)
            letter = "d"
            while letter == "d":
                letter, _ = await asyncio.wait_for(peer.stream.queue.get(), PATIENCE)
            check(f"{name}: the response ends", letter, "f")
        order["resets"] = True
        _, seen, _ = await ask(http, change={"sec-websocket-version": None})
        check("malformed, by a reset", seen in [("r", MESSAGE_ERROR), ("s", MESSAGE_ERROR)], True)

        order.clear()
        peers = [(await ask(http))[0] for _ in range(8)]
        for at, peer in enumerate(peers):
            peer.send(TextMessage(data=str(at) * 100_000))
        echoes = await asyncio.gather(*[peer.next() for peer in peers])
        check("eight at once", echoes, [str(at) * 100_000 for at in range(8)])
        if BIG:
            data = bytes(16 << 20)
            peers[0].send(BytesMessage(data=data))
            check("16 MiB", await asyncio.wait_for(peers[0].next(), 120) == data, True)
    async with client(port) as http:
        # aioquic ends the whole connection, before the engine sees the request.
        await http.setting()
        check("no :path", (await ask(http, change={":path": None}))[1], ("r", MESSAGE_ERROR))
    server.close()


# ---- aioquic as server, the engine as client.


async def run(paths, serve, order, connect_setting=True):
    """What the engine's client notes with this server, and what the server has returned."""
    result = asyncio.get_running_loop().create_future()

    async def on_stream(stream):
        result.set_result(await serve(stream))

    server, port = await listen(paths, on_stream, connect_setting)
    async with client(port) as http:
        order = {"url": f"wss://localhost:{port}/echo", "setting": await http.setting(), **order}
        notes = await asyncio.wait_for(bridge.carry(http.open(), order), 4 * PATIENCE)
        seen = await asyncio.wait_for(result, PATIENCE) if serve else None
    server.close()
    return notes, seen


async def accept(stream, status=200, more=(), deflate=False):
    letter, fields = await stream.queue.get()
    extension = PerMessageDeflate()
    if deflate:
        offers = [value.decode() for name, value in fields if name == b"sec-websocket-extensions"]
        agreed = server_extensions_handshake(offers, [extension])
        more = [*more, (b"sec-websocket-extensions", agreed)]
    stream.head([(b":status", str(status).encode()), *more])
    return Peer(stream, ConnectionType.SERVER, [extension] if deflate else []), {n.decode(): v.decode() for n, v in fields}


async def echo(stream, deflate=False):
    """Echoes, answers the Close, ends its side; what comes after that."""
    peer, fields = await accept(stream, deflate=deflate)
    while True:
        message = await peer.next()
        if isinstance(message, tuple):
            break
        peer.send((TextMessage if isinstance(message, str) else BytesMessage)(data=message))
    if message[0] == "close":
        peer.send(CloseConnection(code=message[1]))
        await asyncio.sleep(0.1)
        check("the client waits for our FIN", stream.queue.empty(), True)
        stream.data(b"", True)
    return fields, message, await peer.all()


async def as_server(paths):
    notes, (fields, close, rest) = await run(paths, echo, {"texts": ["hello", "again"]})
    check("the request", [fields[name] for name in (":method", ":protocol", ":scheme", ":path", "sec-websocket-version")],
          ["CONNECT", "websocket", "https", "/echo", "13"])
    check("no fields of HTTP/1.1", {"host", "connection", "upgrade", "sec-websocket-key"} & set(fields), set())
    check("echoes", notes, ["status 200", "echo of 5 bytes", "echo of 5 bytes", "close 1000 ", "clean"])
    check("its Close", close, ("close", 1000, "done"))
    check("its FIN", rest, [("f", b"")])
    for deflate in False, True:
        notes, (fields, _, rest) = await run(
            paths, lambda stream: echo(stream, deflate), {"sizes": SIZES, "deflate": deflate})
        check(f"sizes, deflate {deflate}", (len(notes), notes[-1], rest), (len(SIZES) + 3, "clean", [("f", b"")]))
        check("the offer", DEFLATE in fields.get("sec-websocket-extensions", ""), deflate)
    if BIG:
        notes, seen = await run(paths, echo, {"sizes": [16 << 20]})
        check("16 MiB", (notes[-1], seen[2]), ("clean", [("f", b"")]))

    async def refuse(stream):
        await stream.queue.get()
        stream.head([(b":status", b"401"), (b"www-authenticate", b"Bearer")])
        stream.data(b"log in", True)
        return await Peer(stream, ConnectionType.SERVER).all()

    notes, seen = await run(paths, refuse, {"texts": ["hello"]})
    check("refused", (notes, seen), (["refused with status 401: log in"], [("f", b"")]))

    async def switch(stream):
        await accept(stream, 100)
        await accept_again(stream, 204)
        return await Peer(stream, ConnectionType.SERVER).all()

    async def accept_again(stream, status):
        stream.head([(b":status", str(status).encode())])
        peer = Peer(stream, ConnectionType.SERVER)
        check("its message", await peer.next(), "hello")
        peer.send(TextMessage(data="hello"))
        check("its Close", await peer.next(), ("close", 1000, "done"))
        peer.send(CloseConnection(code=1000))
        stream.data(b"", True)

    notes, seen = await run(paths, switch, {"texts": ["hello"]})
    check("100, then 204", (notes, seen), (["status 204", "echo of 5 bytes", "close 1000 ", "clean"], [("f", b"")]))

    async def close(stream):
        peer, _ = await accept(stream)
        await peer.next()
        # The last message, the Close and FIN in one.
        frames = peer.frames.send(TextMessage(data="hello")) + peer.frames.send(CloseConnection(code=4003, reason="over"))
        stream.data(frames, True)
        return await peer.all()

    notes, seen = await run(paths, close, {"texts": ["hello", "never"]})
    check("the server closes", notes, ["status 200", "echo of 5 bytes", "close 4003 over", "clean"])
    check("the server closes: the client's end", seen[-2:], [("close", 4003, ""), ("f", b"")])

    async def leave(stream):
        peer, _ = await accept(stream)
        stream.data(b"", True)
        return await peer.all()

    notes, seen = await run(paths, leave, {"texts": ["hello"]})
    check("FIN without a Close", (notes[-1], seen[-1]),
          ("failed: the transport ended without a closing handshake", ("f", b"")))

    async def reset(stream):
        await accept(stream)
        stream.reset(CANCELLED)

    notes, _ = await run(paths, reset, {"texts": ["hello"]})
    check("a reset", notes[1], f"reset: {CANCELLED:#x}")

    async def reset_at_once(stream):
        await stream.queue.get()
        stream.reset(CANCELLED)

    notes, _ = await run(paths, reset_at_once, {"texts": ["hello"]})
    check("a reset in place of an answer", (len(notes), notes[0]), (2, f"reset: {CANCELLED:#x}"))

    async def watch(stream):
        peer, _ = await accept(stream)
        peer.send(TextMessage(data=await peer.next()))
        return {await peer.next(), await peer.next()}

    notes, seen = await run(paths, watch, {"texts": ["hello"], "cancels": True})
    check("the client gives up", (notes[-1], seen), ("cancelled", {("r", CANCELLED), ("s", CANCELLED)}))

    notes, _ = await run(paths, None, {"texts": ["hello"]}, connect_setting=False)
    check("no setting", (len(notes), "CONNECT" in notes[0]), (1, True))


# ---- hypercorn as server.


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    if scope["path"] != "/echo":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept", "subprotocol": "echo"})
    while (event := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


async def with_hypercorn(paths):
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = Config()
    config.bind, config.quic_bind = ["127.0.0.1:0"], [f"127.0.0.1:{port}"]
    config.certfile, config.keyfile = paths
    config.accesslog = config.errorlog = None
    stop = asyncio.Event()
    server = asyncio.create_task(hypercorn(app, config, shutdown_trigger=stop.wait))
    await asyncio.sleep(1)
    for deflate in False, True:
        async with client(port) as http:
            order = {"url": f"wss://localhost:{port}/echo", "setting": await http.setting(), "texts": ["hello", "x" * 100_000],
                     "deflate": deflate}
            notes = await asyncio.wait_for(bridge.carry(http.open(), order), PATIENCE)
            check("hypercorn", notes, ["status 200", "echo of 5 bytes", "echo of 100000 bytes", "close 1000 done", "clean"])
            order["url"] = f"wss://localhost:{port}/nothing"
            notes = await asyncio.wait_for(bridge.carry(http.open(), order), PATIENCE)
            # It sends `connection: close`, which aioquic as our client's HTTP/3 takes for malformed.
            check("hypercorn refuses", notes[0], f"reset: {MESSAGE_ERROR:#x}")
    stop.set()
    await asyncio.wait({server}, timeout=5)


async def main():
    global bridge
    program = await asyncio.create_subprocess_exec(ENGINE, "127.0.0.1:0", stdout=asyncio.subprocess.PIPE)
    host, port = (await program.stdout.readline()).decode().strip().rsplit(":", 1)
    bridge = Bridge(host, int(port))
    paths = certificate(FOLDER)
    for part in as_client, as_server, with_hypercorn:
        try:
            await part(paths)
        except Exception as error:
            traceback.print_exc()
            check(f"{part.__name__} ends early", repr(error), "")
    program.kill()
    await program.wait()
    print(f"{passed} passed, {failed} failed")


asyncio.run(main())
