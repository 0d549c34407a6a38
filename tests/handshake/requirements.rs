//! Requirements on the opening handshake, one by one: what a client writes, what a server takes and
//! answers, what a client makes of an answer.

use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, HeadError, Limits,
    PlainResponse, ServerHandshake,
};
use ws_proto::{
    Config, Connection, Fin, Input, Kind, OsRandom, ProtocolError, SendError, Transport, Uri,
};

const NONCE: [u8; 16] = *b"the sample nonce";

const GOOD: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn written(request: ClientRequest<'_>, nonce: [u8; 16]) -> Result<String, HeadError> {
    let mut out = Vec::new();
    ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The values of all fields with that name.
fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let fields = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    fields
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn the_request_of_a_client_has_all_it_needs_and_each_of_it_once() {
    let uri = Uri::parse("ws://example.com:81/chat?x=1").unwrap();
    let request = ClientRequest::from_uri(uri)
        .subprotocols(&["chat", "superchat"])
        .origin("https://example.com")
        .headers(&[("Cookie", b"a=b; c=d")]);
    let text = written(request, NONCE).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    // shows: RFC6455-4.1-01, RFC6455-4.1-16
    assert!(!head.is_empty(), "it is there at once");
    // shows: RFC6455-4.1-17
    assert_eq!(body, "", "and nothing behind it");
    let is_tchar = |c: char| c.is_ascii_alphanumeric() || c == '-';
    for line in head.split("\r\n").skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        // shows: RFC6455-4.1-17
        assert!(
            name.chars().all(is_tchar) && value.is_ascii(),
            "{line} is a field"
        );
    }
    let line = head.lines().next().unwrap();
    // shows: RFC6455-4.1-18
    assert!(line.starts_with("GET "));
    // shows: RFC6455-4.1-19, RFC6455-11.1.1-03
    assert!(line.ends_with(" HTTP/1.1"));
    // shows: RFC6455-4.1-20, RFC9112-3.2.1-01
    assert_eq!(line.split(' ').nth(1), Some("/chat?x=1"));
    // shows: RFC6455-4.1-21, RFC9110-7.2-01, RFC9112-3.2-02
    assert_eq!(values(head, "Host"), ["example.com:81"]);
    // shows: RFC9110-7.2-02
    assert!(head.lines().nth(1).unwrap().starts_with("Host: "));
    // shows: RFC6455-4.1-23
    assert_eq!(values(head, "Upgrade"), ["websocket"]);
    // shows: RFC6455-4.1-24, RFC9110-7.6.1-02
    assert_eq!(values(head, "Connection"), ["Upgrade"]);
    // shows: RFC6455-4.1-25, RFC6455-11.3.1-01
    assert_eq!(values(head, "Sec-WebSocket-Key").len(), 1);
    // shows: RFC6455-4.1-31, RFC6455-4.1-32, RFC6455-11.3.5-02, RFC6455-11.6-01
    assert_eq!(values(head, "Sec-WebSocket-Version"), ["13"]);
    // shows: WHATWG-2.2-05
    assert_eq!(values(head, "Sec-WebSocket-Protocol"), ["chat, superchat"]);
    // shows: RFC6454-7.3-01
    assert_eq!(values(head, "Origin"), ["https://example.com"]);
    // shows: RFC7118-7-03
    assert_eq!(values(head, "Cookie"), ["a=b; c=d"]);

    let slash = written(
        ClientRequest::from_uri(Uri::parse("ws://h").unwrap()),
        NONCE,
    );
    // shows: RFC9112-3.2.1-01
    assert!(slash.unwrap().starts_with("GET / HTTP/1.1\r\n"));
    for name in [
        "connection",
        "Host",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
    ] {
        let fields = [(name, &b"other"[..])];
        // shows: RFC6455-4.1-24, RFC9110-5.3-01
        assert_eq!(
            written(ClientRequest::new("h", "/").headers(&fields), NONCE),
            Err(HeadError::HeaderNameReserved)
        );
    }
}

