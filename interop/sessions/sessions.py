"""Random sessions between our engine and other implementations, from a printed seed.

Both ends of a session are told what to send and when to end. They report what they saw, and each
report has to be exactly what the other end's script says.

A session, as a line of JSON:

    role      "server": listens, says {"port": N}, takes one connection. "client": connects to `port`
    offer     the client's subprotocols; `require`: ours refuses an answer without one
    choose    the server's subprotocols, its favourite first; it refuses (400) if none is offered.
              null: it takes any client and chooses none
    deflate   whether compression is offered (never by ours, so it must not be used)
    compress  null, or what to offer or accept of permessage-deflate: {"server_takeover": true,
              "client_takeover": true, "server_bits": 15, "client_bits": 15}
    read      bytes to read at a time
    steps     what to send: {"text": P}, {"binary": P}, {"ping": HEX}, where P is `unit` repeated
              `times` and `tail`, cut into frames at the byte offsets `cuts`, with the Ping `ping`
              behind its first frame; not compressed if `plain`
    messages  how many messages have to have come (and all Pongs) before the `end`
    end       {"close": [code, reason]}, {"close": null} for a Close without a code, {"cut": HEX}
              for these raw bytes and the end of the transport, {"fault": HEX} for these raw bytes,
              which the other end has to answer with a Close, null to leave the end to the other

With --compress both ends want compression. Every pair of windows of 9 to 15 bits comes up, each
with and without context takeover; what both ends say was agreed on has to be what follows from what
they wanted, our end sees on the wire whether each message is compressed, and the messages have to
be smaller there.
"""

import argparse
import hashlib
import json
import os
import random
import selectors
import subprocess
import sys
import time

PATIENCE = 30
TEXT = ["x", "\u00e9", "\u20ac", "\U0001f600", "K\u00f6ln \u20ac \U0001f600 ", "\0\u007f\uffff"]
SIZES = [0, 1, 2, 125, 126, 127, 4096, 65535, 65536, 65537]
NAMES = ["chat", "soap", "v1.x", "mqtt"]
CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999]
# Who cannot close without a code.
WITH_CODE = {"websockets"}
# Who does not look at the answer to the Close that says what was wrong.
HANGS_UP = set()
REASONS = ["", "bye", "\u20ac\U0001f600", "r" * 123, "\U0001f600" * 30]


# What breaks the protocol, as frames without a mask: first byte, payload; and the code for it.
FAULTS = [
    (1002, b"\x83x"),  # reserved opcodes
    (1002, b"\x8bx"),
    (1002, b"\xc1x"),  # reserved bits
    (1002, b"\xa2x"),
    (1002, b"\x99x"),
    (1002, b"\x09x"),  # control frames: in pieces, too long
    (1002, b"\x89" + bytes(126)),
    (1002, b"\x80x"),  # a continuation of nothing
    (1002, b"\x88\x03"),  # Close: half a code, codes that are not for the wire
    (1002, b"\x88\x03\xed"),
    (1002, b"\x88\x03\xee"),
    (1002, b"\x88\x03\xe7"),
    (1002, b"\x88\x13\x88"),
    (1007, b"\x81\xff"),  # not UTF-8
    (1007, b"\x81\xed\xa0\x80"),
    (1007, b"\x81\xc0\xaf"),
    (1007, b"\x81\xf4\x90\x80\x80"),
    (1007, b"\x81\xe2\x82"),
]


# The first ones are no faults where compression is agreed on.
COMPRESSED_FAULTS = [fault for fault in FAULTS if fault != (1002, b"\xc1x")] + [
    (1002, b"\xc9x"),  # a compressed Ping
    (1002, b"\xc0x"),
]
# `websockets` answers the first one with 1002.
INFLATE_FAULTS = [
    (1007, b"\xc1\x07"),  # a block of no type
    (1007, b"\xc1\xfa\x0f\x00"),  # not UTF-8 once it is inflated
]


