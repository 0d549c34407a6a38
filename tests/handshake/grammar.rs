//! What is the same in both directions: field syntax, injection, extensions, origins.

use proptest::prelude::*;
use ws_proto::handshake::{
    Accept, AnyRequest, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, HeadError,
    Headers, Limits, OriginPolicy, PlainResponse, ServerHandshake, Upgrade,
};
use ws_proto::{Input, Instant};

const REQUEST: [(&str, &[u8]); 5] = [
    ("Host", b"example.com"),
    ("Upgrade", b"websocket"),
    ("Connection", b"Upgrade"),
    ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", b"13"),
];

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A request as a server reads it: the target, and the fields that are not the handshake's own.
fn reread(head: &[u8]) -> (String, Vec<(String, Vec<u8>)>) {
    let mut bytes = head.to_vec();
    let mut out = Vec::new();
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut input = Input::new(&mut bytes);
    let upgrade = handshake.receive(&mut input, &mut out).unwrap().unwrap();
    assert!(input.is_empty());
    let own = |name: &str| REQUEST[1..].iter().any(|(one, _)| *one == name);
    let fields = upgrade.headers().iter().filter(|(name, _)| !own(name));
    let fields = fields
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    (upgrade.target().to_owned(), fields)
}

/// A byte in the middle, at the start and at the end of a text.
fn places(byte: u8) -> [Vec<u8>; 4] {
    [
        vec![b'a', byte, b'a'],
        vec![byte, b'a'],
        vec![b'a', byte],
        vec![byte],
    ]
}

fn send(request: ClientRequest<'_>) -> Result<Vec<u8>, HeadError> {
    let mut out = Vec::new();
    ClientHandshake::start(request, [1; 16], Vec::new(), Limits::new(), &mut out)?;
    Ok(out)
}

/// Every byte, in every place of every slot of a request: it is read back unchanged,
/// all else is refused.
#[test]
fn nothing_can_be_injected_into_a_request() {
    for byte in 0..=255 {
        for (place, bytes) in places(byte).iter().enumerate() {
            let fields = [("X-A", &bytes[..])];
            let edge = place > 0 && matches!(byte, b' ' | b'\t');
            let valid = !edge && (byte == b'\t' || byte >= 0x20) && byte != 0x7f;
            let sent = send(ClientRequest::new("h", "/").headers(&fields));
            // shows: RFC9112-2.2-03, RFC9112-5.2-01
            assert_eq!(sent.is_ok(), valid, "value {byte:#x}");
            if let Ok(head) = sent {
                let expected = [
                    ("Host".into(), b"h".to_vec()),
                    ("X-A".into(), bytes.clone()),
                ];
                assert_eq!(reread(&head), ("/".to_owned(), expected.to_vec()));
            }
            // All other slots are `str`.
            let Ok(text) = core::str::from_utf8(bytes) else {
                continue;
            };
            let plain = ClientRequest::new("h", "/");
            let name = [(text, &b"v"[..])];
            let sent = send(plain.headers(&name));
            // shows: RFC9110-5.6.2-01
            assert_eq!(sent.is_ok(), is_tchar(byte), "name {byte:#x}");
            if let Ok(head) = sent {
                assert_eq!(reread(&head).1[1], (text.to_owned(), b"v".to_vec()));
            }
            let list = [text];
            // shows: RFC6455-4.1-34, RFC6455-11.5-01
            assert_eq!(send(plain.subprotocols(&list)).is_ok(), is_tchar(byte));
            let value = [("p", Some(text))];
            let param = [(text, None)];
            for offer in [
                ExtensionOffer::new(text, &[]),
                ExtensionOffer::new("x", &value),
                ExtensionOffer::new("x", &param),
            ] {
                let offers = [offer];
                // shows: RFC6455-11.4-01
                assert_eq!(send(plain.extensions(&offers)).is_ok(), is_tchar(byte));
            }
            assert_eq!(send(plain.origin(text)).is_ok(), byte.is_ascii_graphic());
            let path = format!("/{text}");
            let sent = send(ClientRequest::new("h", &path));
            // shows: RFC9112-3.2-01
            assert_eq!(sent.is_ok(), byte.is_ascii_graphic() && byte != b'#');
            if let Ok(head) = sent {
                assert_eq!(reread(&head).0, path);
            }
            if let Ok(head) = send(ClientRequest::new(text, "/")) {
                assert!(byte.is_ascii_graphic() && !b"@/#?\\\"<>^`{|}%[]".contains(&byte));
                assert_eq!(reread(&head).1[0].1, *bytes);
            }
        }
    }
}

