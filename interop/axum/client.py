"""Python `websockets` with the example chat_axum: client.py PROGRAM FOLDER. The certificate goes into FOLDER."""

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

PROGRAM, FOLDER = sys.argv[1:]
PATIENCE = 20
SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20]
counts = {True: 0, False: 0}


def check(name, right, seen=None):
    counts[bool(right)] += 1
    if not right:
        print(f"FAILED {name}: {seen!r}")


def same(name, seen, expected):
    check(name, seen == expected, seen)


class Server:
    def __init__(self):
        self.certificate = os.path.join(FOLDER, "certificate.pem")
        command = [PROGRAM, "127.0.0.1:0", "--certificate", self.certificate]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.plain = self.process.stdout.readline().strip()
        self.secure = self.process.stdout.readline().strip()
        self.log = []
        threading.Thread(target=self.read, daemon=True).start()
        self.tls = ssl.create_default_context(cafile=self.certificate)

    def read(self):
        for line in self.process.stdout:
            self.log.append(line)

    async def logged(self, text):
        for _ in range(PATIENCE * 20):
            if any(text in line for line in self.log):
                return True
            await asyncio.sleep(0.05)
        return False


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Site:
    """The server by one of its URLs."""

    def __init__(self, server, url):
        self.server, self.url = server, url
        self.tls = server.tls if url.startswith("https") else None
        handlers = [NoRedirect()] + ([urllib.request.HTTPSHandler(context=self.tls)] if self.tls else [])
        self.opener = urllib.request.build_opener(*handlers)

    def ask(self, path, form=None, cookie=None, method=None):
        data = None if form is None else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        if cookie:
            request.add_header("Cookie", cookie)
        try:
            response = self.opener.open(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            response = error
        return response.status, response.headers, response.read().decode()

    async def log_in(self, name):
        """The cookie."""
        status, headers, _ = await asyncio.to_thread(self.ask, "login", {"name": name})
        same(f"{name} logs in", (status, headers["Location"]), (303, "/"))
        cookie, *attributes = headers["Set-Cookie"].split("; ")
        expected = ["Path=/", "HttpOnly", "SameSite=Strict"] + (["Secure"] if self.tls else [])
        same("attributes of the cookie", attributes, expected)
        return cookie

    def join(self, room, cookie, **options):
        headers = {"Cookie": cookie} if cookie else {}
        url = self.url.replace("http", "ws", 1) + "rooms/" + room
        options.setdefault("subprotocols", ["chat.v2", "chat.v1"])
        return connect(url, additional_headers=headers, ssl=self.tls, proxy=None, max_size=None, **options)


async def said(socket):
    """The next text that somebody says, and who."""
    while True:
        note = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        if note["kind"] == "say":
            return note["from"], note["text"]


async def met(socket, members):
    """Until these are in the room: a connection is open before it is in it."""
    while json.loads(await asyncio.wait_for(socket.recv(), PATIENCE)).get("members") != members:
        pass


async def refused(connecting):
    try:
        async with connecting:
            return None
    except InvalidStatus as error:
        response = error.response
        return response.status_code, response.headers.get("Content-Type"), response.body.decode()


async def closed(socket):
    """Code and reason of the server's Close."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    except ConnectionClosed as error:
        return error.rcvd and (error.rcvd.code, error.rcvd.reason)


async def refusals(site, cookie):
    status, _, body = await refused(site.join("r", None)) or (None,) * 3
    same("without a cookie", status, 401)
    status, _, _ = await refused(site.join("r", "session=wrong")) or (None,) * 3
    same("with a wrong cookie", status, 401)
    status, kind, body = await refused(site.join("r", cookie, origin="https://evil.example")) or (None,) * 3
    same("a page of another site", (status, kind), (403, "text/plain; charset=utf-8"))
    check("its words", "pages of other hosts need a list of allowed origins" in body, body)
    check("it is in the log", await site.server.logged('(Origin "https://evil.example"'), site.server.log)
    status, headers, body = await asyncio.to_thread(site.ask, "rooms/r", cookie=cookie)
    same("a plain GET", (status, headers["Upgrade"], headers["Sec-WebSocket-Version"]), (426, "websocket", "13"))
    check("its words", "This is a WebSocket server" in body, body)
    status, headers, _ = await asyncio.to_thread(site.ask, "rooms/r", {"a": "b"}, cookie)
    same("a POST", (status, headers["Allow"]), (405, "GET"))
    for name, expected in [("", 400), ("a\nb", 400), ("x" * 41, 400), ("ann", 409)]:
        status, _, _ = await asyncio.to_thread(site.ask, "login", {"name": name})
        same(f"a login with {name!r}", status, expected)
    status, _, _ = await asyncio.to_thread(site.ask, "nothing")
    same("another path", status, 404)


async def messages(site, ann, bob):
    for compression in ["deflate", None]:
        origin = site.url.rstrip("/")
        async with site.join("m", ann, compression=compression, origin=origin) as one, \
                site.join("m", bob, compression=compression) as two:
            await asyncio.gather(met(one, ["ann", "bob"]), met(two, ["ann", "bob"]))
            same("subprotocol", one.subprotocol, "chat.v1")
            extensions = [extension.name for extension in one.protocol.extensions]
            same("extensions", extensions, ["permessage-deflate"] if compression else [])
            for size in SIZES:
                text = ("K\u00f6ln \u20ac " * (size // 10 + 1)).encode()[:size].decode(errors="ignore")
                await one.send(text)
                heard = await asyncio.gather(said(one), said(two))
                same(f"a text of {size} bytes, {compression}", heard, [("ann", text)] * 2)
            await two.send(["in ", "three ", "parts"])
            heard = await asyncio.gather(said(one), said(two))
            same("fragments", heard, [("bob", "in three parts")] * 2)
            for number in range(50): # fewer than may wait for a slow reader
                await one.send(str(number))
            heard = [[await said(socket) for _ in range(50)] for socket in [one, two]]
            same("a burst", heard, [[("ann", str(number)) for number in range(50)]] * 2)
            pong = await one.ping(b"are you there")
            check("a Ping", await asyncio.wait_for(pong, PATIENCE) >= 0)
    async with site.join("m", ann, subprotocols=["soap"]) as one:
        same("no subprotocol in common", one.subprotocol, None)


async def endings(site, ann, bob):
    for code in [1000, 3000, 4999]:
        async with site.join("e", ann) as socket:
            await socket.close(code, "bye")
            same(f"closed by {code}", (socket.close_code, socket.protocol.close_rcvd.code), (code, code))
    async with site.join("e", ann) as socket:
        await socket.send("x" * ((1 << 20) + 1))
        same("a text that is too long", (await closed(socket))[0], 1009)
    async with site.join("e", ann) as socket:
        await socket.send(b"binary")
        same("a binary message", await closed(socket), (1003, "texts only"))
    async with site.join("e", bob) as watching, site.join("e", ann) as socket:
        await met(watching, ["bob", "ann"])
        socket.transport.abort()
        note = json.loads(await asyncio.wait_for(watching.recv(), PATIENCE))
        same("a connection that is lost", (note["text"], note["members"]), ("ann has left", ["bob"]))
    cookie = await site.log_in("eve")
    async with site.join("e", cookie) as one, site.join("f", cookie) as two:
        status, _, _ = await asyncio.to_thread(site.ask, "logout", {}, cookie)
        same("log out", status, 303)
        same("that ends its connections", await asyncio.gather(closed(one), closed(two)), [(3000, "logged out")] * 2)
    same("and its session", (await refused(site.join("e", cookie)) or [None])[0], 401)


async def going_away(server, sites, cookies):
    """All get 1001; one does not answer, and is left."""
    sockets = [await site.join("g", cookie) for site, cookie in zip(sites, cookies) for _ in range(3)]
    silent = await sites[0].join("g", cookies[0])
    await met(sockets[0], ["ann"] * 3 + ["tls ann"] * 3 + ["ann"])
    silent.transport.pause_reading()
    began = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    ends = await asyncio.gather(*map(closed, sockets))
    same("the server goes away", ends, [(1001, "the server goes away")] * 6)
    status = await asyncio.to_thread(server.process.wait, PATIENCE)
    took = time.monotonic() - began
    same("it ends", status, 0)
    check("after a bounded time", 4 < took < 15, took)
    check("it reports who is left", await server.logged("did not answer"), server.log)
    silent.transport.abort()


async def main():
    server = Server()
    try:
        sites = [Site(server, server.plain), Site(server, server.secure)]
        first = []
        for prefix, site in zip(["", "tls "], sites):
            names = [prefix + "ann", prefix + "bob"] if not prefix else ["tls ann", "tls bob"]
            cookies = [await site.log_in(name) for name in names]
            first.append(cookies[0])
            if not prefix:
                await refusals(site, cookies[0])
                await messages(site, *cookies)
                await endings(site, *cookies)
            else:
                async with site.join("t", cookies[0]) as socket:
                    await socket.send("over TLS")
                    same("over TLS", await said(socket), ("tls ann", "over TLS"))
                status, _, _ = await refused(site.join("t", cookies[0], origin="https://localhost")) or (None,) * 3
                same("a page of another port", status, 403)
        await going_away(server, sites, first)
    finally:
        server.process.kill()
    print(f"{counts[True]} passed, {counts[False]} failed")
    sys.exit(counts[False] > 0)


asyncio.run(main())