/// Base64 by the table of RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const TABLE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for n in 0..4 {
            let index = (bits >> (18 - 6 * n)) & 63;
            let is_there = n <= three.len();
            text.push(if is_there {
                TABLE[index as usize].into()
            } else {
                '='
            });
        }
    }
    text
}

#[test]
fn the_key_of_a_client_is_its_nonce_in_base64() {
    for n in 0..=255_u8 {
        let nonce: [u8; 16] = core::array::from_fn(|i| n.wrapping_mul(17).wrapping_add(i as u8));
        let text = written(ClientRequest::new("h", "/"), nonce).unwrap();
        let key = values(&text, "Sec-WebSocket-Key")[0];
        // shows: RFC6455-4.1-26, RFC6455-4.3-01, RFC4648-4-01
        assert_eq!(key, base64(&nonce));
        // shows: RFC6455-4.1-26, RFC4648-3.5-01
        assert!(key.len() == 24 && ["A==", "Q==", "g==", "w=="].contains(&&key[21..]));
    }
    let mut nonces: Vec<_> = (0..1000).map(|_| OsRandom::nonce().unwrap()).collect();
    nonces.sort_unstable();
    nonces.dedup();
    // shows: RFC6455-4.1-27
    assert_eq!(nonces.len(), 1000, "each is new");
}

#[test]
fn nothing_is_established_before_the_whole_answer_is_there() {
    let mut out = Vec::new();
    let request = ClientRequest::new("h", "/");
    let mut handshake =
        ClientHandshake::start(request, NONCE, Vec::new(), Limits::new(), &mut out).unwrap();
    let mut bytes = ANSWER.as_bytes().to_vec();
    let (head, last) = bytes.split_at_mut(ANSWER.len() - 1);
    for byte in head.chunks_mut(1) {
        // shows: RFC6455-4.1-01, RFC6455-4.1-38
        assert!(handshake.receive(&mut Input::new(byte)).unwrap().is_none());
    }
    // shows: RFC6455-4.1-57
    assert!(handshake.receive(&mut Input::new(last)).unwrap().is_some());
    // shows: RFC6455-4.1-38
    assert_eq!(out, written(request, NONCE).unwrap().as_bytes());
}

/// The answer to a request of a server that accepts all it can, and the state of the transport.
fn serve(request: &[u8]) -> (String, Transport) {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    let mut bytes = request.to_vec();
    match handshake.receive(&mut Input::new(&mut bytes), &mut out) {
        Ok(Some(upgrade)) => drop(upgrade.accept(&Accept::new(), &mut out).unwrap()),
        Ok(None) => panic!("not complete: {}", String::from_utf8_lossy(request)),
        Err(_) => {}
    }
    let transport = handshake.transport();
    (String::from_utf8(out).unwrap(), transport)
}

fn status(request: &str) -> u16 {
    let (answer, transport) = serve(request.as_bytes());
    let status = answer[9..12].parse().unwrap();
    let expected = if status == 101 {
        Transport::Open
    } else {
        Transport::Close
    };
    assert_eq!(transport, expected, "{answer}");
    status
}