def frame(raw, masked):
    first, payload = raw[:1], raw[1:]
    size = len(payload)
    bit = 0x80 if masked else 0
    length = bytes([bit | size]) if size < 126 else bytes([bit | 126, size >> 8, size & 255])
    # A key of zeros is a key.
    return first + length + (bytes(4) if masked else b"") + payload


class Peer:
    """A program that plays one end."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.process = None

    def tell(self, session):
        if self.process is None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
            self.buffer = b""
        self.process.stdin.write(json.dumps(session).encode() + b"\n")

    def hear(self, seconds):
        """The next line, or None if it takes too long."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.buffer:
                left = end - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return None
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                if not data:
                    return None
                self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def stop(self):
        """Ends the process that was started here, and no other."""
        if self.process is not None:
            self.process.stdin.close()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            self.process = None


def message(rng, sender, big):
    kind = rng.choice(["text", "binary"])
    if big:
        size = rng.randint(1 << 20, 5 << 20)
    else:
        size = rng.choice([*SIZES, *[rng.randint(0, 300)] * 8])
    if kind == "text":
        unit = rng.choice(TEXT)
        times = size // len(unit.encode())
        tail = "y" * (size - times * len(unit.encode()))
        raw = (unit * times + tail).encode()
    else:
        unit = rng.randbytes(rng.choice([1, 7, 256]))
        times, rest = divmod(size, len(unit))
        tail = unit[:rest].hex()
        raw = (unit * times + unit[:rest])
        unit = unit.hex()
    cuts = sorted(rng.randint(0, size) for _ in range(rng.choice([0, 0, 0, 1, 2, 5])))
    if kind == "text" and sender != "ws":
        # Only `ws` can be told to cut inside a character.
        while any(cut < size and raw[cut] & 0xC0 == 0x80 for cut in cuts):
            cuts = [cut - (cut < size and raw[cut] & 0xC0 == 0x80) for cut in cuts]
    spec = dict(unit=unit, times=times, tail=tail, cuts=cuts, ping=None)
    return kind, spec, [kind, len(raw), hashlib.sha1(raw).hexdigest()]


