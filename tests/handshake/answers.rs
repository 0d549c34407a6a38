//! Each answer of a handshake means one thing: `Ok(None)` says that all input was consumed, a full output
//! is an error of its own that changes nothing.

use core::time::Duration;

use ws_proto::handshake::{
    Accept, AnyRequest, ClientHandshake, ClientRequest, HandshakeError, HeadError, Limits,
    MAX_REFUSAL, PlainResponse, RequestError, ServerHandshake,
};
use ws_proto::{Input, Instant, Output, Transport};
use ws_proto_suite::failed;

const GOOD: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const PLAIN: &str = "GET /health HTTP/1.1\r\nHost: h\r\n\r\n";
const FAULTS: [&str; 4] = [
    "GET / HTTP/1.1\r\nHost: h\n",
    "POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
    "\u{16}\u{3}\u{1}",
    "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
];

/// An output that takes `limit` bytes.
struct Sink {
    bytes: Vec<u8>,
    limit: usize,
}

impl Sink {
    fn new(limit: usize) -> Self {
        let bytes = Vec::new();
        Self { bytes, limit }
    }
}

impl Output for Sink {
    fn room(&self) -> usize {
        self.limit - self.bytes.len()
    }

    fn put(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "more than there is room for");
        self.bytes.extend_from_slice(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.bytes.len() - n;
        &mut self.bytes[from..]
    }
}

