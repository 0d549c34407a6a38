//! The byte vectors about permessage-deflate: frames, offers, answers.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::handshake::{Accept, ClientHandshake, ClientRequest, Limits, ServerHandshake};
use ws_proto::{Input, Uri};
use ws_proto_suite::Side;
use ws_proto_suite::data::{AttackCase, Attacks, Pmd, Vectors, unhex as hex};
use ws_proto_suite::deflate::{Emitted, Reference, receive};

fn vectors() -> Vectors {
    Vectors::bundled()
}

fn attacks() -> Vec<AttackCase> {
    Attacks::bundled().attacks
}

fn params(pmd: Pmd) -> DeflateParams {
    let mut params = DeflateParams::new();
    if pmd.snct {
        params = params.with_server_takeover(false);
    }
    if pmd.cnct {
        params = params.with_client_takeover(false);
    }
    params
        .with_server_window_bits(pmd.sbits.unwrap_or(15))
        .and_then(|params| params.with_client_window_bits(pmd.cbits.unwrap_or(15)))
        .unwrap()
}

/// Whether it is what the vector expects: long payloads are given by their beginning and length.
fn is_expected(emitted: &Emitted, expected: &str) -> bool {
    let (kind, value) = expected.split_once(' ').unwrap_or((expected, ""));
    let bytes = match (kind, emitted) {
        ("FAIL", Emitted::Fail(code)) => return value == code.to_string(),
        ("text", Emitted::Text(text)) => text.as_bytes(),
        ("bin", Emitted::Binary(data)) => data,
        ("ping", Emitted::Ping(data)) | ("pong", Emitted::Pong(data)) => data,
        _ => return false,
    };
    match value.split_once("..(") {
        Some((start, len)) => bytes.starts_with(&hex(start)) && len == format!("{}B)", bytes.len()),
        None => bytes == hex(value),
    }
}

/// The window is 32 KiB in all cases, so these are accepted where the vector wants the
/// reading of those who shrink it.
const BEYOND_THE_WINDOW: [&str; 7] = [
    "D-w8x", "D-w9x", "D-w10x", "D-w11x", "D-w12x", "D-w13x", "D-w14x",
];