#[test]
fn nothing_can_be_injected_into_a_response() {
    let upgrade = || Upgrade::from_headers("GET", "/", &REQUEST).unwrap();
    for byte in 0..=255 {
        for (place, bytes) in places(byte).iter().enumerate() {
            let edge = place > 0 && matches!(byte, b' ' | b'\t');
            let text = (byte == b'\t' || byte >= 0x20) && byte != 0x7f;
            let fields = [("X-A", &bytes[..])];
            let response = PlainResponse::new(400).headers(&fields);
            let accept = Accept::new().headers(&fields);
            let rejected = upgrade().reject(&response, &mut Vec::new());
            assert_eq!(rejected.is_ok(), text && !edge, "{byte:#x}");
            let accepted = upgrade().accept(&accept, &mut Vec::new());
            assert_eq!(accepted.is_ok(), text && !edge, "{byte:#x}");
            let Ok(as_text) = core::str::from_utf8(bytes) else {
                continue;
            };
            let rejected =
                upgrade().reject(&PlainResponse::new(400).reason(as_text), &mut Vec::new());
            assert_eq!(rejected.is_ok(), text && byte.is_ascii(), "{byte:#x}");
            let names = [(as_text, &b"v"[..])];
            let accepted = upgrade().accept(&Accept::new().headers(&names), &mut Vec::new());
            assert_eq!(accepted.is_ok(), is_tchar(byte), "{byte:#x}");
            let accept = Accept::new().subprotocol(as_text);
            assert!(upgrade().accept(&accept, &mut Vec::new()).is_err());
        }
    }
}

/// The extensions of a field in several lines: names, parameters, unescaped values.
fn extensions(lines: &[&str]) -> Result<String, HandshakeError> {
    let mut fields = REQUEST.to_vec();
    fields.extend(
        lines
            .iter()
            .map(|line| ("Sec-WebSocket-Extensions", line.as_bytes())),
    );
    let upgrade = Upgrade::from_headers("GET", "/", &fields)?;
    let mut text = String::new();
    for extension in upgrade.extensions() {
        text += extension.name();
        for param in extension.params() {
            text += ";";
            text += param.name();
            if let Some(value) = param.value() {
                text += &format!("={value}");
                assert!(value == value.to_string().as_str());
            }
        }
        text += "|";
    }
    Ok(text)
}