/// Gives the request in two pieces to a server whose output is full until it is drained, `junk` bytes of
/// it being there before. Whatever answer a call gives has to be true.
fn serve(request: &[u8], cut: usize, limit: usize, junk: usize, any: bool) -> (String, Vec<u8>) {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Sink::new(limit);
    out.put(&vec![b'-'; junk.min(limit)]);
    let mut written = Vec::new();
    let mut result = String::from("more");
    for piece in [&request[..cut], &request[cut..]] {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            let (before, room) = (input.len(), out.room());
            let received = if any {
                handshake.receive_any(&mut input, &mut out)
            } else {
                let upgrade = handshake.receive(&mut input, &mut out);
                upgrade.map(|upgrade| upgrade.map(AnyRequest::Upgrade))
            };
            let full = match received {
                Ok(None) => {
                    assert!(input.is_empty(), "{before} bytes are left without a word");
                    break;
                }
                Ok(Some(AnyRequest::Upgrade(upgrade))) => {
                    upgrade.accept(&Accept::new(), &mut out).map(|_| "accepted")
                }
                Ok(Some(AnyRequest::Plain(plain))) => {
                    let response = PlainResponse::new(200).body(b"fine");
                    plain.respond(&response, &mut out).map(|()| "answered")
                }
                Err(RequestError::OutputFull) => {
                    assert!(room < MAX_REFUSAL && before > 0);
                    assert_eq!(
                        (input.len(), out.room()),
                        (before, room),
                        "it changes nothing"
                    );
                    assert_eq!(handshake.transport(), Transport::Open);
                    Err(HeadError::OutputFull)
                }
                Err(RequestError::Accepted) => {
                    assert_eq!(
                        (input.len(), out.room()),
                        (before, room),
                        "it changes nothing"
                    );
                    assert!(before > 0 && handshake.transport() == Transport::Open);
                    break;
                }
                Err(error) => {
                    assert!(input.is_empty());
                    assert_eq!(handshake.transport(), Transport::Close);
                    result = failed(error).to_string();
                    break;
                }
            };
            match full {
                Ok(done) => result = done.into(),
                Err(HeadError::OutputFull) => {
                    assert!(!out.bytes.is_empty(), "it can never go on");
                    written.append(&mut out.bytes);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    written.append(&mut out.bytes);
    (result, written.split_off(junk.min(limit)))
}

#[test]
fn a_full_output_loses_nothing_at_every_cut_and_every_byte() {
    let mut tried = 0;
    for request in [GOOD, PLAIN].into_iter().chain(FAULTS) {
        for any in [false, true] {
            let request = [request.as_bytes(), b"\x81\x80\0\0\0\0"].concat();
            let expected = serve(&request, request.len(), 1024, 0, any);
            for cut in 0..=request.len() {
                for junk in 0..=MAX_REFUSAL {
                    let found = serve(&request, cut, MAX_REFUSAL, junk, any);
                    assert_eq!(found, expected, "cut at {cut}, {junk} bytes wait");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100_000);
}

#[test]
fn a_server_without_room_says_so_for_any_input_and_never_without_input() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    for room in 0..MAX_REFUSAL {
        let mut out = Sink::new(room);
        let mut bytes = *b"G";
        let mut input = Input::new(&mut bytes);
        let result = handshake.receive(&mut input, &mut out).map(|_| ());
        assert_eq!((result, input.len()), (Err(RequestError::OutputFull), 1));
        let empty = handshake.receive(&mut Input::default(), &mut out);
        assert!(matches!(empty, Ok(None)));
    }
}

/// A plain request that one call has found and the next one refuses.
#[test]
fn a_refusal_that_does_not_fit_is_made_later() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut bytes = PLAIN.as_bytes().to_vec();
    let found = handshake.receive_any(&mut Input::new(&mut bytes), &mut Vec::new());
    assert!(matches!(found, Ok(Some(AnyRequest::Plain(_)))));
    for room in 0..MAX_REFUSAL {
        let full = handshake.receive(&mut Input::default(), &mut Sink::new(room));
        assert_eq!(full.map(|_| ()), Err(RequestError::OutputFull));
    }
    let mut out = Sink::new(MAX_REFUSAL);
    let refused = handshake.receive(&mut Input::default(), &mut out);
    assert_eq!(failed(refused.unwrap_err()), HandshakeError::UpgradeInvalid);
    assert!(out.bytes.starts_with(b"HTTP/1.1 426 "));
}

/// What follows an accepted request is for the connection, and no call takes it.
#[test]
fn input_after_the_request_was_accepted_is_not_consumed() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut bytes = [GOOD.as_bytes(), b"\x81\x80\0\0\0\0"].concat();
    let mut input = Input::new(&mut bytes);
    let mut out = Vec::new();
    let upgrade = handshake.receive(&mut input, &mut out).unwrap().unwrap();
    upgrade.accept(&Accept::new(), &mut out).unwrap();
    let written = out.len();
    for _ in 0..2 {
        let result = handshake.receive(&mut input, &mut out).map(|_| ());
        assert_eq!(result, Err(RequestError::Accepted));
        let result = handshake.receive_any(&mut input, &mut out).map(|_| ());
        assert_eq!(result, Err(RequestError::Accepted));
        assert_eq!(handshake.receive_eof(), Ok(()));
    }
    assert_eq!((input.len(), out.len()), (6, written));
    assert!(matches!(
        handshake.receive(&mut Input::default(), &mut out),
        Ok(None)
    ));
}

/// Also for a client: nothing but the end of the answer leaves input.
#[test]
fn a_client_that_wants_more_has_consumed_everything() {
    let nonce = *b"the sample nonce";
    for answer in [
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\n",
        "HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nabc",
    ] {
        for cut in 0..=answer.len() {
            let (front, back) = answer.as_bytes().split_at(cut);
            let request = ClientRequest::new("h", "/");
            let mut handshake =
                ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut Vec::new())
                    .unwrap();
            let mut given = 0;
            for piece in [front, back, b"\x81\0"] {
                let mut piece = piece.to_vec();
                let mut input = Input::new(&mut piece);
                given += input.len();
                match handshake.receive(&mut input) {
                    Ok(None) => assert!(input.is_empty() && given < answer.len()),
                    Ok(Some(_)) => {
                        assert!(given >= answer.len() && input.len() == given - answer.len());
                    }
                    Err(error) => {
                        assert_eq!(error, HandshakeError::Refused { status: 400 });
                        assert!(input.is_empty() && given >= answer.len());
                    }
                }
            }
        }
    }
}

#[test]
fn tick_waits_for_the_end_of_the_transport_once_the_handshake_has_failed() {
    let late = Instant::from_millis(1 << 40);
    let mut out = Vec::new();
    for request in [GOOD, FAULTS[0]] {
        let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
        assert!(matches!(
            handshake.tick(Instant::from_millis(0), &mut out),
            Ok(Some(_))
        ));
        let mut bytes = request.as_bytes().to_vec();
        let _ = handshake.receive(&mut Input::new(&mut bytes), &mut out);
        let waits = handshake.tick(late, &mut out).unwrap();
        let drain = Duration::from_secs(10);
        assert_eq!(waits, (request != GOOD).then_some(late + drain));
    }
    // Without room there is no 408, and the transport is aborted all the same.
    for room in [0, MAX_REFUSAL] {
        let mut out = Sink::new(room);
        let limits = Limits::new().answer_silence(true);
        let mut handshake = ServerHandshake::new(Vec::new(), limits);
        handshake.tick(Instant::from_millis(0), &mut out).unwrap();
        for _ in 0..2 {
            assert!(handshake.tick(late, &mut out).is_err());
            assert_eq!(handshake.transport(), Transport::Abort);
            assert_eq!(out.bytes.is_empty(), room == 0);
        }
    }
}