#[test]
fn frames_at_every_split_and_with_output_of_every_size() {
    let mut count = 0;
    for vector in vectors().frames {
        let Some(pmd) = vector.pmd else { continue };
        count += 1;
        let bytes = vector.bytes();
        let server = vector.to == Side::Server;
        let max = vector.max.unwrap_or(16 << 20);
        let check = |pieces: &[&[u8]], max_piece| {
            let emitted = receive(server, params(pmd), max, max_piece, pieces);
            if BEYOND_THE_WINDOW.contains(&vector.id.as_str()) {
                let mut reference = Reference::new(15);
                let data = reference.message(&bytes[4..]).unwrap();
                assert_eq!(emitted, [Emitted::Binary(data)], "{}", vector.id);
                return;
            }
            assert_eq!(
                emitted.len(),
                vector.expect.len(),
                "{} {emitted:?}",
                vector.id
            );
            for (emitted, expected) in emitted.iter().zip(&vector.expect) {
                assert!(is_expected(emitted, expected), "{} {emitted:?}", vector.id);
            }
        };
        for max_piece in [1, 3, 255, 4096, usize::MAX] {
            check(&[&bytes], max_piece);
        }
        let step = if bytes.len() < 600 {
            1
        } else {
            bytes.len() / 20
        };
        for cut in (0..=bytes.len()).step_by(step) {
            let (one, other) = bytes.split_at(cut);
            check(&[one, other], usize::MAX);
            check(&[one, other], 7);
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        check(&single, usize::MAX);
    }
    assert!(count >= 40, "{count}");
}

#[test]
fn attacks_on_messages() {
    let mut count = 0;
    for attack in attacks() {
        if attack.kind != "frames" || !attack.cfg.pmd {
            continue;
        }
        count += 1;
        assert_eq!(attack.to, Side::Server);
        let bytes = attack.bytes;
        let max = attack.cfg.max_message.unwrap_or(16 << 20);
        for size in [1, 2, 3, 7, bytes.len()] {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            let emitted = receive(true, DeflateParams::new(), max, size, &pieces);
            let expected = attack.expect.split('@').next().unwrap();
            let ok = match (&emitted[..], expected.split_once(':')) {
                ([Emitted::Fail(code)], None) => expected == code.to_string(),
                // The empty message is written as its length.
                ([Emitted::Text(text)], Some(("text", value))) => {
                    text == value || text.is_empty() && value == "0"
                }
                ([Emitted::Binary(data)], Some(("binary", len))) => len == data.len().to_string(),
                _ => false,
            };
            assert!(ok, "{} {emitted:?}", attack.id);
        }
    }
    assert!(count >= 10, "{count}");
}

/// The answer of a server to a request, and the parameters it agreed to.
fn answer(deflate: &Deflate, request: &[u8]) -> (String, Option<DeflateParams>) {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    let mut request = request.to_vec();
    let mut input = Input::new(&mut request);
    let mut agreed = None;
    if let Ok(Some(upgrade)) = handshake.receive(&mut input, &mut out) {
        let answer = deflate.accept(upgrade.extensions());
        let extension = answer.as_ref().map(|answer| answer.extension());
        let accept = Accept::new().extensions(extension.as_slice());
        let negotiated = upgrade.accept(&accept, &mut out).unwrap();
        agreed = answer.map(|answer| answer.params());
        assert_eq!(negotiated.rsv().is_none(), agreed.is_none());
    }
    let response = String::from_utf8(out).unwrap();
    assert!(response.starts_with("HTTP/1.1 "));
    let line = response
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    assert_eq!(line.is_some(), agreed.is_some());
    let text = match line {
        Some(line) => line.to_string(),
        None => response[9..12].to_string(),
    };
    (text, agreed)
}

#[test]
fn offers() {
    let deflate = Deflate::new();
    for vector in vectors().offers {
        let (line, _) = answer(&deflate, &vector.bytes);
        let expected = match vector.id.as_str() {
            "NE01" | "NE02" | "NE17" | "NE21" | "NE26" => "permessage-deflate",
            "NE03" => "permessage-deflate; client_max_window_bits=10",
            "NE04" | "NE18" | "NE19" | "NE20" => "permessage-deflate; server_max_window_bits=10",
            "NE05" => "permessage-deflate; server_max_window_bits=8",
            "NE11" => "permessage-deflate; server_no_context_takeover",
            "NE12" => "permessage-deflate; client_no_context_takeover",
            id => {
                let declined = ["decline", "unknown name"];
                assert!(
                    declined.iter().any(|d| vector.expect.starts_with(d)),
                    "{id}"
                );
                "101"
            }
        };
        // shows: RFC7692-5-04, RFC7692-5-07, RFC7692-5-16, RFC7692-7-03, RFC7692-7-04
        // shows: RFC7692-7-05, RFC7692-7.1.1.1-04, RFC7692-7.1.1.1-05, RFC7692-7.1.2.1-02
        // shows: RFC7692-7.1.2.1-05, RFC7692-7.1.2.2-02, RFC7692-5.2-01, RFC7692-7.1.2.2-07
        assert_eq!(line, expected, "{}", vector.id);
    }
}

#[test]
fn attacks_on_offers() {
    let deflate = Deflate::new();
    let mut count = 0;
    for attack in attacks() {
        if !attack.id.starts_with("hs.ext-") {
            continue;
        }
        count += 1;
        let (line, agreed) = answer(&deflate, &attack.bytes);
        let expected: Vec<&str> = attack.expect.split(['/', '|']).collect();
        let did = match (&agreed, line.as_str()) {
            (Some(_), _) => "accept",
            (None, "101") if expected.contains(&"none") => "none",
            (None, "101") => "decline",
            (None, status) => status,
        };
        assert!(expected.contains(&did), "{} {line} {expected:?}", attack.id);
    }
    assert!(count >= 10, "{count}");
}

/// A client's reading of an answer to its offer.
fn answered(deflate: Option<&Deflate>, response: &[u8]) -> Result<Option<DeflateParams>, ()> {
    let offer = deflate.map(Deflate::offer);
    let extension = offer.as_ref().map(|offer| offer.extension());
    let request = ClientRequest::from_uri(Uri::parse("ws://server.example.com/chat").unwrap())
        .subprotocols(&["a", "b"])
        .extensions(extension.as_slice());
    let mut nonce = [0; 16];
    nonce.copy_from_slice(b"the sample nonce");
    let mut out = Vec::new();
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out).unwrap();
    let mut response = response.to_vec();
    match handshake.receive(&mut Input::new(&mut response)) {
        Ok(Some(established)) => {
            let agreed = deflate
                .map_or(Ok(None), |deflate| {
                    deflate.answered(established.extensions())
                })
                .unwrap();
            assert_eq!(established.negotiated().rsv().is_none(), agreed.is_none());
            Ok(agreed)
        }
        Ok(None) => panic!("not complete"),
        Err(_) => Err(()),
    }
}