#[test]
fn extensions_follow_their_grammar() {
    for (lines, expected) in [
        (&["a"][..], "a|"),
        (&["a, b"], "a|b|"),
        // shows: RFC6455-9.1-02, RFC9110-5.2-01
        (&["a", "b"], "a|b|"),
        (&["a;p;q=1", "", "b ; r = 2"], "a;p;q=1|b;r=2|"),
        (&[",, a ,\t, b,,"], "a|b|"),
        (&["a; p=\"1\""], "a;p=1|"),
        // shows: RFC9110-5.6.4-01, RFC6455-4.3-03
        (&["a; p=\"1\\0\"; q"], "a;p=10;q|"),
        (&["a; p=\"\\1\\2\" , b"], "a;p=12|b|"),
        (&["a; p; p"], "a;p;p|"),
        (&["constructor, __proto__"], "constructor|__proto__|"),
        (&[], ""),
    ] {
        // shows: RFC6455-4.3-02, RFC6455-4.3-06
        assert_eq!(extensions(lines).as_deref(), Ok(expected), "{lines:?}");
    }
    for line in [
        "",
        ",",
        " ",
        "a;",
        "a; ",
        ";a",
        "a; =1",
        "a; p=",
        "a; p==1",
        "a b",
        "a; p q",
        "a; p=1 2",
        "a; p=\"",
        "a; p=\"\"",
        // shows: RFC6455-4.3-03
        "a; p=\"b c\"",
        "a; p=\"b,c\"",
        "a; p=\"b\\\"c\"",
        "a; p=\"\\\\\"",
        "a; p=\"1\"2",
        "a; p=\"1\\\"",
        "a=1",
        "\"a\"",
        "a; \"p\"",
        "a;;p",
        "a/b",
        "\u{e9}",
        "a;p\u{b}",
        "a; p='1 2'",
    ] {
        // shows: RFC6455-9.1-01, RFC6455-4.3-02
        assert_eq!(
            extensions(&[line]),
            Err(HandshakeError::ExtensionsInvalid),
            "{line:?}"
        );
        assert!(extensions(&["ok", line]).is_err() || line.trim_matches([',', ' ']).is_empty());
    }
    assert!(extensions(&[&"a,".repeat(16)]).is_ok());
    // shows: RFC9110-5.6.1.2-02
    assert_eq!(
        extensions(&[&"a,".repeat(17)]),
        Err(HandshakeError::TooManyElements)
    );
    assert!(extensions(&[&format!("a{}", ";p".repeat(16))]).is_ok());
    let many = format!("a{}", ";p".repeat(17));
    assert_eq!(extensions(&[&many]), Err(HandshakeError::TooManyElements));
}

#[test]
fn parameters_as_numbers() {
    for (text, number) in [
        ("0", Some(0)),
        ("8", Some(8)),
        ("15", Some(15)),
        ("255", Some(255)),
        ("\"1\\5\"", Some(15)),
        ("256", None),
        ("260", None),
        ("1000", None),
        ("18446744073709551616", None),
        ("08", None),
        ("00", None),
        ("+9", None),
        ("-9", None),
        ("9x", None),
        ("x", None),
    ] {
        let line = format!("a; p={text}");
        let mut fields = REQUEST.to_vec();
        fields.push(("Sec-WebSocket-Extensions", line.as_bytes()));
        let upgrade = Upgrade::from_headers("GET", "/", &fields).unwrap();
        let value = upgrade
            .extensions()
            .next()
            .unwrap()
            .params()
            .next()
            .unwrap()
            .value()
            .unwrap();
        assert_eq!(value.to_u8(), number, "{text}");
    }
}