def vocabulary(rng):
    """What messages are made of that refer to each other over all distances."""
    words = [
        "".join(rng.choice("aeinorst\u00e9\u20ac\U0001f600") for _ in range(rng.randint(1, 9)))
        for _ in range(100)
    ]
    sizes = [20, 240, 260, 500, 2000, 5000, 17000, 33000]
    texts = [" ".join(rng.choice(words) for _ in range(size // 6)) for size in sizes]
    return dict(text=texts, binary=[rng.randbytes(size) for size in sizes])


def compressible(rng, sender, known):
    """A message of pieces that are known from others. Its raw bytes come last."""
    kind = rng.choice(["text", "binary"])
    unit, tail = rng.choice(known[kind]), rng.choice(known[kind])
    times = rng.choice([0, 1, 1, 1, 2, 3])
    if rng.random() < 0.2:
        tail = tail[: rng.randint(0, 3)]
    if kind == "text":
        raw = (unit * times + tail).encode()
    else:
        raw = unit * times + tail
        unit, tail = unit.hex(), tail.hex()
    cuts = sorted(rng.randint(0, len(raw)) for _ in range(rng.choice([0, 0, 0, 1, 2, 5])))
    if kind == "text" and sender != "ws":
        while any(cut < len(raw) and raw[cut] & 0xC0 == 0x80 for cut in cuts):
            cuts = [cut - (cut < len(raw) and raw[cut] & 0xC0 == 0x80) for cut in cuts]
    spec = dict(unit=unit, times=times, tail=tail, cuts=cuts, ping=None)
    # `websockets` compresses all.
    spec["plain"] = sender != "websockets" and rng.random() < 0.15
    return kind, spec, [kind, len(raw), hashlib.sha1(raw).hexdigest()]


def script(rng, sender, big, known=None):
    """Steps, and what the other end has to see of them."""
    steps, messages, pings = [], [], []

    def ping():
        # All different: `websockets` tells Pongs apart by their payload.
        data = rng.randbytes(rng.choice([4, 8, 125])) if pings else b""
        pings.append(data.hex())
        return data.hex()

    count = rng.randint(0, 6) if known is None else rng.randint(2, 8)
    for index in range(count + 1):
        if rng.random() < 0.3:
            steps.append({"ping": ping()})
        if known is None or (big and index == 0):
            kind, spec, seen = message(rng, sender, big and index == 0)
        else:
            kind, spec, seen = compressible(rng, sender, known)
        # What is last is a message, so that who has all messages has seen all Pings.
        if spec["cuts"] and rng.random() < 0.5:
            spec["ping"] = ping()
        steps.append({kind: spec})
        messages.append(seen)
    return steps, messages, pings


def closing(rng, closer, other, closer_is_client, compress):
    """How the closer ends, and what the other end has to report."""
    kind = rng.random()
    if kind < 0.2:
        mask = "80" if closer_is_client else "00"
        first, key = int(mask, 16), "01020304" if closer_is_client else ""
        # Half a header, half a frame, half a message.
        cut = rng.choice(["", "82", f"82{first | 5:02x}{key}00", f"02{first | 1:02x}{key}00"])
        return {"cut": cut}, [1006, ""]
    if kind < 0.35:
        faults = COMPRESSED_FAULTS if compress else FAULTS
        if compress and other != "websockets":
            faults = faults + INFLATE_FAULTS
        code, raw = rng.choice(faults)
        return {"fault": frame(raw, closer_is_client).hex()}, [code, ""]
    if kind < 0.45 and closer not in WITH_CODE:
        return {"close": None}, [1005, ""]
    codes = [
        code
        for code in CODES
        if not (code == 1010 and not closer_is_client)
        and not (code == 1014 and "wsproto" in (closer, other))
    ]
    close = [rng.choice(codes), rng.choice(REASONS)]
    return {"close": close}, close


def wishes(rng, agreed, server):
    """What the client offers and the server accepts, for that to be agreed on."""
    client, accepting = dict(agreed), dict(agreed)
    for field in agreed:
        loose = rng.choice([client, accepting, None])
        if loose is None or (loose is accepting and server == "ws" and field.endswith("bits")):
            continue  # `ws` declines what it does not want exactly
        loose[field] = True if field.endswith("takeover") else rng.randint(agreed[field], 15)
    return dict(client=client, server=accepting)


def combinations(seed):
    """All pairs of windows, for both kinds of takeover each, in random order."""
    found = [
        dict(server_takeover=s, client_takeover=c, server_bits=m, client_bits=n)
        for s in (True, False) for c in (True, False)
        for m in range(9, 16) for n in range(9, 16)
    ]
    random.Random(seed).shuffle(found)
    return found


def make(rng, ours_is_client, other, big, agreed=None):
    """Two sessions and what each end has to report, without its messages' order in time."""
    client, server = ("ours", other) if ours_is_client else (other, "ours")
    kind = rng.random() if agreed is None else 0
    wanted = dict(client=None, server=None) if agreed is None else wishes(rng, agreed, server)
    known = None if agreed is None else vocabulary(rng)
    offer = rng.sample(NAMES, rng.randint(0, 3)) if agreed is None else []
    require = rng.random() < 0.5
    choose = None if kind < 0.6 else rng.sample(NAMES, rng.randint(1, 3))
    chosen = next((name for name in choose or [] if name in offer), None)
    sides = {}
    for side, name in (("client", client), ("server", server)):
        is_big = big and side == rng.choice(["client", "server"])
        steps, messages, pings = script(rng, name, is_big, known)
        session = dict(
            role=side, port=None, offer=offer, require=require, choose=choose, deflate=False,
            read=rng.choice([64, 1000, 4096, 65536]), steps=steps, end=None,
            compress=wanted[side],
        )
        sides[side] = dict(name=name, session=session, sent=messages, pings=pings)
    # No compression is agreed on, whatever the other end would like.
    theirs = sides["client" if not ours_is_client else "server"]["session"]
    theirs["deflate"] = agreed is None and rng.random() < 0.5
    closer, waiter = rng.sample(["client", "server"], 2)
    end, seen = closing(
        rng, sides[closer]["name"], sides[waiter]["name"], closer == "client", agreed is not None
    )
    sides[closer]["session"]["end"] = end
    not_inflated = any(
        end.get("fault") == frame(raw, closer == "client").hex() for _, raw in INFLATE_FAULTS
    )
    for side, opposite in (("client", "server"), ("server", "client")):
        sides[side]["session"]["messages"] = len(sides[opposite]["sent"])
        report = dict(
            opened=True, status=None, subprotocol=chosen, error=None,
            messages=sides[opposite]["sent"],
            pings=sides[opposite]["pings"],
            pongs=sides[side]["pings"],
            close=seen if side == waiter else seen[:1],
            fault=None,
        )
        if agreed is not None:
            report["agreed"] = agreed
        if sides[side]["name"] == "ours":
            report["compressed"] = [
                0 if agreed is None else sum(compressed(sides[one]["session"]["steps"]))
                for one in (side, opposite)
            ]
            report["compressed"][1] += not_inflated and side == waiter
        if "fault" in end and side == waiter:
            # It has sent the Close that the other end has seen, and got none.
            report.update(close=[1006, ""], fault=seen[0])
            if not_inflated and sides[side]["name"] == "ours" and "ours" not in HANGS_UP:
                report.update(close=[1007, ""])  # the frames are right, and so a Close answers ours
        sides[side]["expected"] = report
    if choose is not None and chosen is None:
        for side in sides.values():
            side["expected"] = refused(400)
    elif chosen is None and offer and (client == "ws" or (client == "ours" and require)):
        # The client fails the handshake after the server has accepted.
        sides["client"]["expected"] = refused(0)
        expected = sides["server"]["expected"]
        expected.update(messages=[], pings=[], pongs=[], close=[1006, ""], fault=None)
        expected.pop("compressed", None)
    return sides


def compressed(steps, cut=False):
    """Whether each of the messages is to be compressed; only those in parts."""
    specs = [spec for step in steps for kind, spec in step.items() if kind != "ping"]
    return [not spec.get("plain") and not (cut and not spec["cuts"]) for spec in specs]


def uncompressed(side, role, report):
    """Whether our end has compressed too little or too much."""
    expected = side["expected"].get("compressed")
    if expected is None:
        return []
    agreed, seen = side["expected"].get("agreed"), report["compressed"]
    most, received = expected
    least = most
    if agreed is not None and not agreed[f"{role}_takeover"]:
        # What does not become smaller is sent as it is, but for parts.
        least = sum(compressed(side["session"]["steps"], cut=True))
    if received == seen[1] and least <= seen[0] <= most:
        return []
    return [f"compressed: {seen} instead of {expected}, {least} sent at least"]


def refused(status):
    return dict(opened=False, status=status, subprotocol=None, messages=[], pings=[], pongs=[],
                close=None, fault=None, error=None)


def differences(expected, report):
    """What is different, field by field."""
    found = []
    for field, value in expected.items():
        if field == "compressed":
            continue  # that is no equality
        seen = report.get(field)
        if seen is None and field == "pings":
            continue  # `websockets` does not tell
        if field == "close" and value is not None and seen is not None:
            # An answer to a Close need not have its reason.
            seen = seen[: len(value)]
        if seen != value:
            found.append(f"{field}: {shorten(seen)} instead of {shorten(value)}")
    return found


def shorten(value):
    text = json.dumps(value)
    return text if len(text) < 300 else text[:300] + "..."


def play(sides, peers, hides_frames):
    """Runs both ends; what went wrong, and how many bytes our messages took on the wire."""
    server, client = sides["server"], sides["client"]
    serving, connecting = peers[server["name"]], peers[client["name"]]
    serving.tell(server["session"])
    listening = serving.hear(PATIENCE)
    reports = {"server": None, "client": None}
    if listening is not None and "port" in listening:
        client["session"]["port"] = listening["port"]
        connecting.tell(client["session"])
        reports["client"] = connecting.hear(PATIENCE)
        reports["server"] = serving.hear(PATIENCE)
    wrong, wire = [], 0
    for name, report in reports.items():
        side = sides[name]
        if report is None:
            wrong.append(f"{name} ({side['name']}): no report")
            peers[side["name"]].stop()
        else:
            found = differences(side["expected"], report)
            if not hides_frames:
                found += uncompressed(side, name, report)
            wire += sum(report.get("wire", []))
            wrong += [f"{name} ({side['name']}): {difference}" for difference in found]
    return wrong, wire


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True, nargs="+", help="our program, its arguments")
    parser.add_argument("--adapter", action="store_true",
                        help="ours closes with a code only, hangs up after faults, and does not show its frames")
    parser.add_argument("--peer", action="append", nargs="+", default=[], help="NAME COMMAND...")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sessions", type=int, required=True, help="for each peer and role")
    parser.add_argument("--seconds", type=float, required=True, help="no new sessions after them")
    parser.add_argument("--compress", action="store_true")
    arguments = parser.parse_args()
    if arguments.adapter:
        WITH_CODE.add("ours")
        HANGS_UP.add("ours")
    together = combinations(arguments.seed) if arguments.compress else [None]
    peers = {"ours": Peer("ours", arguments.ours)}
    peers.update((name, Peer(name, command)) for name, *command in arguments.peer)
    started = time.monotonic()
    table, passed, failed = [], 0, 0
    pairs = [(name, is_client) for name in peers if name != "ours" for is_client in (True, False)]
    for turn, (other, ours_is_client) in enumerate(pairs):
        row = dict(passed=0, failed=0, messages=0, bytes=0, wire=0, pings=0, refused=0, eof=0, faults=0)
        began = time.monotonic()
        deadline = started + arguments.seconds * (turn + 1) / len(pairs)
        for index in range(arguments.sessions):
            if index > 0 and time.monotonic() > deadline:  # one at least, for each peer and role
                break
            label = f"{arguments.seed} {other} {ours_is_client} {index}"
            agreed = together[index % len(together)]
            big = index % 25 == 24
            sides = make(random.Random(label), ours_is_client, other, big, agreed)
            wrong, wire = play(sides, peers, arguments.adapter)
            row["wire"] += wire
            row["failed" if wrong else "passed"] += 1
            for side in sides.values():
                expected = side["expected"]
                row["messages"] += len(expected["messages"])
                row["bytes"] += sum(length for _, length, _ in expected["messages"])
                row["pings"] += len(expected["pings"])
            row["refused"] += not sides["client"]["expected"]["opened"]
            row["faults"] += any("fault" in (s["session"]["end"] or {}) for s in sides.values())
            row["eof"] += any("cut" in (s["session"]["end"] or {}) for s in sides.values())
            if wrong:
                print(f"FAILED {other}, ours as {'client' if ours_is_client else 'server'}, "
                      f"session {index}: " + "; ".join(wrong))
                for name in ("client", "server"):
                    print(f"  {name}: {shorten(sides[name]['session'])}")
        # A few sessions may happen to have little to compress.
        enough = row["passed"] + row["failed"] >= 20
        if arguments.compress and not arguments.adapter and enough and row["wire"] > 0.7 * row["bytes"]:
            row["failed"] += 1
            print(f"FAILED {other}: {row['bytes']} bytes of messages took {row['wire']}")
        passed += row["passed"]
        failed += row["failed"]
        ours = "client" if ours_is_client else "server"
        table.append(
            f"{other:<12} {ours:<8} {row['passed']:>6} {row['failed']:>6} {row['messages']:>9} "
            f"{row['bytes'] / 1e6:>8.1f} {row['wire'] / 1e6:>8.1f} {row['pings']:>6} {row['refused']:>8} {row['eof']:>6} {row['faults']:>7} "
            f"{time.monotonic() - began:>6.1f}"
        )
    for peer in peers.values():
        peer.stop()
    print(f"{'peer':<12} {'ours is':<8} {'passed':>6} {'failed':>6} {'messages':>9} {'MB':>8} {'on wire':>8} "
          f"{'pings':>6} {'refused':>8} {'cut':>6} {'faults':>7} {'s':>6}")
    print("\n".join(table))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
