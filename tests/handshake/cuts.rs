//! A head that comes in one read is parsed where it is; any other is scanned byte by byte and parsed
//! from where it was stored. Both have to take the same heads, read the same in them, and refuse all
//! others for the same reason and in the same words.

use proptest::prelude::*;
use ws_proto::handshake::{
    Accept, AnyRequest, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, Limits,
    OriginPolicy, ServerHandshake,
};
use ws_proto::{Input, Transport};
use ws_proto_suite::{Lack, Room, cases, failed};

const REQUESTS: [&str; 4] = [
    "GET /a?b=c HTTP/1.1\r\nHost: h:80\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX: \ty z \r\nSec-WebSocket-Version: 13\r\n\r\n\
        \u{81}\u{1}a",
    "\r\nGET http://h/ HTTP/1.1\r\nhost:h\r\nUPGRADE:h2c,WebSocket\r\nconnection:upgrade\r\n\
        sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version:13\r\n\
        Sec-WebSocket-Protocol: a, b\r\nOrigin: http://h\r\nSec-WebSocket-Extensions: x; y=\"z\"\r\n\r\n",
    "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nEmpty:\r\n\r\na=b",
    "GET / HTTP/1.0\r\n\r\n",
];

const ANSWERS: [&str; 4] = [
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX: \ty z \r\n\r\n\u{81}\u{1}a",
    "HTTP/1.1 101\r\nupgrade:WebSocket\r\nconnection:x,upgrade\r\nEmpty:\r\n\
        sec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: b\r\n\
        Sec-WebSocket-Extensions: x\r\n\r\n",
    "HTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 101 OK\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "HTTP/1.0 301 Moved\r\nLocation: /b\r\nContent-Length: 2\r\n\r\nno!",
];

/// The text that is put in at a place, or replaces the text there.
const PIECES: [&[u8]; 22] = [
    b"",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\n\r\n",
    b"\r\n ",
    b"\n\t",
    b"\na:",
    b"a:\n",
    b" ",
    b"\t",
    b":",
    b",",
    b"\"",
    b"#",
    b"\0",
    b"\x7f",
    b"\x80",
    // These are UTF-8.
    "\u{e9}".as_bytes(),
    "\u{2028}".as_bytes(),
    b"7",
];

/// All that a caller can observe.
#[derive(Debug, PartialEq)]
struct Observed {
    result: Result<Option<Read>, HandshakeError>,
    transport: Transport,
    out: Vec<u8>,
    /// How many bytes were taken.
    taken: usize,
    stored: Vec<u8>,
}

#[derive(Debug, PartialEq)]
struct Read {
    first: String,
    fields: Vec<(String, Vec<u8>)>,
}

impl Read {
    fn new<'h>(first: String, fields: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Self {
        let fields = fields.into_iter();
        Self {
            first,
            fields: fields
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
        }
    }
}

type Run = fn(&[u8], usize, Limits, usize) -> Observed;

/// A server gets `bytes` in pieces of that size.
fn serve(bytes: &[u8], size: usize, limits: Limits, room: usize) -> Observed {
    let mut handshake = ServerHandshake::new(Room::new(room, Lack::Never), limits);
    let mut out = Vec::new();
    let mut taken = 0;
    let mut result = Ok(None);
    for piece in bytes.to_vec().chunks_mut(size) {
        let mut input = Input::new(piece);
        let len = input.len();
        result = match handshake.receive_any(&mut input, &mut out) {
            Ok(None) => Ok(None),
            Ok(Some(AnyRequest::Upgrade(upgrade))) => {
                let first = format!("{} {}", upgrade.raw_target(), upgrade.host());
                let read = Read::new(first, upgrade.headers());
                let accept = Accept::new().origins(OriginPolicy::any());
                upgrade.accept(&accept, &mut out).expect("it fits");
                Ok(Some(read))
            }
            Ok(Some(AnyRequest::Plain(plain))) => {
                let first = format!("{} {}", plain.method(), plain.raw_target());
                Ok(Some(Read::new(first, plain.headers())))
            }
            Err(error) => Err(failed(error)),
        };
        taken += len - input.len();
        if !matches!(result, Ok(None)) {
            break;
        }
    }
    let transport = handshake.transport();
    let stored = handshake.into_storage().bytes;
    observed(result, transport, out, taken, stored)
}

/// A client gets `bytes` for an answer.
fn ask(bytes: &[u8], size: usize, limits: Limits, room: usize) -> Observed {
    let offers = [ExtensionOffer::new("x", &[])];
    let request = ClientRequest::new("h", "/")
        .subprotocols(&["a", "b"])
        .extensions(&offers);
    let (nonce, offer) = (*b"the sample nonce", "a, bx");
    let storage = Room::new(room + offer.len(), Lack::Never);
    let started = ClientHandshake::start(request, nonce, storage, limits, &mut Vec::new());
    let mut handshake = started.expect("it can be sent");
    let mut taken = 0;
    let mut result = Ok(None);
    for piece in bytes.to_vec().chunks_mut(size) {
        let mut input = Input::new(piece);
        let len = input.len();
        result = match handshake.receive(&mut input) {
            Ok(None) => Ok(None),
            Ok(Some(established)) => {
                let first = format!("{:?}", established.subprotocol());
                Ok(Some(Read::new(first, established.headers())))
            }
            Err(error) => Err(error),
        };
        taken += len - input.len();
        if !matches!(result, Ok(None)) {
            break;
        }
    }
    let body = handshake.refusal().map(|refusal| refusal.body().to_vec());
    let transport = handshake.transport();
    let stored = handshake.into_storage().bytes;
    observed(result, transport, body.unwrap_or_default(), taken, stored)
}