#[test]
fn headers_are_found_by_name_and_read_as_lists() {
    let headers = Headers::from_slice(&[
        ("A", b" one, ,two\t"),
        ("b", b""),
        ("a", b"\xff,three"),
        ("A", b"\x0cfour"),
    ]);
    // shows: RFC9110-5.5-01, RFC9110-5.1-01, RFC6455-4.1-56
    assert_eq!(headers.get("a"), Some(&b"one, ,two"[..]));
    assert_eq!(headers.get("B"), Some(&b""[..]));
    assert_eq!(headers.get("c"), None);
    assert_eq!(headers.get_all("A").count(), 3);
    let list: Vec<_> = headers.list("a").collect();
    // shows: RFC9110-5.2-01, RFC9110-5.6.1.2-01
    assert_eq!(list, [&b"one"[..], b"two", b"\xff", b"three", b"\x0cfour"]);
    assert!(headers.contains_token("a", "THREE") && !headers.contains_token("a", "thre"));
    // shows: RFC9110-5.6.3-01
    assert!(
        !headers.contains_token("a", "four"),
        "only SP and HTAB are whitespace"
    );
    assert_eq!(format!("{headers:?}"), r#"["A", "b", "a", "A"]"#);
    assert_eq!(headers.into_iter().count(), 4);
}

#[test]
fn origins() {
    let same = OriginPolicy::same_host();
    for (origin, host, allowed) in [
        ("http://example.com", "example.com", true),
        ("https://example.com", "example.com", true),
        ("HTTPS://EXAMPLE.com", "example.COM", true),
        ("https://example.com:443", "example.com", true),
        ("https://example.com", "example.com:443", true),
        ("http://example.com:80", "example.com", true),
        ("http://example.com", "example.com:80", true),
        ("https://example.com", "example.com:80", false),
        ("http://example.com:443", "example.com", false),
        ("http://example.com:8080", "example.com", false),
        ("http://example.com:8080", "example.com:8080", true),
        ("http://[::1]:8080", "[::1]:8080", true),
        ("http://sub.example.com", "example.com", false),
        ("http://example.com.evil.example", "example.com", false),
        ("http://evil-example.com", "example.com", false),
        ("http://example.com@evil.example", "example.com", false),
        ("http://evil.example/example.com", "example.com", false),
        ("http://example.com/", "example.com", false),
        (
            "http://example.com http://evil.example",
            "example.com",
            false,
        ),
        ("example.com", "example.com", false),
        ("null", "example.com", false),
        ("null", "null", false),
        ("", "example.com", false),
        ("://example.com", "example.com", false),
        ("http://", "", false),
    ] {
        assert_eq!(
            same.allows_origin(Some(origin.as_bytes()), host),
            allowed,
            "{origin} {host}"
        );
        assert!(OriginPolicy::any().allows_origin(Some(origin.as_bytes()), host));
    }
    let list = OriginPolicy::list(&[
        "https://a.example",
        "http://b.example:81",
        "app://x",
        "null",
    ])
    .unwrap();
    for (origin, allowed) in [
        ("https://a.example", true),
        ("https://A.example:443", true),
        ("http://a.example", false),
        ("https://a.example:444", false),
        ("http://b.example:81", true),
        ("http://b.example", false),
        ("app://x", true),
        ("app://x:1", false),
        ("null", true),
        ("NULL", true),
        ("nonsense", false),
        ("", false),
    ] {
        assert_eq!(
            list.allows_origin(Some(origin.as_bytes()), "h"),
            allowed,
            "{origin}"
        );
    }
    for policy in [OriginPolicy::any(), same, list] {
        assert!(policy.allows_origin(None, "h"));
        assert!(!policy.require_origin(true).allows_origin(None, "h"));
    }
}

#[test]
fn errors_are_small_and_printable() {
    assert!(size_of::<HandshakeError>() <= 16 && size_of::<HeadError>() <= 16);
    let refused = HandshakeError::Refused { status: 302 };
    assert_eq!(
        refused.to_string(),
        "the handshake was refused with status 302"
    );
    assert_eq!(refused.status(), Some(302));
    for error in [
        refused,
        HandshakeError::BareCr,
        HandshakeError::UnexpectedEof,
    ] {
        assert!(error.section().starts_with("RFC "));
        assert!(
            error
                .to_string()
                .bytes()
                .all(|byte| matches!(byte, b' '..=b'~'))
        );
    }
}

/// Cookies and tokens do not get into logs.
#[test]
fn nothing_shows_the_values_of_headers() {
    let fields = [("Authorization", &b"secret"[..])];
    let request = ClientRequest::new("a", "/").headers(&fields);
    let storage = Vec::new();
    let mut client =
        ClientHandshake::start(request, [0; 16], storage, Limits::new(), &mut Vec::new()).unwrap();
    let mut answer = *b"HTTP/1.1 401 \r\nSet-Cookie: secret\r\n\r\nsecret";
    assert!(
        client
            .receive(&mut Input::new(&mut answer))
            .unwrap()
            .is_none()
    );
    let shown = format!(
        "{request:?} {client:?} {:?} {:?} {:?}",
        client.refusal().unwrap(),
        Accept::new().headers(&fields),
        PlainResponse::new(401).headers(&fields).body(b"secret"),
    );
    assert!(
        shown.contains("Authorization") && shown.contains("Set-Cookie"),
        "{shown}"
    );
    let bytes = format!("{:?}", b"secret");
    assert!(
        !shown.contains("secret") && !shown.contains(&bytes),
        "{shown}"
    );
}

/// Bytes made of what heads are made of, so that something beyond the first byte is reached.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"HTTP/1.1 101 x\r\n".to_vec()),
        Just(b"HTTP/1.1 100 x\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n".to_vec()),
        Just(b"Host: a\r\n".to_vec()),
        Just(b"Upgrade: websocket\r\nConnection: Upgrade\r\n".to_vec()),
        Just(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n".to_vec()),
        Just(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n".to_vec()),
        Just(b"Sec-WebSocket-Version: 13\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b" folded\r\n".to_vec()),
        "Sec-WebSocket-Extensions: [a;=,\" \\\\]{0,12}\r\n".prop_map(String::into_bytes),
        "Sec-WebSocket-Protocol: [ab, ]{0,8}\r\n".prop_map(String::into_bytes),
        "Content-Length: [0-9]{0,3}\r\n".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    /// No input panics, and how it is cut does not matter.
    #[test]
    fn a_server_reads_anything_in_any_pieces(head in heads(), size in 1_usize..40) {
        let run = |size: usize| {
            let limits = Limits::new().head_bytes(200).lines(7);
            let mut handshake = ServerHandshake::new(Vec::new(), limits);
            let (mut bytes, mut out, mut left) = (head.clone(), Vec::new(), Vec::new());
            let mut result = Ok(0);
            for piece in bytes.chunks_mut(size) {
                let mut input = Input::new(piece);
                result = handshake.receive_any(&mut input, &mut out).map(|found| match found {
                    None => 0,
                    Some(AnyRequest::Plain(_)) => 1,
                    Some(AnyRequest::Upgrade(upgrade)) => {
                        2 + upgrade.subprotocols().count()
                            + upgrade.extensions().map(|one| one.params().count()).sum::<usize>()
                    }
                });
                left.extend_from_slice(input.bytes());
            }
            let eof = handshake.receive_eof();
            let tick = handshake.tick(Instant::from_millis(1), &mut out);
            (result, out, left, eof, tick)
        };
        // shows: RFC6455-10.7-01, RFC9112-2.2-01
        prop_assert_eq!(run(size), run(usize::MAX));
    }

    #[test]
    fn a_client_reads_anything_in_any_pieces(head in heads(), size in 1_usize..40) {
        let offers = [ExtensionOffer::new("a", &[])];
        let run = |size: usize| {
            let limits = Limits::new().head_bytes(200).lines(7).body_bytes(9).informational(1);
            let request = ClientRequest::new("a", "/").extensions(&offers).subprotocols(&["a"]);
            let nonce = *b"the sample nonce";
            let mut handshake =
                ClientHandshake::start(request, nonce, Vec::new(), limits, &mut Vec::new()).unwrap();
            let (mut bytes, mut left) = (head.clone(), Vec::new());
            let mut result = Ok(false);
            for piece in bytes.chunks_mut(size) {
                let mut input = Input::new(piece);
                result = handshake.receive(&mut input).map(|found| found.is_some());
                left.extend_from_slice(input.bytes());
            }
            let eof = handshake.receive_eof();
            let body = handshake.refusal().map(|refusal| refusal.body().to_vec());
            (result, left, eof, body)
        };
        // shows: RFC6455-10.7-01, RFC9112-2.2-01
        prop_assert_eq!(run(size), run(usize::MAX));
    }

    #[test]
    fn extensions_of_any_text_do_not_panic(line in "[a;=,\" \\\\é1]{0,30}") {
        let _ = extensions(&[&line]);
    }

    #[test]
    fn origins_of_any_text_do_not_panic(origin in any::<Vec<u8>>(), host in ".{0,12}") {
        let _ = OriginPolicy::same_host().allows_origin(Some(&origin), &host);
    }
}
