//! The requests, responses and offers of `data/vectors.json` and `data/attacks.json`, each in one
//! piece, cut at every place, and one byte at a time.

use core::fmt::Debug;

use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, Limits, RequestError,
    ServerHandshake,
};
use ws_proto::{Input, Transport};
use ws_proto_suite::data::{Attacks, ResponseCase, Vectors};
use ws_proto_suite::failed;

/// What a server did: the status it wrote, the status line and fields, the rest of the input.
#[derive(Debug, PartialEq)]
struct Served {
    status: u16,
    error: Option<HandshakeError>,
    out: String,
    left: Vec<u8>,
}

fn serve(pieces: &[&[u8]]) -> Served {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    let mut left = Vec::new();
    let mut error = None;
    let mut accepted = false;
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        match handshake.receive(&mut input, &mut out) {
            Ok(Some(upgrade)) => {
                upgrade.accept(&Accept::new(), &mut out).unwrap();
                accepted = true;
            }
            Ok(None) => assert!(input.is_empty() || accepted),
            Err(RequestError::Accepted) => assert!(accepted),
            Err(now) => {
                assert!(input.is_empty());
                let now = failed(now);
                assert_eq!(*error.get_or_insert(now), now, "sticky");
                assert_eq!(handshake.transport(), Transport::Close);
            }
        }
        left.extend_from_slice(input.bytes());
    }
    let out = String::from_utf8(out).unwrap();
    let status = out.get(9..12).map_or(0, |digits| digits.parse().unwrap());
    assert_eq!(
        error.and_then(HandshakeError::status),
        (!accepted).then_some(status),
        "{out}"
    );
    check_response(status, &out);
    Served {
        status,
        error,
        out,
        left,
    }
}

/// Every response is complete and says what its status asks for.
fn check_response(status: u16, out: &str) {
    let (head, body) = out.split_once("\r\n\r\n").expect("a complete head");
    let has = |field: &str| head.split("\r\n").any(|line| line == field);
    match status {
        101 => {
            assert!(
                has("Upgrade: websocket") && has("Connection: Upgrade"),
                "{out}"
            );
            assert!(!head.contains("Content-Length") && body.is_empty(), "{out}");
            assert!(!head.contains("Sec-WebSocket-Extensions"), "{out}");
            return;
        }
        405 => assert!(has("Allow: GET"), "{out}"),
        426 => {
            assert!(
                has("Upgrade: websocket") && has("Connection: Upgrade, close"),
                "{out}"
            );
            assert!(has("Sec-WebSocket-Version: 13"), "{out}");
        }
        _ => {}
    }
    assert!(status == 426 || has("Connection: close"), "{out}");
    assert!(has(&format!("Content-Length: {}", body.len())), "{out}");
    assert!(out.len() <= ws_proto::handshake::MAX_REFUSAL, "{out}");
}

