"""Request streams of HTTP/3 by aioquic, and the bridge that carries one to the program `engine-h3`."""
import asyncio
import datetime
import ipaddress
import json
import ssl

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection, Setting
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamReset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CANCELLED = 0x10C  # H3_REQUEST_CANCELLED
MESSAGE_ERROR = 0x10E  # H3_MESSAGE_ERROR
WINDOW = 1 << 20


class Stream:
    """One request stream. What comes is in `queue`: pairs of a letter as of `engine-h3` and what comes with it, and `s`
    for STOP_SENDING."""

    def __init__(self, protocol, number):
        self.protocol, self.number = protocol, number
        self.queue = asyncio.Queue()

    def head(self, fields, end=False):
        self.protocol.h3.send_headers(self.number, fields, end)
        self.protocol.transmit()

    def data(self, data, end=False):
        self.protocol.h3.send_data(self.number, data, end)
        self.protocol.transmit()

    def reset(self, code):
        self.protocol._quic.reset_stream(self.number, code)
        self.protocol.transmit()

    def stop(self, code):
        try:
            self.protocol._quic.stop_stream(self.number, code)
        except ValueError:
            return  # both sides have ended
        self.protocol.transmit()


class Http(QuicConnectionProtocol):
    """A connection of HTTP/3. `on_stream` is called with every stream that the peer opens."""

    connect_setting = True
    on_stream = None

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.h3 = None
        self.streams = {}
        self.tasks = set()

    def open(self):
        return self.stream(self._quic.get_next_available_stream_id())

    def stream(self, number):
        return self.streams.setdefault(number, Stream(self, number))

    async def setting(self):
        """The peer's SETTINGS_ENABLE_CONNECT_PROTOCOL, once its settings are there."""
        for _ in range(1000):
            if self.h3 and self.h3.received_settings is not None:
                return self.h3.received_settings.get(Setting.ENABLE_CONNECT_PROTOCOL, 0)
            await asyncio.sleep(0.01)
        raise TimeoutError("no settings")

    def quic_event_received(self, event):
        if self.h3 is None:
            self.h3 = (H3Connection if self.connect_setting else Silent)(self._quic)
        if isinstance(event, StreamReset):
            self.stream(event.stream_id).queue.put_nowait(("r", event.error_code))
        elif isinstance(event, StopSendingReceived):
            self.stream(event.stream_id).queue.put_nowait(("s", event.error_code))
        elif isinstance(event, ConnectionTerminated):
            for stream in self.streams.values():
                stream.queue.put_nowait(("r", event.error_code))
        for event in self.h3.handle_event(event):
            if not isinstance(event, (HeadersReceived, DataReceived)):
                continue
            is_new = event.stream_id not in self.streams
            stream = self.stream(event.stream_id)
            if isinstance(event, HeadersReceived):
                stream.queue.put_nowait(("h", event.headers))
            elif event.data:
                stream.queue.put_nowait(("d", event.data))
            if event.stream_ended:
                stream.queue.put_nowait(("f", b""))
            if is_new and self.on_stream:
                task = asyncio.create_task(self.on_stream(stream))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)


class Silent(H3Connection):
    """Does not announce Extended CONNECT."""

    def _get_local_settings(self):
        settings = super()._get_local_settings()
        del settings[Setting.ENABLE_CONNECT_PROTOCOL]
        return settings


class Bridge:
    """Carries streams to the engine."""

    def __init__(self, host, port):
        self.address = (host, port)
        self.notes = []  # of the last stream
        self.ended = asyncio.Event()

    async def carry(self, stream, order):
        """Until the engine has done with the stream. Returns its notes."""
        self.notes = notes = []
        reader, writer = await asyncio.open_connection(*self.address, limit=WINDOW)

        def send(letter, rest=b""):
            writer.write(letter.encode() + len(rest).to_bytes(4, "big") + rest)

        async def to_engine():
            while True:
                letter, what = await stream.queue.get()
                if letter == "h":
                    send("h", json.dumps([[n.decode("latin-1"), v.decode("latin-1")] for n, v in what]).encode())
                elif letter in "df":
                    send(letter, what)
                else:  # a stream that is stopped is as good as reset
                    send("r", what.to_bytes(8, "big"))
                await writer.drain()

        send("o", json.dumps(order).encode())
        relay = asyncio.create_task(to_engine())
        try:
            while True:
                head = await reader.readexactly(5)
                rest = await reader.readexactly(int.from_bytes(head[1:], "big"))
                letter = chr(head[0])
                if letter == "h":
                    stream.head([(n.encode("latin-1"), v.encode("latin-1")) for n, v in json.loads(rest)])
                elif letter == "d":
                    stream.data(rest)
                elif letter == "f":
                    stream.data(b"", True)
                elif letter == "r":
                    code = int.from_bytes(rest, "big")
                    stream.reset(code)
                    stream.stop(code)
                else:
                    notes.append(rest.decode())
        except asyncio.IncompleteReadError:
            return notes
        finally:
            relay.cancel()
            writer.close()


def certificate(folder):
    """Makes a certificate for localhost; the paths of it and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False).sign(key, hashes.SHA256())
    )
    paths = f"{folder}/h3-certificate.pem", f"{folder}/h3-key.pem"
    with open(paths[0], "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        file.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


async def listen(paths, on_stream, connect_setting=True):
    """A server of HTTP/3 at a port of the system's choice: it and its port."""

    def create(*arguments, **named):
        protocol = Http(*arguments, **named)
        protocol.on_stream, protocol.connect_setting = on_stream, connect_setting
        return protocol

    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN, max_stream_data=WINDOW, max_data=4 * WINDOW)
    configuration.load_cert_chain(*paths)
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=create)
    return server, server._transport.get_extra_info("sockname")[1]


def client(port):
    """A connection of HTTP/3, for `async with`."""
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, max_stream_data=WINDOW, max_data=4 * WINDOW)
    return connect("127.0.0.1", port, configuration=configuration, create_protocol=Http)