#[test]
fn a_server_checks_requests_as_required() {
    const HOST: &str = "Host: example.com\r\n";
    const UPGRADE: &str = "Upgrade: websocket\r\n";
    const CONNECTION: &str = "Connection: Upgrade\r\n";
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
    let long_target = format!("/{}", "t".repeat(7989));
    for (from, to, expected) in [
        ("", "", 101),
        // shows: RFC6455-4.2.1-02
        ("GET", "POST", 405),
        ("GET", "PUT", 405),
        // shows: RFC9110-9.1-01, RFC6455-4.2.1-02
        ("GET", "get", 405),
        // shows: RFC6455-4.2.1-03, RFC9110-7.8-06, RFC9110-15.2-02
        ("HTTP/1.1", "HTTP/1.0", 505),
        // shows: RFC9112-2.3-01
        ("HTTP/1.1", "HTTP/2.0", 505),
        // shows: RFC6455-4.2.1-05, RFC9112-3.2-03
        (HOST, "", 400),
        // shows: RFC9112-3.2-03
        (HOST, "Host: example.com\r\nHost: example.com\r\n", 400),
        ("example.com", "exam ple.com", 400),
        // shows: RFC6455-4.2.1-06
        (UPGRADE, "", 426),
        ("websocket", "websocketx", 426),
        // shows: RFC6455-4.2.1-06, RFC6455-11.2-01, RFC9110-7.8-02
        ("websocket", "WebSocket", 101),
        ("websocket", "websocket, h2c", 101),
        ("websocket", "h2c, websocket", 101),
        // shows: RFC6455-4.2.1-07
        (CONNECTION, "", 400),
        ("Connection: Upgrade", "Connection: close", 400),
        // shows: RFC9110-7.6.1-01, RFC6455-4.2.1-07
        ("Connection: Upgrade", "Connection: xUpgrade", 400),
        ("Connection: Upgrade", "Connection: no-upgrade-please", 400),
        (
            "Connection: Upgrade",
            "Connection: keep-alive, uPGRADE",
            101,
        ),
        // shows: RFC9110-5.2-01, RFC9110-7.6.1-01
        (
            CONNECTION,
            "Connection: keep-alive\r\nConnection: upgrade\r\n",
            101,
        ),
        // shows: RFC9110-5.6.1.2-01
        ("Connection: Upgrade", "Connection: , ,Upgrade,,", 101),
        // shows: RFC6455-4.2.1-08
        (KEY, "", 400),
        // shows: RFC6455-11.3.1-01
        (
            KEY,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            400,
        ),
        // shows: RFC6455-4.2.1-09
        ("dGhlIHNhbXBsZSBub25jZQ==", "", 400),
        // shows: RFC6455-4.2.1-09
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZSE=", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "not*base64*at*all!!!!!==", 400),
        // shows: RFC4648-4-01
        ("dGhlIHNhbXBsZSBub25jZQ==", "_-hlIHNhbXBsZSBub25jZQ==", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ", 400),
        // shows: RFC6455-4.2.1-10
        (VERSION, "", 426),
        // shows: RFC6455-4.2.1-10, RFC6455-4.2.2-09
        ("Version: 13", "Version: 8", 426),
        ("Version: 13", "Version: 14", 426),
        // shows: RFC6455-4.3-04, RFC6455-11.6-01
        ("Version: 13", "Version: 013", 426),
        ("Version: 13", "Version: 256", 426),
        ("Version: 13", "Version: 13, 8", 426),
        // shows: RFC6455-11.3.5-02
        (
            VERSION,
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n",
            400,
        ),
        // shows: RFC6455-4.2.1-15, RFC9110-5.1-02
        (HOST, "X-New: thing\r\nHost: example.com\r\n", 101),
        // shows: RFC6455-4.1-56, RFC9110-5.1-01
        ("Sec-WebSocket-Key", "SEC-websocket-KEY", 101),
        // shows: RFC9110-5.1-01
        ("Host:", "H\u{f6}st:", 400),
        // shows: RFC9112-5.1-01
        ("Host:", "Host :", 400),
        // shows: RFC9110-5.5-01
        (
            KEY,
            "Sec-WebSocket-Key:\t dGhlIHNhbXBsZSBub25jZQ== \t\r\n",
            101,
        ),
        // shows: RFC9112-2.2-05
        ("GET", "\r\nGET", 101),
        // shows: RFC9112-6.3-02
        (HOST, "Host: example.com\r\nContent-Length: 5\r\n", 400),
        // shows: RFC9112-6.3-02
        (
            HOST,
            "Host: example.com\r\nTransfer-Encoding: chunked\r\n",
            400,
        ),
        // shows: RFC9112-3-03
        ("/chat", &long_target, 101),
    ] {
        // shows: RFC6455-4.2.1-01, RFC6455-10.7-04
        assert_eq!(status(&GOOD.replace(from, to)), expected, "{from:?} {to:?}");
    }
    for version in 0..=255 {
        let request = GOOD.replace("Version: 13", &format!("Version: {version}"));
        // shows: IANA-versions-01
        assert_eq!(status(&request), if version == 13 { 101 } else { 426 });
    }
    let mut lines: Vec<_> = GOOD.trim_end().split("\r\n").collect();
    lines[1..].reverse();
    // shows: RFC6455-4.2.1-16
    assert_eq!(status(&(lines.join("\r\n") + "\r\n\r\n")), 101);
}

#[test]
fn the_refusal_of_a_version_names_the_one_that_is_spoken() {
    let (answer, _) = serve(GOOD.replace(": 13", ": 8").as_bytes());
    // shows: RFC6455-4.2.2-10, RFC6455-4.3-08, RFC6455-4.4-01
    assert_eq!(values(&answer, "Sec-WebSocket-Version"), ["13"]);
    // shows: RFC9110-7.8-05
    assert_eq!(values(&answer, "Upgrade"), ["websocket"]);
    // shows: RFC9110-7.6.1-02
    assert_eq!(values(&answer, "Connection"), ["Upgrade, close"]);
}

#[test]
fn the_refusal_of_a_method_names_the_one_that_is_allowed() {
    let (answer, _) = serve(GOOD.replace("GET", "POST").as_bytes());
    // shows: RFC9110-15.5.6-01
    assert_eq!(values(&answer, "Allow"), ["GET"]);
}

#[test]
fn a_status_without_a_reason_phrase_still_has_its_space() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let (mut bytes, mut out) = (GOOD.as_bytes().to_vec(), Vec::new());
    let upgrade = handshake.receive(&mut Input::new(&mut bytes), &mut out);
    let response = PlainResponse::new(499);
    upgrade
        .unwrap()
        .unwrap()
        .reject(&response, &mut out)
        .unwrap();
    // shows: RFC9112-4-03
    assert!(out.starts_with(b"HTTP/1.1 499 \r\n"));
}