/// All ways of cutting `bytes` in two, and one byte at a time, give what one piece gives.
fn in_any_pieces<T: PartialEq + Debug>(bytes: &[u8], run: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = run(&[bytes]);
    // A head of 64 KiB is cut where something happens.
    let step = if bytes.len() > 4096 { 997 } else { 1 };
    for at in (0..=bytes.len()).step_by(step) {
        let (front, back) = bytes.split_at(at);
        assert_eq!(run(&[front, back]), whole, "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run(&single), whole, "one byte at a time");
    whole
}

/// Where a vector allows several answers, the one we give and why. All others allow only one.
const SERVER_CHOICES: &[(&str, u16, &str)] = &[
    (
        "HS14",
        400,
        "LF without CR is refused: proxies disagree on it",
    ),
    ("HS20", 405, "the method is the fault"),
    ("HS26", 426, "no Upgrade: the person has to use another URL"),
    ("HS28", 426, "as HS26"),
    ("HS29", 400, "no Connection: a request with a fault"),
    ("HS30", 400, "as HS29"),
    ("HS31", 400, "as HS29"),
    (
        "HS40",
        101,
        "decoders may ignore pad bits, the RFC's example has them",
    ),
    ("HS41", 426, "as any version but 13"),
    ("HS42", 426, "the other version is well-formed"),
    ("HS43", 426, "as any version but 13"),
    (
        "HS44",
        400,
        "a repeated field is a fault, whatever its values",
    ),
    ("HS45", 426, "as any version but 13"),
    ("HS46", 426, "as any version but 13"),
    ("HS61", 400, "folded lines are refused in requests"),
    ("HS68", 400, "a target has no fragment"),
    ("HS70", 505, "a well-formed version that is not 1.1"),
    ("HS73", 431, "the limit is the fault"),
    ("HS75", 101, "there is no body to go on with"),
    ("hs.verbad-0", 426, "as any version but 13"),
    ("hs.verbad-2", 426, "as any version but 13"),
    ("hs.verbad-4", 426, "as any version but 13"),
    ("hs.verbad-6", 426, "as any version but 13"),
    ("hs.verbad-8", 426, "as any version but 13"),
    ("hs.upg-none", 426, "as HS26"),
    ("hs.ver-none", 426, "as any version but 13"),
    ("hs.m-post", 405, "the method is the fault"),
    ("hs.m-lower", 405, "methods are compared exactly"),
    ("hs.v10", 505, "Upgrade has no meaning in HTTP/1.0"),
    ("hs.v20", 505, "a well-formed version that is not 1.1"),
    ("hs.lead-crlf", 101, "one empty line is skipped"),
    (
        "hs.proto-empty",
        400,
        "a list of subprotocols has at least one",
    ),
    ("hs.ext-16", 400, "malformed, not just declined"),
    ("hs.ext-17", 400, "malformed, not just declined"),
];

fn allowed(id: &str, expect: &str) -> u16 {
    if let Some((_, status, _)) = SERVER_CHOICES.iter().find(|(choice, ..)| *choice == id) {
        let among = expect
            .split(['|', '/', ','])
            .any(|one| one == status.to_string());
        assert!(among, "{id}: {status} is not in {expect}");
        return *status;
    }
    // "101/accept" and the like are about permessage-deflate, which this server does not have.
    let expect = expect.split_once('/').map_or(expect, |(status, _)| status);
    expect
        .parse()
        .unwrap_or_else(|_| panic!("{id}: no choice made in {expect}"))
}

#[test]
fn requests_are_answered_as_the_vectors_say() {
    let mut count = 0;
    for (id, expect, bytes) in requests().chain(attacks("request")) {
        let served = in_any_pieces(&bytes, serve);
        assert_eq!(served.status, allowed(&id, &expect), "{id}: {served:?}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

#[test]
fn offers_of_permessage_deflate_are_accepted_without_it() {
    for case in Vectors::bundled().offers {
        let (id, served) = (case.id, in_any_pieces(&case.bytes, serve));
        // shows: IANA-extensions-01
        assert_eq!(served.status, 101, "{id}");
    }
}

#[test]
fn accept_is_computed_over_the_key_as_received() {
    let (_, _, bytes) = requests().find(|(id, ..)| id == "HS40").unwrap();
    let expected = ws_proto::handshake::accept_key(b"AQIDBAUGBwgJCgsMDQ4PEC==");
    assert!(serve(&[&bytes]).out.contains(expected.as_str()));
    let Vectors { key, accept, .. } = Vectors::bundled();
    // shows: RFC6455-4.1-52, RFC6455-4.2.2-21
    assert_eq!(
        ws_proto::handshake::accept_key(key.as_bytes()).as_str(),
        accept
    );
    let padded = format!("\t {key} ");
    assert_eq!(
        ws_proto::handshake::accept_key(padded.as_bytes()).as_str(),
        accept
    );
}

/// Whoever wants it gets it for a text that is no key, of any length.
#[test]
fn the_accept_of_a_text_that_is_no_key_is_its_hash() {
    for (text, accept) in [
        ("", "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="),
        ("dGhlIHNhbXBsZSBub25jZQ", "RZWuh2JK/hL0RMgTNJFfZIAppXg="),
        ("dGhlIHNhbXBsZSBub25jZQ==x", "BzNAzmG7pR+ld7Wv5wv5nZJBluU="),
    ] {
        let found = ws_proto::handshake::accept_key(text.as_bytes());
        assert_eq!(found.as_str(), accept);
    }
}

/// What a client made of an answer.
#[derive(Debug, PartialEq)]
struct Answered {
    result: Result<Option<String>, HandshakeError>,
    extensions: Vec<String>,
    left: Vec<u8>,
}

fn ask(pieces: &[&[u8]], protocols: &[&str], deflate: bool) -> Answered {
    let offers = [ExtensionOffer::new("permessage-deflate", &[])];
    let request = ClientRequest::new("server.example.com", "/chat")
        .subprotocols(protocols)
        .extensions(if deflate { &offers } else { &[] });
    let nonce = *b"the sample nonce";
    let mut out = Vec::new();
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out).unwrap();
    let mut result = None;
    let mut extensions = Vec::new();
    let mut left = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        match handshake.receive(&mut input) {
            Ok(Some(established)) => {
                result = Some(Ok(established.subprotocol().map(str::to_owned)));
                extensions = established
                    .extensions()
                    .map(|one| one.name().to_owned())
                    .collect();
            }
            Ok(None) => assert!(input.is_empty()),
            Err(now) => {
                assert!(input.is_empty());
                assert_eq!(*result.get_or_insert(Err(now)), Err(now), "sticky");
            }
        }
        left.extend_from_slice(input.bytes());
    }
    let result = result.unwrap_or_else(|| Err(handshake.receive_eof().unwrap_err()));
    assert_eq!(result.is_ok(), handshake.transport() == Transport::Open);
    Answered {
        result,
        extensions,
        left,
    }
}

/// Vectors about the parameters of permessage-deflate: the extension's own business.
const PARAMETERS: [&str; 7] = ["CR43", "CR44", "CR45", "CR46", "CR47", "CR48", "cl.ext-20"];

/// As [`SERVER_CHOICES`], for a client.
const CLIENT_CHOICES: &[(&str, bool, &str)] = &[
    (
        "CR07",
        true,
        "httparse lets a status line end behind its code",
    ),
    ("CR10", true, "a 101 has no body, whatever its length says"),
    (
        "CR11",
        true,
        "the default is RFC 6455's; see require_subprotocol",
    ),
    ("CR60", false, "a 101 is of HTTP/1.1"),
    ("CR63", false, "spaces in front of a colon are refused"),
];

#[test]
fn responses_are_taken_as_the_vectors_say() {
    for vector in Vectors::bundled().responses {
        let ResponseCase {
            id,
            expect,
            bytes,
            protos,
            ext: deflate,
            ..
        } = vector;
        if PARAMETERS.contains(&id.as_str()) {
            continue;
        }
        let protocols: Vec<&str> = protos.iter().map(String::as_str).collect();
        let answered = in_any_pieces(&bytes, |pieces| ask(pieces, &protocols, deflate));
        if let Some((_, open, _)) = CLIENT_CHOICES.iter().find(|(choice, ..)| *choice == id) {
            assert!(expect.contains("OPEN") && expect.contains("FAIL"), "{id}");
            assert_eq!(answered.result.is_ok(), *open, "{id}: {answered:?}");
            continue;
        }
        match expect.as_str() {
            // shows: RFC6455-4.1-57
            "OPEN" => assert_eq!(answered.result, Ok(None), "{id}"),
            // shows: RFC6455-4.1-59
            "OPEN chat" => assert_eq!(answered.result, Ok(Some("chat".to_owned())), "{id}"),
            // shows: RFC6455-4.1-58
            "OPEN pmd" => assert_eq!(answered.extensions, ["permessage-deflate"], "{id}"),
            "FAIL redirect" => assert_eq!(answered.result, refused(301), "{id}"),
            "FAIL auth" => assert_eq!(answered.result, refused(401), "{id}"),
            "FAIL version" => assert_eq!(answered.result, refused(426), "{id}"),
            "FAIL eof" => {
                assert_eq!(answered.result, Err(HandshakeError::UnexpectedEof), "{id}");
            }
            // shows: WHATWG-2.2-04
            "FAIL" => assert!(answered.result.is_err(), "{id}"),
            other => panic!("{id}: {other}"),
        }
    }
}

#[test]
fn responses_are_taken_as_the_attacks_say() {
    for (id, expect, bytes) in attacks("response") {
        if PARAMETERS.contains(&id.as_str()) {
            continue;
        }
        let answered = in_any_pieces(&bytes, |pieces| ask(pieces, &["a", "b"], true));
        match expect.as_str() {
            "open" => assert!(answered.result.is_ok(), "{id}: {answered:?}"),
            "open,text:hi" => assert_eq!(answered.left, b"\x81\x02hi", "{id}"),
            "fail" => assert!(answered.result.is_err(), "{id}"),
            other => {
                let status = other
                    .strip_prefix("rejected:")
                    .expect(other)
                    .parse()
                    .unwrap();
                assert_eq!(answered.result, refused(status), "{id}");
            }
        }
    }
}

/// Answers with status 101 that other clients accept, or that real servers send. `taken_by` has been measured with
/// ws 8.23, undici 7.30, websockets 17.4, aiohttp 3.14 and websocket-client 1.9. What we refuse breaks the
/// section after `FAIL`.
#[test]
fn odd_answers_are_taken_or_refused_by_a_section() {
    let (mut taken, mut refused) = (0, 0);
    for vector in Vectors::bundled().odd_responses {
        let ResponseCase {
            id,
            title,
            expect,
            bytes,
            taken_by: others,
            ..
        } = vector;
        let answered = in_any_pieces(&bytes, |pieces| ask(pieces, &[], false));
        println!("{id} {title}: {expect}, taken by {others:?}");
        if expect == "OPEN" {
            // shows: RFC9112-6.3-01
            assert_eq!(answered.result, Ok(None), "{id}");
            let frames: &[u8] = if id == "OD23" { b"\x81\x02hi" } else { b"" };
            assert_eq!(answered.left, frames, "{id}");
            taken += 1;
            continue;
        }
        let error = answered.result.unwrap_err();
        let reason = match error {
            HandshakeError::Refused { status } => format!("FAIL status {status}"),
            error => format!("FAIL {}", error.section()),
        };
        assert_eq!(reason, expect, "{id}: {error}");
        // Nobody refuses alone what most others take.
        assert!(others.len() < 5, "{id}");
        refused += 1;
    }
    assert_eq!((taken, refused), (23, 31));
}

fn refused(status: u16) -> Result<Option<String>, HandshakeError> {
    Err(HandshakeError::Refused { status })
}

fn requests() -> impl Iterator<Item = (String, String, Vec<u8>)> {
    let requests = Vectors::bundled().requests.into_iter();
    requests.map(|case| (case.id, case.expect, case.bytes))
}

fn attacks(kind: &'static str) -> impl Iterator<Item = (String, String, Vec<u8>)> {
    let attacks = Attacks::bundled().attacks.into_iter();
    attacks
        .filter(move |attack| attack.kind == kind)
        .map(|attack| (attack.id, attack.expect, attack.bytes))
}
