//! Frames that must not be.

use std::time::Duration;

use super::Expected::{Bears, Fails};
use super::Script::{Compressing, Open};
use super::{Misbehaviour, bomb};
use crate::peer::{Item, Peer};
use crate::wire::{
    self, BINARY, CLOSE, CONTINUATION, FIN, PEER_KEY, PING, TEXT, close_body, frame, header,
};

const FRAMING: Fails_ = Fails_(&[1002]);
const TOO_BIG: Fails_ = Fails_(&[1009]);
const NOT_TEXT: Fails_ = Fails_(&[1007]);

/// A fault with the codes that name it.
struct Fails_(&'static [u16]);

impl Fails_ {
    const fn with(
        self,
        name: &'static str,
        what: &'static str,
        source: &'static str,
        script: fn(Peer) -> Peer,
    ) -> Misbehaviour {
        Misbehaviour::new(name, what, source, Fails(self.0), Open(script))
    }

    const fn compressed(
        self,
        name: &'static str,
        what: &'static str,
        source: &'static str,
        script: fn(Peer) -> Peer,
    ) -> Misbehaviour {
        Misbehaviour::new(name, what, source, Fails(self.0), Compressing(script))
    }
}

/// Sends a frame, and reads on.
fn one(peer: Peer, first: u8, payload: &[u8]) -> Peer {
    peer.send_frame(first, payload).drain()
}

/// Sends the header of a frame with these bytes in place of the length, and reads on.
fn length(peer: Peer, first: u8, code: u8, extended: &[u8], payload: &[u8]) -> Peer {
    let to = peer.side().peer();
    let mut bytes = header(to, first, 0);
    bytes[1] |= code;
    bytes.splice(2..2, extended.iter().copied());
    let key = if bytes[1] & 0x80 == 0 {
        [0; 4]
    } else {
        PEER_KEY
    };
    bytes.extend(wire::masked(payload, key));
    peer.send_raw(bytes).drain()
}

fn endless(peer: Peer, start: &[u8], again: &[u8]) -> Peer {
    peer.send_raw(start)
        .repeat(again, u64::MAX, Duration::ZERO)
        .drain()
}

/// Whether the connection still works, then an end in order.
pub(super) fn goes_on(peer: Peer) -> Peer {
    peer.send_ping(b"still there?")
        .until("a Pong, or a Close", |item| {
            matches!(item, Item::Close(..)) || *item == Item::Pong(b"still there?".to_vec())
        })
        .send_close(1000, "")
        .drain()
}

pub(super) fn all() -> Vec<Misbehaviour> {
    [faults(), texts(), sizes(), compressed(), allowed()].concat()
}

fn faults() -> Vec<Misbehaviour> {
    vec![
        FRAMING.with(
            "reserved-opcode",
            "sends a data frame of the opcode 3",
            "RFC 6455 5.2",
            |peer| one(peer, FIN | 0x3, b"?"),
        ),
        FRAMING.with(
            "reserved-control-opcode",
            "sends a control frame of the opcode 11",
            "RFC 6455 5.2",
            |peer| one(peer, FIN | 0xb, b"?"),
        ),
        FRAMING.with(
            "rsv1",
            "sets RSV1 without an extension",
            "RFC 6455 5.2",
            |peer| one(peer, FIN | 0x40 | TEXT, b"?"),
        ),
        FRAMING.with("rsv2", "sets RSV2", "RFC 6455 5.2", |peer| {
            one(peer, FIN | 0x20 | TEXT, b"?")
        }),
        FRAMING.with("rsv3", "sets RSV3", "RFC 6455 5.2", |peer| {
            one(peer, FIN | 0x10 | TEXT, b"?")
        }),
        FRAMING.with(
            "wrong-mask",
            "masks as a server, does not as a client",
            "RFC 6455 5.1",
            |peer| {
                let wrong = frame(peer.side(), FIN | TEXT, b"hello");
                peer.send_raw(wrong).drain()
            },
        ),
        FRAMING.with(
            "long-ping",
            "sends a Ping of 126 bytes",
            "RFC 6455 5.5",
            |peer| one(peer, PING, &[0; 126]),
        ),
        FRAMING.with(
            "long-close",
            "sends a Close of 126 bytes",
            "RFC 6455 5.5",
            |peer| one(peer, CLOSE, &close_body(1000, &[b'x'; 124])),
        ),
        FRAMING.with(
            "fragmented-ping",
            "sends a Ping without FIN",
            "RFC 6455 5.5",
            |peer| one(peer, PING & !FIN, b"?"),
        ),
        FRAMING.with(
            "continuation-first",
            "continues a message that has not begun",
            "RFC 6455 5.4",
            |peer| one(peer, FIN | CONTINUATION, b"?"),
        ),
        FRAMING.with(
            "message-in-message",
            "begins a message inside another one",
            "RFC 6455 5.4",
            |peer| one(peer.send_frame(TEXT, b"one "), FIN | TEXT, b"two"),
        ),
        FRAMING.with(
            "length-16",
            "writes a length of 5 in 16 bits",
            "RFC 6455 5.2",
            |peer| length(peer, FIN | BINARY, 126, &[0, 5], b"hello"),
        ),
        FRAMING.with(
            "length-64",
            "writes a length of 5 in 64 bits",
            "RFC 6455 5.2",
            |peer| length(peer, FIN | BINARY, 127, &[0, 0, 0, 0, 0, 0, 0, 5], b"hello"),
        ),
        FRAMING.with(
            "length-sign",
            "sets the highest bit of a length in 64 bits",
            "RFC 6455 5.2",
            |peer| {
                length(
                    peer,
                    FIN | BINARY,
                    127,
                    &[0x80, 0, 0, 0, 0, 0, 0, 5],
                    b"hello",
                )
            },
        ),
        FRAMING.with(
            "close-one-byte",
            "sends a Close with half a code",
            "RFC 6455 5.5.1",
            |peer| one(peer, CLOSE, b"\x03"),
        ),
        FRAMING.with(
            "close-code-low",
            "sends a Close with 999",
            "RFC 6455 7.4.2",
            |peer| one(peer, CLOSE, &close_body(999, b"")),
        ),
        FRAMING.with(
            "close-code-reserved",
            "sends a Close with 1005, which is never sent",
            "RFC 6455 7.4.1",
            |peer| one(peer, CLOSE, &close_body(1005, b"")),
        ),
        FRAMING.with(
            "close-code-unknown",
            "sends a Close with 2999",
            "RFC 6455 7.4.2",
            |peer| one(peer, CLOSE, &close_body(2999, b"")),
        ),
        Misbehaviour::new(
            "close-bad-utf8",
            "sends a Close whose reason is not UTF-8",
            "RFC 6455 5.5.1",
            Fails(&[1002, 1007]),
            Open(|peer| one(peer, CLOSE, &close_body(1000, b"\xff\xfe"))),
        ),
    ]
}

fn texts() -> Vec<Misbehaviour> {
    vec![
        NOT_TEXT.with(
            "bad-utf8",
            "sends a text that is not UTF-8",
            "RFC 6455 8.1",
            |peer| one(peer, FIN | TEXT, b"caf\xe9 au lait"),
        ),
        NOT_TEXT.with(
            "bad-utf8-late",
            "the same in the third frame of an endless message",
            "RFC 6455 8.1",
            |peer| {
                one(
                    peer.send_frame(TEXT, b"one ")
                        .send_frame(CONTINUATION, b"two "),
                    CONTINUATION,
                    b"\xc0\xaf",
                )
            },
        ),
        NOT_TEXT.with(
            "half-a-character",
            "ends a text inside a character",
            "RFC 6455 8.1",
            |peer| one(peer, FIN | TEXT, b"price: 5 \xe2\x82"),
        ),
        NOT_TEXT.with(
            "surrogate",
            "sends half of a pair of UTF-16 as text",
            "RFC 3629 3",
            |peer| one(peer, FIN | TEXT, b"\xed\xa0\x80"),
        ),
    ]
}

fn sizes() -> Vec<Misbehaviour> {
    vec![
        TOO_BIG.with(
            "huge-frame",
            "claims a frame of 2^62 bytes",
            "memory",
            |peer| {
                let start = header(peer.side().peer(), FIN | BINARY, 1 << 62);
                peer.send_raw(start).drain()
            },
        ),
        TOO_BIG.with(
            "endless-fragments",
            "sends a message of empty frames that never ends",
            "memory, time",
            |peer| {
                let to = peer.side().peer();
                endless(
                    peer,
                    &frame(to, TEXT, b""),
                    &frame(to, CONTINUATION, b"").repeat(100),
                )
            },
        ),
        TOO_BIG.with(
            "endless-message",
            "sends a message of 64 KiB frames that never ends",
            "memory",
            |peer| {
                let to = peer.side().peer();
                let part = [0; 65_536];
                endless(
                    peer,
                    &frame(to, BINARY, &part),
                    &frame(to, CONTINUATION, &part),
                )
            },
        ),
    ]
}

fn compressed() -> Vec<Misbehaviour> {
    // Whoever has not agreed on compression fails for RSV1.
    const BOMB: Fails_ = Fails_(&[1002, 1009]);
    const CORRUPT: Fails_ = Fails_(&[1002, 1007]);
    vec![
        BOMB.compressed(
            "bomb",
            "sends a compressed message of 1 MB that is 158 MB of zeros",
            "memory, RFC 7692 8",
            |peer| one(peer, FIN | 0x40 | BINARY, &bomb::zeros(645_000)),
        ),
        BOMB.compressed(
            "bomb-in-fragments",
            "sends a compressed message of zeros that never ends",
            "memory, RFC 7692 8",
            |peer| {
                let to = peer.side().peer();
                let mut part = bomb::zeros(2000);
                part.extend([0, 0, 0xff, 0xff]);
                endless(
                    peer,
                    &frame(to, 0x40 | BINARY, &part),
                    &frame(to, CONTINUATION, &part),
                )
            },
        ),
        CORRUPT.compressed(
            "corrupt-deflate",
            "sends a compressed message that cannot be inflated",
            "RFC 7692 6.2",
            |peer| one(peer, FIN | 0x40 | TEXT, &[0xff; 20]),
        ),
        CORRUPT.compressed(
            "deflate-too-far",
            "sends a compressed message that refers to what was never there",
            "RFC 1951 3.2.5",
            |peer| one(peer, FIN | 0x40 | TEXT, b"\x02\x13\x00\x00"),
        ),
        CORRUPT.compressed(
            "compressed-bad-utf8",
            "sends a compressed text that is not UTF-8",
            "RFC 6455 8.1",
            |peer| {
                // A stored block: 2 bytes.
                one(peer, FIN | 0x40 | TEXT, b"\x00\x02\x00\xfd\xff\xff\xfe\x00")
            },
        ),
        FRAMING.compressed(
            "rsv1-later",
            "sets RSV1 in the second frame of a message",
            "RFC 7692 6.1",
            |peer| {
                one(
                    peer.send_frame(TEXT, b"one "),
                    FIN | 0x40 | CONTINUATION,
                    b"two",
                )
            },
        ),
        FRAMING.compressed(
            "compressed-ping",
            "sets RSV1 in a Ping",
            "RFC 7692 6.1",
            |peer| one(peer, PING | 0x40, b"?"),
        ),
    ]
}

fn allowed() -> Vec<Misbehaviour> {
    vec![
        Misbehaviour::new(
            "empty-messages",
            "sends a hundred messages without payload",
            "RFC 6455 5.6",
            Bears,
            Open(|peer| {
                let to = peer.side().peer();
                goes_on(peer.send_raw(frame(to, FIN | TEXT, b"").repeat(100)))
            }),
        ),
        Misbehaviour::new(
            "burst",
            "sends 10,000 short messages at once",
            "RFC 6455 5.4",
            Bears,
            Open(|peer| {
                let to = peer.side().peer();
                goes_on(peer.send_raw(frame(to, FIN | TEXT, b"news").repeat(10_000)))
            }),
        ),
        Misbehaviour::new(
            "many-fragments",
            "sends a text in frames of one byte, with Pings between them",
            "RFC 6455 5.4",
            Bears,
            Open(|peer| {
                let to = peer.side().peer();
                let between = [frame(to, CONTINUATION, b"a"), frame(to, PING, b"p")].concat();
                let bytes = [
                    frame(to, TEXT, b""),
                    between.repeat(100),
                    frame(to, FIN | CONTINUATION, b""),
                ];
                goes_on(peer.send_raw(bytes.concat()))
            }),
        ),
        Misbehaviour::new(
            "unasked-pong",
            "sends Pongs that nobody has asked for",
            "RFC 6455 5.5.3",
            Bears,
            Open(|peer| goes_on(peer.send_pong(b"").send_pong(b"nobody asked"))),
        ),
        Misbehaviour::new(
            "trickle",
            "sends messages byte by byte",
            "RFC 6455 5.4",
            Bears,
            Open(|peer| {
                let to = peer.side().peer();
                let bytes = [frame(to, FIN | TEXT, b"slowly"), frame(to, PING, b"p")].concat();
                goes_on(peer.trickle(bytes, Duration::from_millis(100)))
            }),
        ),
        Misbehaviour::new(
            "data-after-close",
            "goes on sending after its Close",
            "RFC 6455 5.5.1",
            Bears,
            Open(|peer| {
                let peer = peer.send_close(1000, "that is all");
                peer.send_text("no, one more thing")
                    .send_raw([0xff; 64])
                    .drain()
            }),
        ),
    ]
}