#[test]
fn a_request_is_not_acted_on_before_it_is_complete() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    let mut bytes = GOOD.as_bytes().to_vec();
    let (head, last) = bytes.split_at_mut(GOOD.len() - 1);
    for byte in head.chunks_mut(1) {
        let found = handshake.receive(&mut Input::new(byte), &mut out).unwrap();
        // shows: RFC9110-5.3-02
        assert!(found.is_none());
    }
    // shows: RFC9110-5.3-02
    assert!(out.is_empty());
    let found = handshake.receive(&mut Input::new(last), &mut out).unwrap();
    assert!(found.is_some());
    let late = GOOD.replace("\r\n\r\n", "\r\nHost: example.com\r\n\r\n");
    // shows: RFC9110-5.3-02
    assert_eq!(status(&late), 400, "a fault in the last line");
}

#[test]
fn an_acceptance_has_no_more_than_it_needs() {
    let offers = "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: x-unknown; p=1\r\n\r\n";
    let (answer, _) = serve(
        GOOD.replace("\r\n\r\n", &format!("\r\n{offers}"))
            .as_bytes(),
    );
    // shows: RFC6455-4.2.2-18
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    // shows: RFC6455-4.2.2-19
    assert_eq!(values(&answer, "Upgrade"), ["websocket"]);
    // shows: RFC6455-4.2.2-20
    assert_eq!(values(&answer, "Connection"), ["Upgrade"]);
    // shows: RFC6455-4.2.2-13
    assert!(values(&answer, "Sec-WebSocket-Protocol").is_empty());
    // shows: RFC6455-9-03, IANA-extensions-01
    assert!(values(&answer, "Sec-WebSocket-Extensions").is_empty());
    // shows: RFC9110-8.6-01
    assert!(values(&answer, "Content-Length").is_empty());
    let accept = values(&answer, "Sec-WebSocket-Accept");
    // shows: RFC6455-4.3-05, RFC6455-11.3.3-01
    assert!(accept.len() == 1 && accept[0].len() == 28 && accept[0].ends_with('='));
    // shows: RFC6455-4.2.2-18
    assert!(answer.ends_with("\r\n\r\n"));
}

