//! Messages of a peer, and the events expected for them: by a slow inflater, not by the engine.

use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
use ws_proto::{Config, Fin};

use crate::run::{Item, Setup};
use ws_proto_suite::deflate::{Compressor, Reference, frame};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With both Close frames.
    Clean,
    /// The transport ends without a Close.
    Cut,
    /// With this close code.
    Failed(u16),
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) setup: Setup,
    pub(crate) bytes: Vec<u8>,
    pub(crate) items: Vec<Item>,
    pub(crate) end: End,
}

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
/// The same by reference to an earlier one.
const AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];
const STORED: [u8; 11] = [
    0x00, 0x05, 0x00, 0xfa, 0xff, b'H', b'e', b'l', b'l', b'o', 0x00,
];
const FINAL: [u8; 8] = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
/// A match that overlaps itself: 259 times the same byte.
const OVERLAPPING: [u8; 5] = [0xaa, 0x1a, 0x05, 0x00, 0x00];
/// A character in two stored blocks.
const EURO: [u8; 14] = [
    0x00, 0x01, 0x00, 0xfe, 0xff, 0xe2, 0x00, 0x02, 0x00, 0xfd, 0xff, 0x82, 0xac, 0x00,
];
const EMPTY: [u8; 1] = [0x00];
const JSON: &str = r#"{"id":7,"tags":["a","b"],"of":"caf\u00e9 au lait","to":[1,2,3,1,2,3]}"#;

const TEXT: u8 = 0x01;
const BINARY: u8 = 0x02;

/// Both roles of all of them.
pub(crate) fn all() -> Vec<Scenario> {
    [false, true].into_iter().flat_map(of_role).collect()
}

fn of_role(server: bool) -> Vec<Scenario> {
    let takeover = DeflateParams::new();
    let small = takeover.with_server_window_bits(9).expect("in range");
    let small = small.with_client_window_bits(9).expect("in range");
    let none = takeover
        .with_server_takeover(false)
        .with_client_takeover(false);
    let peer = |params| Peer::new(server, params);
    vec![
        peer(takeover)
            .compressed(TEXT, &[&HELLO])
            .compressed(TEXT, &[&AGAIN])
            .plain(TEXT, &[b"plain"])
            .cut("takeover and a plain message"),
        peer(none)
            .compressed(TEXT, &[&HELLO])
            .compressed(BINARY, &[&STORED])
            .close()
            .clean("no takeover"),
        peer(none)
            .compressed(TEXT, &[&HELLO])
            .raw(0xc1, &AGAIN)
            .failed("a reference to what was not taken over", 1007),
        peer(takeover)
            .first_part(TEXT, &HELLO[..3])
            .raw(0x89, b"ping")
            .part(b"")
            .raw(0x8a, b"")
            .last_part(&HELLO[3..])
            .compressed(BINARY, &[&AGAIN])
            .close()
            .clean("fragments with control frames between"),
        peer(small)
            .compressed(BINARY, &[&STORED])
            .compressed(TEXT, &[&FINAL])
            .compressed(TEXT, &[&AGAIN])
            .cut("stored and final blocks"),
        peer(takeover)
            .compressed(BINARY, &[&[&FINAL[..7], &FINAL[..7], &HELLO[..]].concat()])
            .compressed(TEXT, &[&FINAL[..7], b"", &AGAIN])
            .cut("final blocks in the middle"),
        peer(takeover)
            .compressed(TEXT, &[&OVERLAPPING])
            .compressed(TEXT, &[&EURO[..6], &EURO[6..]])
            .echoing()
            .cut("a long match, and a character in two frames"),
        peer(takeover)
            .limit(16)
            .raw(0xc1, &OVERLAPPING)
            .failed("more than the limit", 1009),
        peer(takeover)
            .limit(5)
            .compressed(TEXT, &[&HELLO])
            .compressed(TEXT, &[&AGAIN[..1], &AGAIN[1..]])
            .cut("as much as the limit"),
        peer(takeover)
            .compressed(TEXT, &[&EMPTY])
            .compressed(BINARY, &[b"", &EMPTY, b""])
            .plain(BINARY, &[b""])
            .compressed(TEXT, &[&HELLO])
            .echoing()
            .close()
            .clean("empty messages"),
        peer(takeover)
            .encoded(TEXT, JSON, 20)
            .raw(0x89, b"")
            .encoded(TEXT, JSON, 4)
            .echoing()
            .cut("what our compressor makes"),
        peer(none)
            .plain(TEXT, &[b"pla", b"in"])
            .encoded(BINARY, JSON, 30)
            .plain(BINARY, &[b"\xff"])
            .close()
            .echoing()
            .clean("plain messages around"),
        peer(takeover)
            .first_part(TEXT, &HELLO[..4])
            .close()
            .clean("Close in the middle of a message"),
        peer(takeover)
            .raw(
                0x41,
                &[0x00, 0x03, 0x00, 0xfc, 0xff, b'o', b'k', 0xc0, 0x00, 0x01],
            )
            .raw(0x80, &[0x00, 0xfe, 0xff, b'!', 0x00])
            .failed("not UTF-8", 1007),
        peer(takeover)
            .compressed(TEXT, &[&HELLO])
            .raw(0xc2, &[&HELLO[..6], &[0x06]].concat())
            .failed("not DEFLATE", 1007),
        peer(takeover)
            .raw(0xc2, &[&HELLO[..], &[0x00, 0x00, 0xff, 0xff]].concat())
            .failed("the tail left on", 1007),
        peer(takeover)
            .compressed(TEXT, &[&HELLO])
            .raw(0xc1, &HELLO[..4])
            .failed("cut", 1007),
        peer(takeover)
            .raw(0x41, &HELLO[..3])
            .raw(0xc0, &HELLO[3..])
            .failed("RSV1 on a continuation", 1002),
    ]
}