#[test]
fn answers() {
    let deflate = Deflate::new();
    let mut count = 0;
    for vector in vectors().responses {
        let bytes = vector.bytes;
        if !String::from_utf8_lossy(&bytes).contains("permessage-deflate") {
            continue;
        }
        count += 1;
        let agreed = answered(vector.ext.then_some(&deflate), &bytes);
        match vector.expect.as_str() {
            // shows: RFC7692-5-18, RFC7692-7-07, RFC7692-7-08, RFC7692-7-09, RFC7692-7.1.2.2-06
            "FAIL" => assert_eq!(agreed, Err(()), "{}", vector.id),
            _ => assert!(matches!(agreed, Ok(Some(_))), "{} {agreed:?}", vector.id),
        }
    }
    assert!(count >= 8, "{count}");
    for attack in attacks() {
        if attack.id.starts_with("cl.ext-") {
            let agreed = answered(Some(&deflate), &attack.bytes);
            assert_eq!(agreed, Err(()), "{}", attack.id);
        }
    }
}

fn response(element: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Extensions: permessage-deflate{element}\r\n\r\n"
    )
    .into_bytes()
}

fn request(elements: &str) -> Vec<u8> {
    format!(
        "GET /chat HTTP/1.1\r\nHost: h.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: {elements}\r\n\r\n"
    )
    .into_bytes()
}

