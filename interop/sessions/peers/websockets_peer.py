"""One end of scripted sessions, on `websockets`."""

import hashlib
import json
import socket
import sys
import threading

from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus, NegotiationError
from websockets.sync.client import connect
from websockets.sync.server import serve

PATIENCE = 20
COMMON = dict(max_size=64 << 20, ping_interval=None, close_timeout=PATIENCE, open_timeout=PATIENCE)


def payload(spec, kind):
    if kind == "text":
        return spec["unit"] * spec["times"] + spec["tail"]
    return bytes.fromhex(spec["unit"]) * spec["times"] + bytes.fromhex(spec["tail"])


def extensions(session, factory):
    wanted = session["compress"]
    if wanted is None:
        return None
    return [
        factory(
            server_no_context_takeover=not wanted["server_takeover"],
            client_no_context_takeover=not wanted["client_takeover"],
            server_max_window_bits=wanted["server_bits"],
            client_max_window_bits=wanted["client_bits"],
        )
    ]


def agreed(ws, is_client):
    if not ws.protocol.extensions:
        return None
    (deflate,) = ws.protocol.extensions
    local = (not deflate.local_no_context_takeover, deflate.local_max_window_bits)
    remote = (not deflate.remote_no_context_takeover, deflate.remote_max_window_bits)
    server, client = (remote, local) if is_client else (local, remote)
    return dict(
        server_takeover=server[0],
        client_takeover=client[0],
        server_bits=server[1],
        client_bits=client[1],
    )


def talk(ws, session, report):
    report["opened"] = True
    report["subprotocol"] = ws.subprotocol
    report["agreed"] = agreed(ws, session["role"] == "client")
    arrived = threading.Condition()
    gone = threading.Event()

    def receive():
        try:
            while True:
                message = ws.recv()
                kind = "text" if isinstance(message, str) else "binary"
                raw = message.encode() if kind == "text" else message
                with arrived:
                    report["messages"].append([kind, len(raw), hashlib.sha1(raw).hexdigest()])
                    arrived.notify()
        except ConnectionClosed:
            with arrived:
                gone.set()
                arrived.notify()

    receiver = threading.Thread(target=receive)
    receiver.start()
    pongs = []

    def ping(data):
        pongs.append((data, ws.ping(bytes.fromhex(data))))

    def parts(spec, kind):
        whole = payload(spec, kind)
        raw = whole.encode() if kind == "text" else whole
        bounds = [0, *spec["cuts"], len(raw)]
        for index, (start, end) in enumerate(zip(bounds, bounds[1:])):
            if index == 1 and spec["ping"] is not None:
                ping(spec["ping"])
            yield raw[start:end].decode() if kind == "text" else raw[start:end]

    try:
        for step in session["steps"]:
            ((kind, spec),) = step.items()
            if kind == "ping":
                ping(spec)
            elif spec["cuts"]:
                ws.send(parts(spec, kind))
            else:
                ws.send(payload(spec, kind))
    except ConnectionClosed:
        pass  # the report says how
    end = session["end"]
    if end is not None:
        with arrived:
            arrived.wait_for(
                lambda: gone.is_set() or len(report["messages"]) >= session["messages"], PATIENCE
            )
        for _, pong in pongs:
            pong.wait(0 if gone.is_set() else PATIENCE)
        if gone.is_set():
            pass
        elif "close" in end:
            ws.close(*end["close"])
        elif "fault" in end:
            ws.socket.sendall(bytes.fromhex(end["fault"]))
        else:
            ws.socket.sendall(bytes.fromhex(end["cut"]))
            ws.socket.shutdown(socket.SHUT_WR)
    receiver.join(PATIENCE)
    # A Pong also stands for the Pings before it.
    report["pongs"] = [data for data, pong in pongs if pong.is_set()]
    received, sent = ws.protocol.close_rcvd, ws.protocol.close_sent
    if end is None and sent is not None and received is None:
        report["fault"] = sent.code
    report["close"] = [received.code, received.reason] if received else [1006, ""]


def run(session, report):
    if session["role"] == "client":
        try:
            with connect(
                f"ws://127.0.0.1:{session['port']}/",
                subprotocols=session["offer"] or None,
                compression="deflate" if session["deflate"] else None,
                extensions=extensions(session, ClientPerMessageDeflateFactory),
                proxy=None,
                **COMMON,
            ) as ws:
                talk(ws, session, report)
        except InvalidStatus as error:
            report["status"] = error.response.status_code
        return
    done = threading.Event()
    choose = session["choose"]

    def select(_, offered):
        for name in choose or []:
            if name in offered:
                return name
        if choose is not None:
            report["status"] = 400
            done.set()
            raise NegotiationError("no common subprotocol")
        return None

    def handler(ws):
        try:
            talk(ws, session, report)
        except Exception as error:
            report["error"] = repr(error)
        finally:
            done.set()

    with serve(
        handler,
        "127.0.0.1",
        0,
        select_subprotocol=select,
        compression="deflate" if session["deflate"] else None,
        extensions=extensions(session, ServerPerMessageDeflateFactory),
        **COMMON,
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        print(json.dumps({"port": server.socket.getsockname()[1]}), flush=True)
        done.wait(PATIENCE)
        server.shutdown(close_connections=False)
        thread.join()


for line in sys.stdin:
    report = dict(opened=False, status=None, subprotocol=None, messages=[], pings=None, pongs=[],
                  close=None, fault=None, error=None)
    try:
        run(json.loads(line), report)
    except Exception as error:
        report["error"] = repr(error)
    print(json.dumps(report), flush=True)