/// A peer of one role, and the bytes it sent.
struct Peer {
    setup: Setup,
    bytes: Vec<u8>,
    items: Vec<Item>,
    inflater: Reference,
    encoder: Compressor,
    takeover: bool,
    kind: u8,
    open: Vec<u8>,
}

impl Peer {
    fn new(server: bool, params: DeflateParams) -> Self {
        // The least memory, so that a run with a compressor is cheap.
        let deflate = Deflate::new().mem_level(1).threshold(0);
        let deflate = deflate.pool(&DeflatePool::new(2));
        let (window_bits, takeover, encoder) = if server {
            let (encoder, _) = deflate.client(params);
            (
                params.client_window_bits(),
                params.client_takeover(),
                encoder,
            )
        } else {
            let (encoder, _) = deflate.server(params);
            (
                params.server_window_bits(),
                params.server_takeover(),
                encoder,
            )
        };
        let setup = Setup {
            server,
            params,
            deflate,
            config: Config::new(),
            limit: 0,
            echoes: false,
        };
        Self {
            setup: setup.limit(400),
            bytes: Vec::new(),
            items: Vec::new(),
            inflater: Reference::new(window_bits),
            encoder: Compressor::new(encoder),
            takeover,
            kind: 0,
            open: Vec::new(),
        }
    }

    fn limit(mut self, limit: u64) -> Self {
        self.setup = self.setup.limit(limit);
        self
    }

    fn echoing(mut self) -> Self {
        self.setup.echoes = true;
        self
    }

    /// A frame for which nothing is emitted.
    fn raw(mut self, first: u8, payload: &[u8]) -> Self {
        let mut bytes = frame(first, payload);
        if self.setup.server {
            let header = bytes.len() - payload.len();
            let key = [9, 0x80, 7, 6];
            bytes[1] |= 0x80;
            for (byte, key) in bytes[header..].iter_mut().zip(key.iter().cycle()) {
                *byte ^= key;
            }
            bytes.splice(header..header, key);
        }
        self.bytes.extend(bytes);
        self
    }

    fn first_part(mut self, kind: u8, part: &[u8]) -> Self {
        self.kind = kind;
        self.open = part.into();
        self.raw(0x40 | kind, part)
    }

    fn part(mut self, part: &[u8]) -> Self {
        self.open.extend_from_slice(part);
        self.raw(0x00, part)
    }

    fn last_part(mut self, part: &[u8]) -> Self {
        self.open.extend_from_slice(part);
        self.emitted();
        self.raw(0x80, part)
    }

    fn compressed(self, kind: u8, parts: &[&[u8]]) -> Self {
        let [first, middle @ .., last] = parts else {
            let mut peer = self;
            peer.kind = kind;
            peer.open = parts[0].into();
            peer.emitted();
            return peer.raw(0xc0 | kind, parts[0]);
        };
        let peer = self.first_part(kind, first);
        let peer = middle.iter().fold(peer, |peer, part| peer.part(part));
        peer.last_part(last)
    }

    /// What has been sent of a message is all of it.
    fn emitted(&mut self) {
        if !self.takeover {
            self.inflater.reset();
        }
        let message = self.inflater.message(&self.open).expect("good data");
        self.expect(message);
    }

    fn expect(&mut self, message: Vec<u8>) {
        self.items.push(match self.kind {
            TEXT => Item::Text(String::from_utf8(message).expect("a text")),
            _ => Item::Binary(message),
        });
    }

    /// As our own compressor makes it, in fragments of that size.
    fn encoded(mut self, kind: u8, text: &str, fragment: usize) -> Self {
        let payload = self.encoder.part(text.as_bytes(), Fin::Yes);
        let parts: Vec<&[u8]> = payload.chunks(fragment).collect();
        self.compressed(kind, &parts)
    }

    fn plain(mut self, kind: u8, parts: &[&[u8]]) -> Self {
        self.kind = kind;
        self.expect(parts.concat());
        let last = parts.len() - 1;
        (parts.iter().enumerate()).fold(self, |peer, (n, part)| {
            let fin = if n == last { 0x80 } else { 0 };
            peer.raw(fin | if n == 0 { kind } else { 0 }, part)
        })
    }

    fn close(self) -> Self {
        self.raw(0x88, &[0x03, 0xe8])
    }

    fn clean(self, name: &'static str) -> Scenario {
        self.done(name, End::Clean)
    }

    fn cut(self, name: &'static str) -> Scenario {
        self.done(name, End::Cut)
    }

    fn failed(self, name: &'static str, code: u16) -> Scenario {
        self.done(name, End::Failed(code))
    }

    fn done(self, name: &'static str, end: End) -> Scenario {
        Scenario {
            name,
            setup: self.setup,
            bytes: self.bytes,
            items: self.items,
            end,
        }
    }
}
