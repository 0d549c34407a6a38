# A raw client of HTTP/2, by the Python package h2: odd and wrong requests, and resets at every step.
# `python raw.py PORT (h2 | --hyper)` of a server without TLS, of the adapter's example h2. Prints what fails, and the counts.
import socket
import struct
import sys
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

PORT, BY = int(sys.argv[1]), sys.argv[2]
passed = failed = 0
BASE = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":authority", "localhost"),
    (":path", "/echo"),
    ("sec-websocket-version", "13"),
]


def check(name, right, seen):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}: {seen!r}")


def frame(first, payload=b""):
    """A frame of a client's, with a mask of zeros."""
    n = len(payload)
    if n < 126:
        head = struct.pack("!BB", first, 0x80 | n)
    elif n < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, n)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, n)
    return head + bytes(4) + payload


class Client:
    def __init__(self, window=65535):
        config = h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8",
            validate_outbound_headers=False, normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.socket = socket.create_connection(("127.0.0.1", PORT), timeout=5)
        self.status, self.data, self.ended, self.reset = {}, {}, set(), {}
        self.goaway = None
        self.setting = None
        self.auto = True
        self.flush()
        self.until(lambda: self.setting is not None)

    def flush(self):
        out = self.h2.data_to_send()
        if out:
            try:
                self.socket.sendall(out)
            except OSError:
                pass

    def pump(self, timeout=5):
        """Reads once; whether there was something."""
        self.flush()
        self.socket.settimeout(timeout)
        try:
            got = self.socket.recv(65536)
        except (TimeoutError, OSError):
            return False
        if not got:
            return False
        for event in self.h2.receive_data(got):
            stream = getattr(event, "stream_id", None)
            if isinstance(event, h2.events.RemoteSettingsChanged):
                changed = event.changed_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL)
                self.setting = changed.new_value if changed else 0
            elif isinstance(event, h2.events.ResponseReceived):
                self.status[stream] = int(dict(event.headers)[":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.data.setdefault(stream, bytearray()).extend(event.data)
                if self.auto and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(stream)
            elif isinstance(event, h2.events.StreamReset):
                self.reset[stream] = event.error_code
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.goaway = event.error_code
        self.flush()
        return True

    def until(self, condition, seconds=5):
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or not self.pump(left):
                return condition()
        return True

    def ask(self, fields=BASE, end=False):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        self.until(lambda: stream in self.status or stream in self.reset or self.goaway is not None)
        return stream

    def send(self, stream, data, end=False):
        data, at = memoryview(data), 0
        while at < len(data):
            window = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if window == 0:
                if not self.pump():
                    return False
                continue
            self.h2.send_data(stream, bytes(data[at:at + window]))
            at += window
            self.flush()
        if end:
            self.h2.end_stream(stream)
        self.flush()
        return True

    def echoes(self, stream, payload=b"hi", first=0x81):
        before = len(self.data.get(stream, b""))
        self.send(stream, frame(first, payload))
        n = len(payload)
        head = 2 if n < 126 else 4 if n < 65536 else 10
        self.until(lambda: len(self.data.get(stream, b"")) >= before + head + n, 60)
        return self.data.get(stream, b"")[before + head:] == payload

    def alive(self):
        """Whether another stream of the same connection works."""
        try:
            stream = self.ask()
            return self.status.get(stream) == 200 and self.echoes(stream)
        except Exception as error:
            return False


def without(*names):
    return [(name, value) for name, value in BASE if name not in names]


def replaced(name, value):
    return [(n, value if n == name else v) for n, v in BASE]


client = Client()
check("the setting", client.setting == 1, client.setting)

# Requests. The answer is one of these statuses, or a reset of the stream; the connection goes on.
REQUESTS = [
    ("as it should be", BASE, [200]),
    (":protocol in capitals", replaced(":protocol", "WebSocket"), [200]),
    ("another :protocol", replaced(":protocol", "connect-udp"), [501]),
    ("https", replaced(":scheme", "https"), [200]),
    ("another :scheme", replaced(":scheme", "ftp"), [400]),
    ("no :scheme", without(":scheme"), [400]),
    ("no :path", without(":path"), [400]),
    ("no :authority", without(":authority"), [400]),
    ("an empty :path", replaced(":path", ""), [400]),
    ("another path", replaced(":path", "/nothing"), [404]),
    ("a query", replaced(":path", "/echo?a=b"), [200]),
    ("GET with :protocol", replaced(":method", "GET"), [400, 405]),
    ("no version", without("sec-websocket-version"), [400]),
    ("version 8", replaced("sec-websocket-version", "8"), [400, 426]),
    ("two versions", BASE + [("sec-websocket-version", "13")], [400]),
    ("a key", BASE + [("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")], [200]),
    ("a wrong key", BASE + [("sec-websocket-key", "x")], [200]),
    ("Host, the same", BASE + [("host", "localhost")], [200]),
    ("Host, another", BASE + [("host", "elsewhere")], [400]),
    ("Origin of the host", BASE + [("origin", "http://localhost")], [200]),
    ("Origin of another site", BASE + [("origin", "http://elsewhere")], [403]),
    ("Origin of another port", BASE + [("origin", "http://localhost:81")], [403]),
    ("Origin null", BASE + [("origin", "null")], [403]),
    ("Origin twice", BASE + 2 * [("origin", "http://localhost")], [400]),
    ("Connection", BASE + [("connection", "upgrade")], [400]),
    ("Upgrade", BASE + [("upgrade", "websocket")], [400]),
    ("Keep-Alive", BASE + [("keep-alive", "timeout=5")], [400]),
    ("Proxy-Connection", BASE + [("proxy-connection", "keep-alive")], [400]),
    ("Transfer-Encoding", BASE + [("transfer-encoding", "chunked")], [400]),
    ("TE: gzip", BASE + [("te", "gzip")], [400]),
    ("TE: trailers", BASE + [("te", "trailers")], [200]),
    ("Content-Length", BASE + [("content-length", "5")], [400]),
    ("an empty :authority", replaced(":authority", ""), [400]),
    (":authority with a user", replaced(":authority", "me@localhost"), [400]),
    (":authority twice", BASE[:4] + [(":authority", "localhost")] + BASE[4:], [400]),
    (":scheme twice", BASE[:3] + [(":scheme", "http")] + BASE[3:], [400]),
    (":method twice", BASE[:1] + BASE, [400]),
    (":status", BASE[:5] + [(":status", "200")] + BASE[5:], [400]),
    (":path without a slash", replaced(":path", "echo"), [400]),
    (":path of an asterisk", replaced(":path", "*"), [400]),
    ("an empty :protocol", replaced(":protocol", ""), [400]),
    ("two cookies", BASE + [("cookie", "a=b"), ("cookie", "c=d")], [200]),
    (":protocol twice", BASE[:2] + [(":protocol", "websocket")] + BASE[2:], [400]),
    (":path twice", BASE[:5] + [(":path", "/echo")] + BASE[5:], [400]),
    ("an unknown pseudo-header field", BASE[:5] + [(":other", "x")] + BASE[5:], [400]),
    ("a pseudo-header field after the others", without(":path") + [(":path", "/echo")], [400]),
    ("a name in capitals", BASE + [("X-Name", "x")], [400]),
    ("a subprotocol that is not known", BASE + [("sec-websocket-protocol", "x")], [200]),
    ("CONNECT without :protocol", [(":method", "CONNECT"), (":authority", "localhost")], [200, 400, 405]),
    ("a page", [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")], [200]),
]
# The crate h2 answers these by the end of the connection, before a request is passed on.
GOAWAY = ["an unknown pseudo-header field", "a name in capitals"]
# hyper answers this by the end of the connection.
ENDS = ["Content-Length"] if BY == "--hyper" else []
for name, fields, wanted in REQUESTS:
    client = Client()
    stream = client.ask(fields)
    if name in ENDS:
        check(f"{name}: the connection ends", not client.status and not client.alive(), client.status)
        continue
    if name in GOAWAY:
        check(name, client.goaway == h2.errors.ErrorCodes.PROTOCOL_ERROR, client.goaway)
        continue
    status = client.status.get(stream)
    refused_by_reset = client.reset.get(stream) == 1 and 400 in wanted
    check(name, status in wanted or refused_by_reset, (status, client.reset, client.goaway))
    check(f"{name}: the connection goes on", client.alive(), (client.goaway, client.reset))
    if status is not None and status >= 400:
        check(f"{name}: the response ends", client.until(lambda: stream in client.ended, 2), status)

# END_STREAM with the request: accepted, and ended without a Close.
client = Client()
stream = client.ask(end=True)
check("END_STREAM at once", client.until(lambda: stream in client.ended or stream in client.reset), client.status)

# Resets at every step. The server goes on.
CLOSE = frame(0x88, b"\x03\xe8")
STEPS = [[], [frame(0x81, b"hi")[:3]], [frame(0x81, b"hi")], [frame(0x01, b"hi")], [frame(0x82, bytes(70000))[:50]],
         [frame(0x89, b"p")], [CLOSE]]
for number, step in enumerate(STEPS):
    for code in (0, 2, 8):
        client = Client()
        stream = client.ask()
        for data in step:
            client.send(stream, data)
        client.h2.reset_stream(stream, code)
        client.flush()
        check(f"a reset with {code} at step {number}", client.alive(), client.goaway)

# A reset together with the request, before anybody looks at that; and beside a socket that is open.
PAGE = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")]
for name, fields in ("a page", PAGE), ("a WebSocket", BASE), ("a refusal", replaced(":path", "/nothing")):
    client = Client()
    open_one = client.ask()
    for number in range(10):
        stream = client.h2.get_next_available_stream_id()
        client.h2.send_headers(stream, fields, end_stream=fields is PAGE)
        client.h2.reset_stream(stream, 8)
        if number % 2:
            client.flush()
    check(f"{name}, reset at once: the connection goes on", client.alive(), client.goaway)
    check(f"{name}, reset at once: the open socket goes on", client.echoes(open_one), client.goaway)

# Frames before the answer.
client = Client()
stream = client.h2.get_next_available_stream_id()
client.h2.send_headers(stream, BASE)
client.send(stream, frame(0x81, b"early") + CLOSE, end=True)
check("frames before the answer", client.until(lambda: stream in client.ended), client.data)
check("they are answered", client.data.get(stream) == b"\x81\x05early\x88\x02\x03\xe8", client.data)

# The end in order: Close both ways, END_STREAM of the server, then ours, and no reset.
client = Client()
stream = client.ask()
check("echo", client.echoes(stream), client.data)
client.send(stream, CLOSE)
check("END_STREAM of the server", client.until(lambda: stream in client.ended), client.data)
check("the Close", client.data[stream].endswith(b"\x88\x02\x03\xe8"), client.data)
time.sleep(0.05)
client.send(stream, b"", end=True)
check("no reset", not client.until(lambda: stream in client.reset, 0.2), client.reset)
check("the connection goes on", client.alive(), client.goaway)

# END_STREAM without a Close: the server ends too.
client = Client()
stream = client.ask()
client.send(stream, frame(0x81, b"hi"), end=True)
check("END_STREAM without a Close", client.until(lambda: stream in client.ended or stream in client.reset), client.data)

# A fault of the frames: a Close with 1002, then the end.
client = Client()
stream = client.ask()
client.send(stream, b"\x81\x02hi")
check("no mask", client.until(lambda: stream in client.ended), client.data)
check("1002", client.data[stream][2:4] == b"\x03\xea", client.data)

# DATA of one byte each, empty DATA, and padding.
client = Client()
stream = client.ask()
for byte in frame(0x81, b"byte by byte"):
    client.h2.send_data(stream, b"")
    client.h2.send_data(stream, bytes([byte]), pad_length=3)
    client.flush()
check("byte by byte", client.until(lambda: client.data.get(stream, b"").endswith(b"byte by byte")), client.data)

# More padding than a window has: it is given back too.
client = Client()
stream = client.ask()
for number in range(600):
    while client.h2.local_flow_control_window(stream) < 512 and client.pump():
        pass
    client.h2.send_data(stream, frame(0x81, b"x"), pad_length=255)
    client.flush()
check("padding", client.until(lambda: len(client.data.get(stream, b"")) == 600 * 3), len(client.data.get(stream, b"")))

# A window that is taken away, and given again.
client = Client()
stream = client.ask()
client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
client.flush()
client.auto = False
client.send(stream, frame(0x82, bytes(100_000)))
check("held up", not client.until(lambda: stream in client.data, 0.3), client.data)
client.auto = True
client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
client.h2.increment_flow_control_window(1 << 20)
check("goes on", client.until(lambda: len(client.data.get(stream, b"")) == 100_010), len(client.data.get(stream, b"")))

# A window of more than 2^31 - 1 is an error of the stream (RFC 9113 6.9.1).
client = Client()
stream = client.ask()
client.socket.sendall(struct.pack("!BHBBII", 0, 4, 8, 0, stream, 0x7fffffff))
check("too large a window", client.until(lambda: stream in client.reset), client.reset)
check("too large a window: the connection goes on", client.alive(), client.goaway)

# Windows.
client = Client(window=1)
stream = client.ask()
check("a window of one byte", client.echoes(stream, b"x" * 300), client.data)
client = Client()
stream = client.ask()
check("1 MiB", client.echoes(stream, bytes(1 << 20), 0x82), len(client.data.get(stream, b"")))
client = Client()
stream = client.ask()
check("16 MiB both ways", client.echoes(stream, bytes(16 << 20), 0x82), len(client.data.get(stream, b"")))

# A burst of small messages. hyper has no setting for what they may cost: see README.md.
if BY == "h2":
    client = Client(window=1 << 20)
    client.h2.increment_flow_control_window(1 << 20)
    stream = client.ask()
    small = frame(0x81, b"0123456789")
    for number in range(20_000):
        while client.h2.local_flow_control_window(stream) < len(small) and client.pump():
            pass
        client.h2.send_data(stream, small)
        if number % 500 == 0:
            client.flush()
    client.flush()
    client.until(lambda: len(client.data.get(stream, b"")) >= 20_000 * 12, 60)
    check("20,000 small messages", len(client.data.get(stream, b"")) == 20_000 * 12, (client.goaway, client.reset))

# A client that does not read: the other stream of the connection goes on.
client = Client(window=1000)
stopped = client.ask()
client.auto = False
client.send(stopped, frame(0x82, bytes(5000)))
client.until(lambda: len(client.data.get(stopped, b"")) >= 1000)
check("no more than the window", not client.until(lambda: len(client.data[stopped]) > 1000, 0.2), len(client.data[stopped]))
client.auto = True
check("another stream beside it", client.alive(), client.goaway)

# A client that sends and does not read: the server stops reading too, and nothing is lost.
client = Client(window=1000)
stream = client.ask()
client.auto = False
message, held = frame(0x82, bytes(60000)), 0
while held < 64 << 20:
    window = min(client.h2.local_flow_control_window(stream), client.h2.max_outbound_frame_size)
    if window == 0 and not client.pump(1):
        break
    at = held % len(message)
    part = message[at:at + window]
    if part:
        client.h2.send_data(stream, part)
        client.flush()
        held += len(part)
check("held up", held < 8 << 20, held)
client.auto = True
client.h2.increment_flow_control_window(64 << 20)
client.h2.increment_flow_control_window(64 << 20, stream)
whole = held // len(message)
client.until(lambda: len(client.data[stream]) >= whole * 60004, 60)
check("all of it comes", len(client.data[stream]) == whole * 60004, (len(client.data[stream]), whole * 60004))

print(f"{passed} passed, {failed} failed")