fn observed(
    result: Result<Option<Read>, HandshakeError>,
    transport: Transport,
    out: Vec<u8>,
    taken: usize,
    stored: Vec<u8>,
) -> Observed {
    // How much is discarded after a fault, and kept before it, depends on how much was there.
    let (taken, stored) = match result {
        Ok(_) => (taken, stored),
        Err(_) => (0, Vec::new()),
    };
    Observed {
        result,
        transport,
        out,
        taken,
        stored,
    }
}

fn assert_same(run: Run, bytes: &[u8], limits: Limits, room: usize) -> Observed {
    let at_once = run(bytes, usize::MAX, limits, room);
    let single = run(bytes, 1, limits, room);
    assert_eq!(at_once, single, "{}", bytes.escape_ascii());
    at_once
}

/// The heads, and who reads them. In front of frames stand bytes, not characters.
fn heads() -> Vec<(Run, Vec<u8>)> {
    let bytes = |head: &str| head.chars().map(|char| char as u8).collect();
    let requests = REQUESTS.map(|head| (serve as Run, bytes(head)));
    let answers = ANSWERS.map(|head| (ask as Run, bytes(head)));
    requests.into_iter().chain(answers).collect()
}

fn replaced(head: &[u8], at: usize, len: usize, piece: &[u8]) -> Vec<u8> {
    let end = head.len().min(at + len);
    [&head[..at], piece, &head[end..]].concat()
}

#[test]
fn the_heads_are_taken() {
    for (run, head) in heads() {
        let observed = assert_same(run, &head, Limits::new(), 1024);
        let refused = Err(HandshakeError::Refused { status: 301 });
        let good = matches!(observed.result, Ok(Some(_))) || observed.result == refused;
        assert!(good, "{observed:?}");
    }
}

#[test]
fn a_piece_put_in_or_for_others_at_every_place() {
    let mut tried = 0;
    let mut results = Vec::new();
    for (run, head) in heads() {
        for at in 0..=head.len() {
            for (len, piece) in (0..3).flat_map(|len| PIECES.map(|piece| (len, piece))) {
                let bytes = replaced(&head, at, len, piece);
                let observed = assert_same(run, &bytes, Limits::new(), 1024);
                let result = observed.result.map(|_| ());
                if !results.contains(&result) {
                    results.push(result);
                }
                tried += 1;
            }
        }
    }
    println!("{tried} heads, {results:?}");
    assert!(tried > 60_000 && results.len() > 15);
}

/// A bare LF ends a line for `httparse`, not here.
#[test]
fn every_choice_of_lines_that_end_in_lf() {
    let mut tried = 0;
    for (run, head) in heads() {
        let ends: Vec<usize> = (0..head.len()).filter(|at| head[*at] == b'\r').collect();
        for choice in 1..1_usize << ends.len() {
            let mut bytes = head.clone();
            for (index, end) in ends.iter().enumerate().rev() {
                if choice >> index & 1 == 1 {
                    bytes.remove(*end);
                }
            }
            let observed = assert_same(run, &bytes, Limits::new(), 1024);
            assert_eq!(observed.result.err(), Some(HandshakeError::BareLf));
            tried += 1;
        }
    }
    println!("{tried} heads");
    assert!(tried > 1500);
}

#[test]
fn empty_lines_in_front() {
    for lines in ["\n", "\r\n", "\r", "\n\r\n", "\r\n\n", "\r\n\r\n", "\r\r\n"] {
        for (run, head) in heads() {
            let bytes = [lines.as_bytes(), &head].concat();
            let observed = assert_same(run, &bytes, Limits::new(), 1024);
            // One may stand in front of a request, and one of these has it already.
            let skipped = lines == "\r\n" && matches!(head[0], b'G' | b'P');
            let is_fault = !matches!(observed.result, Ok(Some(_)));
            assert_eq!(is_fault, !skipped, "{lines:?} {observed:?}");
        }
    }
}

#[test]
fn every_limit() {
    let mut tried = 0;
    for (run, head) in heads() {
        for most in 0..head.len() + 3 {
            assert_same(run, &head, Limits::new().head_bytes(most), 1024);
            assert_same(run, &head, Limits::new(), most);
            tried += 2;
        }
        for lines in 0..12 {
            assert_same(run, &head, Limits::new().lines(lines), 1024);
            tried += 1;
        }
    }
    println!("{tried} limits");
}

/// More lines than `httparse` is given room for.
#[test]
fn as_many_lines_as_there_may_be() {
    for count in 90..140 {
        for (run, head) in heads() {
            let first = 2 + head.windows(2).position(|end| end == b"\r\n").unwrap_or(0);
            let bytes = replaced(&head, first, 0, "a: b\r\n".repeat(count).as_bytes());
            assert_same(run, &bytes, Limits::new(), 4096);
            assert_same(run, &bytes, Limits::new().lines(usize::MAX), 4096);
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    proptest::collection::vec((0..400_usize, 0..4_usize, 0..PIECES.len()), 1..5)
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn several_changes(which in 0..REQUESTS.len() + ANSWERS.len(), changes in changes()) {
        let (run, mut bytes) = heads().swap_remove(which);
        for (at, len, piece) in changes {
            bytes = replaced(&bytes, at % (bytes.len() + 1), len, PIECES[piece]);
        }
        assert_same(run, &bytes, Limits::new(), 1024);
    }
}
