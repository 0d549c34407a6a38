"""One end of scripted sessions, on `wsproto`."""

import hashlib
import json
import select
import socket
import sys
import time

from wsproto import ConnectionState, ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason

PATIENCE = 20


class Peer:
    def __init__(self, session, report, sock):
        self.session, self.report, self.sock = session, report, sock
        self.is_client = session["role"] == "client"
        side = ConnectionType.CLIENT if self.is_client else ConnectionType.SERVER
        self.ws = WSConnection(side)
        self.out = b""
        self.pings = 0
        self.parts = []
        self.over = False

    def run(self):
        session, report = self.session, self.report
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.is_client:
            request = Request(host="127.0.0.1", target="/", subprotocols=session["offer"])
            self.out += self.ws.send(request)
        started = time.monotonic()
        ended = session["end"] is None
        cut = False
        while True:
            if time.monotonic() - started > PATIENCE:
                raise TimeoutError("the session takes too long")
            has_all = len(report["messages"]) >= session["messages"] and len(
                report["pongs"]
            ) >= self.pings
            if report["opened"] and not ended and has_all:
                ended = True
                cut = self.end(session["end"])
            if self.over and not self.out:
                break
            if cut and not self.out:
                self.sock.shutdown(socket.SHUT_WR)
                cut = False
            readable, writable, _ = select.select(
                [self.sock], [self.sock] if self.out else [], [], 1
            )
            if writable:
                try:
                    self.out = self.out[self.sock.send(self.out) :]
                except (BrokenPipeError, ConnectionResetError):
                    self.out = b""  # what comes in tells how the other end left
            if readable:
                try:
                    data = self.sock.recv(session["read"])
                except ConnectionResetError:
                    data = b""
                if not data:
                    break
                self.receive(data)
        if report["opened"] and report["close"] is None:
            report["close"] = [1006, ""]
        self.sock.close()

    def receive(self, data):
        if self.ws.state in (ConnectionState.CLOSED, ConnectionState.REJECTING):
            return
        self.ws.receive_data(data)
        for event in self.ws.events():
            self.handle(event)

    def handle(self, event):
        report = self.report
        if isinstance(event, Request):
            chosen = next(
                (name for name in self.session["choose"] or [] if name in event.subprotocols), None
            )
            if self.session["choose"] is not None and chosen is None:
                self.out += self.ws.send(RejectConnection(status_code=400))
                report["status"] = 400
                self.over = True
            else:
                self.out += self.ws.send(AcceptConnection(subprotocol=chosen))
                self.open(chosen)
        elif isinstance(event, AcceptConnection):
            self.open(event.subprotocol)
        elif isinstance(event, RejectConnection):
            report["status"] = event.status_code
            self.over = True
        elif isinstance(event, (TextMessage, BytesMessage)):
            is_text = isinstance(event, TextMessage)
            self.parts.append(event.data.encode() if is_text else bytes(event.data))
            if event.message_finished:
                raw = b"".join(self.parts)
                self.parts = []
                kind = "text" if is_text else "binary"
                report["messages"].append([kind, len(raw), hashlib.sha1(raw).hexdigest()])
        elif isinstance(event, Ping):
            report["pings"].append(bytes(event.payload).hex())
            self.out += self.ws.send(event.response())
        elif isinstance(event, Pong):
            report["pongs"].append(bytes(event.payload).hex())
        elif isinstance(event, CloseConnection):
            if self.ws.state is ConnectionState.OPEN:
                # Not received: what to send, since the other end has broken the protocol.
                report["fault"] = int(event.code)
                self.out += self.ws.send(CloseConnection(code=event.code))
                self.over = True
                return
            report["close"] = [int(event.code), event.reason or ""]
            if self.ws.state is ConnectionState.REMOTE_CLOSING:
                self.out += self.ws.send(event.response())
            # A client leaves it to the server to close first.
            self.over = not self.is_client

    def open(self, subprotocol):
        self.report["opened"] = True
        self.report["subprotocol"] = subprotocol
        out = []
        for step in self.session["steps"]:
            ((kind, spec),) = step.items()
            if kind == "ping":
                out.append(self.ping(spec))
            else:
                out += self.message(kind, spec)
        self.out += b"".join(out)

    def ping(self, data):
        self.pings += 1
        return self.ws.send(Ping(payload=bytes.fromhex(data)))

    def message(self, kind, spec):
        if kind == "text":
            raw = (spec["unit"] * spec["times"] + spec["tail"]).encode()
        else:
            raw = bytes.fromhex(spec["unit"]) * spec["times"] + bytes.fromhex(spec["tail"])
        bounds = [0, *spec["cuts"], len(raw)]
        for index, (start, end) in enumerate(zip(bounds, bounds[1:])):
            part, last = raw[start:end], index + 2 == len(bounds)
            if kind == "text":
                yield self.ws.send(TextMessage(data=part.decode(), message_finished=last))
            else:
                yield self.ws.send(BytesMessage(data=part, message_finished=last))
            if index == 0 and spec["ping"] is not None:
                yield self.ping(spec["ping"])

    def end(self, end):
        if "cut" in end:
            self.out += bytes.fromhex(end["cut"])
            return True
        if "fault" in end:
            self.out += bytes.fromhex(end["fault"])
            return False
        code, reason = end["close"] or (CloseReason.NO_STATUS_RCVD, None)
        self.out += self.ws.send(CloseConnection(code=code, reason=reason))
        return False


def run(session, report):
    if session["role"] == "client":
        sock = socket.create_connection(("127.0.0.1", session["port"]))
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
            listener.settimeout(PATIENCE)
            sock, _ = listener.accept()
    with sock:
        Peer(session, report, sock).run()


for line in sys.stdin:
    report = dict(opened=False, status=None, subprotocol=None, messages=[], pings=[], pongs=[],
                  close=None, fault=None, error=None)
    try:
        run(json.loads(line), report)
    except Exception as error:
        report["error"] = repr(error)
    print(json.dumps(report), flush=True)