#[test]
fn a_server_may_send_right_behind_its_acceptance() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let (mut bytes, mut out) = (GOOD.as_bytes().to_vec(), Vec::new());
    let upgrade = handshake.receive(&mut Input::new(&mut bytes), &mut out);
    let negotiated = upgrade.unwrap().unwrap().accept(&Accept::new(), &mut out);
    let mut server = Connection::server(negotiated.unwrap(), Config::new());
    server.send_text("hi", &mut out).unwrap();
    // shows: RFC6455-4.2.2-24
    assert!(out.ends_with(b"\r\n\r\n\x81\x02hi"));
}

#[test]
fn a_server_cannot_be_made_to_break_its_answer_by_header_fields() {
    for name in [
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Accept",
        "Content-Length",
        "Transfer-Encoding",
        "Upgrade",
        "Connection",
    ] {
        let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
        let (mut bytes, mut out) = (GOOD.as_bytes().to_vec(), Vec::new());
        let upgrade = handshake.receive(&mut Input::new(&mut bytes), &mut out);
        let fields = [(name, &b"x"[..])];
        let accepted = upgrade
            .unwrap()
            .unwrap()
            .accept(&Accept::new().headers(&fields), &mut out);
        // shows: RFC6455-4.2.2-17, RFC9110-8.6-01, RFC6455-11.3.3-01, RFC6455-11.3.4-02
        assert_eq!(
            (accepted, &out[..]),
            (Err(HeadError::HeaderNameReserved), &[][..])
        );
    }
}

#[test]
fn tokens_of_a_request_are_made_of_77_characters() {
    let accepted = (b'!'..=b'~').filter(|&byte| {
        let line = format!("\r\nSec-WebSocket-Protocol: a{}b\r\n\r\n", char::from(byte));
        byte != b',' && status(&GOOD.replace("\r\n\r\n", &line)) == 101
    });
    // shows: RFC9110-5.6.2-01, RFC6455-4.2.1-17
    assert_eq!(accepted.count(), 77);
}