#[test]
fn an_answer_has_to_correspond_to_the_offer() {
    let plain = Deflate::new();
    let small = Deflate::new().server_window_bits(10);
    let forgetful = Deflate::new().server_takeover(false).client_takeover(false);
    let hinted = Deflate::new().client_window_bits(10);
    let ok =
        |deflate: &Deflate, element: &str| answered(Some(deflate), &response(element)).unwrap();
    let fails = |deflate, element| answered(Some(deflate), &response(element)) == Err(());

    // shows: RFC7692-5-10
    assert_eq!(ok(&plain, ""), Some(DeflateParams::new()));
    // What a server may add unasked.
    let added = ok(
        &plain,
        "; server_no_context_takeover; server_max_window_bits=12",
    )
    .unwrap();
    assert!(!added.server_takeover());
    assert_eq!(added.server_window_bits(), 12);
    let added = ok(
        &plain,
        "; client_no_context_takeover; client_max_window_bits=9",
    )
    .unwrap();
    assert!(!added.client_takeover());
    assert_eq!(added.client_window_bits(), 9);
    assert_eq!(
        ok(&plain, "; client_max_window_bits=\"1\\0\"")
            .unwrap()
            .client_window_bits(),
        10
    );
    assert_eq!(
        ok(&plain, "; server_max_window_bits=8")
            .unwrap()
            .server_window_bits(),
        8
    );
    // What was asked for has to be granted.
    // shows: RFC7692-7.1.2.1-06, RFC7692-7-10, RFC7692-5.1-01
    assert!(fails(&small, "") && fails(&small, "; server_max_window_bits=11"));
    assert_eq!(
        ok(&small, "; server_max_window_bits=9")
            .unwrap()
            .server_window_bits(),
        9
    );
    // shows: RFC7692-7.1.1.1-07
    assert!(fails(&forgetful, "") && fails(&forgetful, "; client_no_context_takeover"));
    // A hint need not be, and the client keeps to it by itself.
    let agreed = ok(&forgetful, "; server_no_context_takeover").unwrap();
    assert!(!agreed.client_takeover() && !agreed.server_takeover());
    assert_eq!(ok(&hinted, "").unwrap().client_window_bits(), 10);
    assert_eq!(
        ok(&hinted, "; client_max_window_bits=12")
            .unwrap()
            .client_window_bits(),
        10
    );
    assert_eq!(
        ok(&hinted, "; client_max_window_bits=8")
            .unwrap()
            .client_window_bits(),
        8
    );
    // Never valid.
    for element in [
        "; client_max_window_bits",
        "; server_max_window_bits",
        "; server_no_context_takeover=1",
        "; client_no_context_takeover=\"true\"",
        "; server_no_context_takeover; server_no_context_takeover",
        "; server_max_window_bits=10; server_max_window_bits=10",
        "; server_max_window_bits=+10",
        "; server_max_window_bits=010",
        "; server_max_window_bits=264",
        "; unknown",
        "; Server_No_Context_Takeover",
        ", permessage-deflate",
    ] {
        // shows: RFC7692-7.1.1.1-02, RFC7692-7.1.1.2-02
        assert!(fails(&plain, element), "{element}");
    }
}

#[test]
fn an_answer_honours_the_offer() {
    let plain = Deflate::new();
    let line = |deflate: &Deflate, elements: &str| answer(deflate, &request(elements)).0;
    let hints = "permessage-deflate; client_max_window_bits";
    assert_eq!(line(&plain, hints), "permessage-deflate");
    assert_eq!(
        line(
            &plain,
            "permessage-deflate; client_max_window_bits=9; server_max_window_bits=15"
        ),
        "permessage-deflate; server_max_window_bits=15; client_max_window_bits=9"
    );
    let small = Deflate::new().server_window_bits(11).client_window_bits(10);
    // shows: RFC7692-5-08
    assert_eq!(
        line(&small, hints),
        "permessage-deflate; server_max_window_bits=11; client_max_window_bits=10"
    );
    // A client that does not take orders keeps its 32 KiB.
    let (text, agreed) = answer(&small, &request("permessage-deflate"));
    assert_eq!(text, "permessage-deflate; server_max_window_bits=11");
    assert_eq!(agreed.unwrap().client_window_bits(), 15);
    assert_eq!(
        line(
            &small,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"
        ),
        "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"
    );
    let forgetful = Deflate::new().server_takeover(false).client_takeover(false);
    assert_eq!(
        line(&forgetful, "permessage-deflate"),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    // What is invalid is passed over, also after other extensions and in other lines.
    assert_eq!(
        line(
            &plain,
            "x; y, permessage-deflate; server_max_window_bits=16, permessage-deflate; \
            server_max_window_bits=\"12\""
        ),
        "permessage-deflate; server_max_window_bits=12"
    );
    assert_eq!(
        line(&plain, "permessage-deflate; client_max_window_bits=7"),
        "101"
    );
    assert_eq!(
        line(
            &plain,
            "permessage-deflate; client_max_window_bits=\"\\1\\5\""
        ),
        "permessage-deflate"
    );
}
