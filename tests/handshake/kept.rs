//! Handshakes of clients borrow nothing: they are kept in tables of connections, made of requests that
//! are gone when the answer comes.

use std::collections::HashMap;

use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    AnswerFault, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, HeadError, Limits,
    MAX_EXTENSIONS, accept_key,
};
use ws_proto::{FixedBuf, Input, Output, Storage, Transport};

/// The answer of one of many servers, and the expected result of the client.
struct Answer {
    bytes: Vec<u8>,
    expected: Result<(Option<String>, Rsv), HandshakeError>,
}

/// Starts the handshake number `n`. All of its request is made here and gone when this returns.
fn start<S: Storage>(n: usize, storage: S) -> (ClientHandshake<S>, Answer) {
    let names: Vec<String> = (0..n % 4).map(|at| format!("chat-{n}.v{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let level = (n % 10).to_string();
    let params = [("level", Some(&*level)), ("fast", None)];
    let name = format!("x-{n}");
    let offers = [
        ExtensionOffer::new(&name, &params)
            .with_rsv(Rsv::RSV2)
            .with_check(|offer, answer| {
                let [offered, answered] = [offer, answer].map(|extension| {
                    let mut params = extension.params();
                    params.find_map(|param| Some(param.value()?.to_string()))
                });
                match offered == answered {
                    true => Ok(()),
                    false => Err(AnswerFault::OutOfRange),
                }
            }),
        ExtensionOffer::new("y", &[]).with_rsv(Rsv::RSV3),
    ];
    let offers = &offers[..n % 3];
    let target = format!("/room/{n}");
    let request = ClientRequest::new("example.com", &target)
        .subprotocols(&names)
        .extensions(offers)
        .require_subprotocol(n % 5 == 0);
    let nonce: [u8; 16] = core::array::from_fn(|at| (n >> (at % 2 * 8)) as u8);
    let mut out = Vec::new();
    let handshake =
        ClientHandshake::start(request, nonce, storage, Limits::new(), &mut out).unwrap();

    let head = String::from_utf8(out).unwrap();
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = accept_key(key.unwrap().as_bytes());
    let mut bytes = String::new();
    if n % 7 == 0 {
        bytes.push_str("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
    }
    bytes.push_str(&format!(
        "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: {accept}\r\n"
    ));
    let chosen = names.last().filter(|_| n % 11 != 0).copied();
    let chosen = if n % 13 == 0 { Some("other") } else { chosen };
    if let Some(chosen) = chosen {
        bytes.push_str(&format!("Sec-WebSocket-Protocol: {chosen}\r\n"));
    }
    let mut rsv = Rsv::NONE;
    let wrong_level = n % 17 == 0;
    if !offers.is_empty() {
        let level = if wrong_level { "none" } else { &level };
        bytes.push_str(&format!(
            "Sec-WebSocket-Extensions: {name}; level=\"{level}\"\r\n"
        ));
        rsv = Rsv::RSV2;
    }
    let foreign = n % 19 == 0;
    if foreign {
        bytes.push_str("Sec-WebSocket-Extensions: x-evil\r\n");
    }
    bytes.push_str("\r\n\u{1}frame");
    let expected = match chosen {
        Some("other") => Err(HandshakeError::SubprotocolNotOffered),
        None if n % 5 == 0 && !names.is_empty() => Err(HandshakeError::SubprotocolMissing),
        _ if wrong_level && !offers.is_empty() => Err(HandshakeError::ExtensionParamOutOfRange),
        _ if foreign => Err(HandshakeError::ExtensionNotOffered),
        _ => Ok((chosen.map(str::to_owned), rsv)),
    };
    let bytes = bytes.into_bytes();
    (handshake, Answer { bytes, expected })
}

/// Keeps a thousand handshakes in a map and feeds each of them a byte, in turns.
fn a_thousand_in_turns<S: Storage>(storage: impl Fn() -> S) {
    let mut table: HashMap<usize, ClientHandshake<S>> = HashMap::new();
    let mut answers = Vec::new();
    for n in 0..1000 {
        let (handshake, answer) = start(n, storage());
        table.insert(n, handshake);
        answers.push(answer);
    }
    let mut established = 0;
    for at in 0.. {
        if table.is_empty() {
            break;
        }
        for (n, answer) in answers.iter().enumerate() {
            let Some(handshake) = table.get_mut(&n) else {
                continue;
            };
            let mut byte = [answer.bytes[at]];
            let mut input = Input::new(&mut byte);
            let result = match handshake.receive(&mut input) {
                Ok(None) => continue,
                Ok(Some(found)) => {
                    let subprotocol = found.subprotocol().map(str::to_owned);
                    Ok((subprotocol, found.negotiated().rsv()))
                }
                Err(error) => Err(error),
            };
            assert_eq!(result, answer.expected, "{n}");
            assert_eq!(handshake.transport() == Transport::Open, result.is_ok());
            assert!(
                answer.bytes[at + 1..].starts_with(b"\x01frame"),
                "{n}: it ends with the head"
            );
            established += usize::from(result.is_ok());
            table.remove(&n);
        }
    }
    assert!((600..950).contains(&established), "{established} of 1000");
}

#[test]
fn a_thousand_handshakes_in_a_map_over_vectors() {
    a_thousand_in_turns(Vec::new);
}

#[test]
fn a_thousand_handshakes_in_a_map_over_arrays() {
    a_thousand_in_turns(FixedBuf::<320>::new);
}

/// A handshake is moved, sent to another thread, and answered there.
#[test]
fn a_handshake_is_no_ones_borrower() {
    fn is_static<T: Send + Sync + 'static>(_: &T) {}
    let (handshake, answer) = start(5, Vec::new());
    is_static(&handshake);
    let thread = std::thread::spawn(move || {
        let (mut handshake, mut bytes) = (Box::new(handshake), answer.bytes);
        let found = handshake.receive(&mut Input::new(&mut bytes));
        found.map(|found| found.unwrap().negotiated().rsv())
    });
    assert_eq!(thread.join().unwrap(), Ok(Rsv::RSV2));
}

#[test]
fn storage_too_small_for_the_offer_is_an_error_of_start() {
    let offers = [ExtensionOffer::new("x", &[("p", Some("1"))])];
    let request = ClientRequest::new("h", "/")
        .subprotocols(&["ab", "c"])
        .extensions(&offers);
    fn run<const N: usize>(request: ClientRequest<'_>) -> (Result<(), HeadError>, bool) {
        let mut out = Vec::new();
        let storage = FixedBuf::<N>::new();
        let started = ClientHandshake::start(request, [7; 16], storage, Limits::new(), &mut out);
        (started.map(|_| ()), out.is_empty())
    }
    // "ab, c" and "x; p=1".
    let full = (Err(HeadError::StorageFull), true);
    for result in [
        run::<0>(request),
        run::<3>(request),
        run::<5>(request),
        run::<10>(request),
    ] {
        assert_eq!(result, full);
    }
    assert_eq!(run::<11>(request), (Ok(()), false));
    assert_eq!(run::<0>(ClientRequest::new("h", "/")), (Ok(()), false));
}

#[test]
fn more_extensions_than_are_kept_are_an_error_of_start() {
    let offers = [ExtensionOffer::new("x", &[]); MAX_EXTENSIONS + 1];
    for (count, expected) in [
        (MAX_EXTENSIONS, Ok(())),
        (MAX_EXTENSIONS + 1, Err(HeadError::TooManyExtensions)),
    ] {
        let request = ClientRequest::new("h", "/").extensions(&offers[..count]);
        let mut out = Vec::new();
        let started = ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut out);
        assert_eq!(started.map(|_| ()), expected);
        assert_eq!(out.is_empty(), expected.is_err());
    }
}

/// Informational responses leave the room that they took, and the offer stays.
#[test]
fn informational_responses_do_not_use_up_the_storage() {
    let nonce = *b"the sample nonce";
    let request = ClientRequest::new("h", "/").subprotocols(&["chat"]);
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n";
    let answer = "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    let answer = [&*hint.repeat(8), answer].concat();
    for cut in 1..=answer.len() {
        let storage = FixedBuf::<160>::new();
        let started =
            ClientHandshake::start(request, nonce, storage, Limits::new(), &mut Vec::new());
        let mut handshake = started.unwrap();
        let mut subprotocol = None;
        for piece in answer.clone().into_bytes().chunks_mut(cut) {
            let found = handshake.receive(&mut Input::new(piece)).unwrap();
            subprotocol = found.and_then(|found| found.subprotocol().map(str::to_owned));
        }
        assert_eq!(subprotocol.as_deref(), Some("chat"), "in pieces of {cut}");
    }
}

/// An output that is too small for the request gets none of it.
#[test]
fn a_request_is_written_whole_or_not_at_all() {
    let request = ClientRequest::new("h", "/").subprotocols(&["chat"]);
    let mut whole = Vec::new();
    ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut whole).unwrap();
    let mut out = FixedBuf::<512>::new();
    for room in 0..whole.len() {
        out.clear();
        out.put(&vec![b'x'; 512 - room]);
        let storage = FixedBuf::<8>::new();
        let started = ClientHandshake::start(request, [7; 16], storage, Limits::new(), &mut out);
        assert_eq!(started.err(), Some(HeadError::OutputFull));
        assert_eq!(out.room(), room);
    }
}