/// In the form in which browsers send it.
#[test]
fn requests_of_browsers_are_accepted() {
    let chromium = "GET /socket HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n\
        Pragma: no-cache\r\nCache-Control: no-cache\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n\
        Upgrade: websocket\r\nOrigin: https://example.com\r\nSec-WebSocket-Version: 13\r\n\
        Accept-Encoding: gzip, deflate, br\r\nAccept-Language: de-DE,de;q=0.9\r\n\
        Cookie: session=1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let gecko = "GET /socket HTTP/1.1\r\nHost: example.com\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101\r\n\
        Accept: */*\r\nAccept-Language: de,en-US;q=0.7,en;q=0.3\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\nSec-WebSocket-Version: 13\r\n\
        Origin: https://example.com\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-Fetch-Mode: websocket\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
        Upgrade: websocket\r\n\r\n";
    for request in [chromium, gecko] {
        // shows: WHATWG-2.2-01
        assert_eq!(status(request), 101);
    }
}

/// How a client reads an answer, and the bytes left after it.
fn ask(answer: &str, behind: &[u8]) -> Result<Vec<u8>, HandshakeError> {
    let mut handshake = ClientHandshake::start(
        ClientRequest::new("h", "/"),
        NONCE,
        Vec::new(),
        Limits::new(),
        &mut Vec::new(),
    )
    .unwrap();
    let mut bytes = [answer.as_bytes(), behind].concat();
    let mut input = Input::new(&mut bytes);
    assert!(
        handshake.receive(&mut input)?.is_some(),
        "{answer:?} is whole"
    );
    Ok(input.bytes().to_vec())
}

#[test]
fn a_client_checks_answers_as_required() {
    use HandshakeError as E;
    const UPGRADE: &str = "Upgrade: websocket\r\n";
    const CONNECTION: &str = "Connection: Upgrade\r\n";
    const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for (from, to, expected) in [
        ("", "", Ok(())),
        // shows: RFC6455-4.1-43
        (UPGRADE, "", Err(E::UpgradeInvalid)),
        // shows: RFC6455-4.1-44
        ("websocket", "h2c", Err(E::UpgradeInvalid)),
        (" Switching Protocols", "", Ok(())),
        ("Switching Protocols", "", Ok(())),
        ("HTTP/1.1", "HTTP/1.0", Err(E::HttpVersion)),
        // shows: RFC6455-4.1-46
        (CONNECTION, "", Err(E::ConnectionInvalid)),
        // shows: RFC6455-4.1-47
        (
            CONNECTION,
            "Connection: xUpgrade\r\n",
            Err(E::ConnectionInvalid),
        ),
        // shows: RFC6455-4.1-48
        (CONNECTION, "Connection: keep-alive, UPGRADE\r\n", Ok(())),
        (
            CONNECTION,
            "Connection: a\r\nConnection: upgrade\r\n",
            Ok(()),
        ),
        // shows: RFC6455-4.1-49
        (ACCEPT, "", Err(E::AcceptInvalid)),
        // shows: RFC6455-4.1-51
        (
            "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "Accept:\t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t",
            Ok(()),
        ),
        // shows: RFC6455-4.1-56
        ("Sec-WebSocket-Accept", "sec-websocket-ACCEPT", Ok(())),
        // shows: RFC6455-4.1-54
        (
            ACCEPT,
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
            Sec-WebSocket-Protocol: chat\r\n",
            Err(E::SubprotocolNotOffered),
        ),
        // shows: RFC6455-4.1-53
        (
            ACCEPT,
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
            Sec-WebSocket-Extensions: permessage-deflate\r\n",
            Err(E::ExtensionNotOffered),
        ),
    ] {
        let answer = ANSWER.replace(from, to);
        // shows: RFC6455-4.1-39, WHATWG-2.2-04
        assert_eq!(ask(&answer, b"").map(drop), expected, "{from:?} {to:?}");
    }
    let with_length = ANSWER.replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n");
    // shows: RFC9112-6.3-01
    assert_eq!(
        ask(&with_length, b"\x81\x05Hello"),
        Ok(b"\x81\x05Hello".to_vec())
    );
}

/// The answer to an offer of two extensions; the extensions in use then.
fn agree<T>(line: &str, look: impl FnOnce(Vec<String>, ws_proto::Negotiated) -> T) -> T {
    let offers = [
        ExtensionOffer::new("foo", &[]).with_rsv(Rsv::RSV1),
        ExtensionOffer::new("bar", &[]).with_rsv(Rsv::RSV2),
    ];
    let request = ClientRequest::new("h", "/").extensions(&offers);
    let mut handshake =
        ClientHandshake::start(request, NONCE, Vec::new(), Limits::new(), &mut Vec::new()).unwrap();
    let mut bytes = ANSWER
        .replace("\r\n\r\n", &format!("\r\n{line}\r\n"))
        .into_bytes();
    let established = handshake
        .receive(&mut Input::new(&mut bytes))
        .unwrap()
        .unwrap();
    let names = established.extensions().map(|one| one.name().to_owned());
    look(names.collect(), established.negotiated())
}

#[test]
fn an_offered_extension_is_used_only_if_the_server_took_it() {
    agree("", |names, negotiated| {
        // shows: RFC6455-4.1-58
        assert!(names.is_empty());
        let mut client = Connection::client(negotiated, Config::new(), || [0; 4]);
        let mut out = Vec::new();
        let sent = client.send_extended(Kind::Text, Rsv::RSV1, b"x", Fin::Yes, &mut out);
        // shows: RFC6455-9.1-06, RFC6455-5.8-01
        assert_eq!((sent, &out[..]), (Err(SendError::ReservedBits), &[][..]));
        let mut first = [0xc1];
        let received = client.receive(&mut Input::new(&mut first), &mut out);
        // shows: RFC6455-9.1-06
        assert_eq!(received.unwrap_err(), ProtocolError::ReservedBitSet.into());
    });
    agree(
        "Sec-WebSocket-Extensions: bar, foo\r\n",
        |names, negotiated| {
            // shows: RFC6455-4.1-58, RFC6455-9.1-08
            assert_eq!(names, ["bar", "foo"], "in the server's order");
            assert_eq!(negotiated.rsv(), Rsv::RSV1 | Rsv::RSV2);
        },
    );
}
