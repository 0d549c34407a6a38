//! The opening of a connection without I/O: what `Connecting` and `Accepting` make of any reads and
//! writes.

use std::io::ErrorKind;

use ws_proto::extension::deflate::Deflate;
use ws_proto::handshake::{
    Accept, HandshakeError, HeadError, Limits, OriginFault, OriginPolicy, PlainResponse,
};
use ws_proto::opening::{
    AcceptError, Accepting, Acceptor, ConnectError, ConnectTimeout, Connecting, Connector, Opened,
    Options, Request, Response, Stage,
};
use ws_proto::uri::UriRules;
use ws_proto::{
    Config, EitherRole, Instant, Message, Role, TimedOut, Transport, UriError, WebSocket,
};

const REQUEST: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

const NONCE: [u8; 16] = *b"the sample nonce";

/// A request with further fields and no frame after it.
fn request(fields: &str) -> Vec<u8> {
    format!("{REQUEST}{fields}\r\n").into_bytes()
}

fn answer(fields: &str) -> Vec<u8> {
    format!("{ANSWER}{fields}\r\n").into_bytes()
}

fn connector() -> Connector {
    Connector::new("ws://h/chat?room=1").expect("a valid URL")
}

fn connecting(connector: &Connector) -> Connecting {
    let mut connecting = Connecting::start(connector, NONCE).expect("a valid request");
    let n = connecting.pending().len();
    connecting.consume(n);
    connecting
}

/// All that is pending, consumed in steps of `n` bytes.
fn written(accepting: &mut Accepting, n: usize) -> Vec<u8> {
    let mut written = Vec::new();
    while !accepting.pending().is_empty() {
        let n = n.min(accepting.pending().len());
        written.extend_from_slice(&accepting.pending()[..n]);
        accepting.consume(n);
    }
    written
}

/// Gives `bytes` in these pieces. The result of the handshake, and the rest of the input then.
fn connect_in(
    pieces: &[&[u8]],
    connector: &Connector,
) -> Result<Option<(Opened, Response, Vec<u8>)>, ConnectError> {
    let mut connecting = connecting(connector);
    for (i, piece) in pieces.iter().enumerate() {
        let mut bytes = piece.to_vec();
        let mut rest = &mut bytes[..];
        if let Some((opened, response)) = connecting.receive(&mut rest)? {
            let mut left = rest.to_vec();
            left.extend(pieces[i + 1..].concat());
            return Ok(Some((opened, response, left)));
        }
        assert!(
            rest.is_empty(),
            "all is consumed before the answer is there"
        );
    }
    Ok(None)
}

fn receive_in(pieces: &[&[u8]]) -> (Accepting, Request, Vec<u8>) {
    let mut accepting = Accepting::new(Options::new());
    for (i, piece) in pieces.iter().enumerate() {
        let mut bytes = piece.to_vec();
        let mut rest = &mut bytes[..];
        if let Some(request) = accepting.receive(&mut rest).expect("a valid request") {
            let mut left = rest.to_vec();
            left.extend(pieces[i + 1..].concat());
            return (accepting, request, left);
        }
        assert!(
            rest.is_empty(),
            "all is consumed before the request is there"
        );
    }
    panic!("no request")
}

/// Has the server decide about `bytes`; its output then.
fn decide(bytes: &[u8], acceptor: &Acceptor<'_>) -> (Result<Opened, AcceptError>, String) {
    let (mut accepting, request, _) = receive_in(&[bytes]);
    let decided = accepting.decide(&request, acceptor);
    let transport = accepting.transport();
    let expected = if decided.is_ok() {
        Transport::Open
    } else {
        Transport::Close
    };
    assert_eq!(transport, expected);
    let written = written(&mut accepting, usize::MAX);
    (decided, String::from_utf8(written).expect("ASCII"))
}

/// The first message in `bytes`.
fn message<R: Role>(websocket: &mut WebSocket<R>, bytes: &[u8]) -> String {
    websocket.read_buf(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    websocket.advance(bytes.len());
    match websocket.next_message().expect("no fault") {
        Some((Message::Text(text), _)) => text.to_owned(),
        other => panic!("no text but {:?}", other.map(|(message, _)| message)),
    }
}

#[test]
fn a_client_takes_the_answer_at_every_split_and_gives_back_what_came_after_it() {
    let frames = b"\x81\x02hi\x81\x02ho";
    let wire = [&answer("X: y\r\n")[..], frames].concat();
    for one in 0..=wire.len() {
        for two in one..=wire.len() {
            let pieces = [&wire[..one], &wire[one..two], &wire[two..]];
            let opened = connect_in(&pieces, &connector()).unwrap();
            let (opened, response, left) = opened.expect("the answer is complete");
            assert_eq!(left, frames, "{one} {two}");
            assert_eq!(response.status(), 101);
            assert_eq!(response.headers().get("x"), Some(&b"y"[..]));
            if two == wire.len() {
                assert_eq!(message(&mut opened.client(|| [0; 4]), &left), "hi");
            }
        }
    }
}

#[test]
fn a_server_takes_the_request_at_every_split_and_gives_back_what_came_after_it() {
    let frames = b"\x81\x82\0\0\0\0hi";
    let wire = [&request("X: y\r\n")[..], frames].concat();
    let mut whole = None;
    for one in 0..=wire.len() {
        for two in [one, one + 1, (one + wire.len()) / 2, wire.len()] {
            let two = two.min(wire.len());
            let pieces = [&wire[..one], &wire[one..two], &wire[two..]];
            let (mut accepting, request, left) = receive_in(&pieces);
            assert_eq!(left, frames, "{one} {two}");
            assert!(request.is_upgrade());
            assert_eq!(request.method(), "GET");
            assert_eq!(request.target(), "/chat?room=1");
            assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
            assert_eq!(request.host(), "h");
            assert_eq!(request.headers().get("x"), Some(&b"y"[..]));
            let opened = accepting.decide(&request, &Acceptor::new()).unwrap();
            // The answer goes out in any steps.
            let written = written(&mut accepting, one + 1);
            assert_eq!(whole.get_or_insert(written.clone()), &written);
            assert_eq!(message(&mut opened.server(), &left), "hi");
        }
    }
    assert_eq!(whole.unwrap(), answer(""));
}

#[test]
fn a_server_reads_a_plain_request_at_every_split() {
    let wire = b"HEAD /page?a=b HTTP/1.1\r\nHost: h:80\r\nX: y\r\n\r\n";
    for at in 0..=wire.len() {
        let (one, two) = wire.split_at(at);
        let (mut accepting, request, left) = receive_in(&[one, two]);
        assert!(!request.is_upgrade() && left.is_empty());
        assert_eq!(request.method(), "HEAD");
        assert_eq!(request.host(), "h:80");
        let response = PlainResponse::new(200).body(b"a page");
        accepting.respond(&response).unwrap();
        let written = String::from_utf8(written(&mut accepting, 7)).unwrap();
        assert!(written.starts_with("HTTP/1.1 200 ") && written.ends_with("\r\n\r\n"));
        assert_eq!(accepting.transport(), Transport::Close);
        // Nothing more is an answer.
        assert!(accepting.respond(&response).is_err());
        assert!(accepting.pending().is_empty());
    }
}

#[test]
fn the_request_is_what_the_connector_asks_for_however_it_is_written() {
    let connector = connector()
        .subprotocols(&["a", "b"])
        .origin("https://example.com")
        .header("Authorization", "Bearer abc");
    let mut connecting = Connecting::start(&connector, NONCE).unwrap();
    let mut written = Vec::new();
    while let [byte, ..] = *connecting.pending() {
        written.push(byte);
        connecting.consume(1);
    }
    connecting.consume(5);
    let (_, request, _) = receive_in(&[&written]);
    assert_eq!(request.target(), "/chat?room=1");
    assert_eq!(request.origin(), Some(&b"https://example.com"[..]));
    assert!(request.subprotocols().eq(["a", "b"]));
    let authorization = request.headers().get("authorization");
    assert_eq!(authorization, Some(&b"Bearer abc"[..]));
}

#[test]
fn what_cannot_be_asked_for_is_an_error_before_anything_is_sent() {
    assert!(Connector::try_from("http://h/").is_err());
    let connector = connector().header("X", "a\r\nb");
    assert!(Connecting::start(&connector, NONCE).is_err());
}

#[test]
fn a_refusal_is_reported_at_every_split_with_its_body() {
    let wire = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nover";
    for at in 0..=wire.len() {
        let (one, two) = wire.split_at(at);
        let Err(ConnectError::Refused(refused)) = connect_in(&[one, two], &connector()) else {
            panic!("not refused");
        };
        assert_eq!((refused.status(), refused.body()), (302, &b"over"[..]));
        assert_eq!(refused.headers().get("location"), Some(&b"/b"[..]));
        assert_eq!(refused.subprotocol(), None);
    }
}

/// A server that refuses and closes at once resets the stream: the received bytes explain more than the reset.
#[test]
fn a_refusal_says_more_than_how_the_stream_ended() {
    let reset = || std::io::Error::from(ErrorKind::ConnectionReset);
    let head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\nabc";
    let mut half = connecting(&connector());
    assert!(half.receive(&mut &mut head.to_vec()[..]).unwrap().is_none());
    for explained in [
        half.explain(reset()),
        half.explain(ConnectTimeout::new(
            Stage::Handshake,
            std::time::Duration::ZERO,
        )),
        half.receive_eof(),
        half.explain(reset()),
    ] {
        let ConnectError::Refused(refused) = explained else {
            panic!("not refused: {explained}");
        };
        assert_eq!((refused.status(), refused.body()), (401, &b"abc"[..]));
    }

    let mut nothing = connecting(&connector());
    let explained = nothing.explain(reset());
    assert!(
        matches!(explained, ConnectError::Io(error) if error.kind() == ErrorKind::ConnectionReset)
    );
    assert!(matches!(
        nothing.receive_eof(),
        ConnectError::Handshake(HandshakeError::NothingReceived | HandshakeError::UnexpectedEof)
    ));
}

#[test]
fn the_time_of_a_handshake_is_that_of_the_options() {
    let at = Instant::from_millis;
    // `Limits::time` counts for nothing here.
    let limits = Limits::new().time(std::time::Duration::from_secs(1));
    let options = Options::new()
        .limits(limits)
        .handshake_time(std::time::Duration::from_secs(5));
    let mut connecting = connecting(&connector().options(options));
    assert_eq!(connecting.tick(at(1000)).unwrap(), Some(at(6000)));
    assert!(connecting.tick(at(5999)).is_ok());
    assert!(matches!(
        connecting.tick(at(6000)),
        Err(ConnectError::TimedOut(late)) if late.stage() == Stage::Handshake
    ));

    let connector = connector().options(options);
    let time = std::time::Duration::from_secs(2);
    let mut connecting = Connecting::start_within(&connector, NONCE, time).unwrap();
    assert_eq!(connecting.tick(at(1000)).unwrap(), Some(at(3000)));

    let mut accepting = Accepting::new(options);
    assert_eq!(accepting.tick(at(1000)).unwrap(), Some(at(6000)));
    accepting.receive(&mut &mut b"GET".to_vec()[..]).unwrap();
    assert!(matches!(
        accepting.tick(at(6000)),
        Err(AcceptError::TimedOut(TimedOut::Handshake))
    ));
    assert!(accepting.pending().starts_with(b"HTTP/1.1 408 "));
}

#[test]
fn a_server_s_input_that_ends_early_is_an_error() {
    let mut accepting = Accepting::new(Options::new());
    accepting.receive(&mut &mut b"GET /".to_vec()[..]).unwrap();
    assert!(matches!(
        accepting.receive_eof(),
        AcceptError::Handshake(HandshakeError::UnexpectedEof)
    ));
}

#[test]
fn a_request_that_is_none_is_refused_and_stays_so() {
    let mut accepting = Accepting::new(Options::new());
    for _ in 0..2 {
        let failed = accepting.receive(&mut &mut b"BREW\r\n\r\n".to_vec()[..]);
        assert!(matches!(failed, Err(AcceptError::Handshake(_))));
        let pending = String::from_utf8_lossy(accepting.pending()).into_owned();
        assert!(pending.starts_with("HTTP/1.1 400 "));
        assert_eq!(pending.matches("HTTP/1.1").count(), 1, "one answer");
        assert_eq!(accepting.transport(), Transport::Close);
    }
}

#[test]
fn a_page_of_another_site_gets_a_403_by_default() {
    let foreign = request("Origin: https://elsewhere.example\r\n");
    let (refused, written) = decide(&foreign, &Acceptor::new());
    assert!(matches!(
        refused,
        Err(AcceptError::Head(HeadError::OriginRefused(_)))
    ));
    assert!(written.starts_with("HTTP/1.1 403 "));

    // By hand too, as long as nobody says otherwise.
    let (mut accepting, request, _) = receive_in(&[&foreign]);
    let fault = request.check_origin(&OriginPolicy::same_host());
    assert_eq!(fault, Err(OriginFault::OtherHost));
    assert!(accepting.accept(&Accept::new()).is_err());
    assert!(accepting.pending().starts_with(b"HTTP/1.1 403 "));

    let any = Acceptor::new().origins(OriginPolicy::any());
    assert!(decide(&foreign, &any).0.is_ok());
}

#[test]
fn only_one_path_is_accepted_where_that_is_said() {
    let acceptor = Acceptor::new().path("/chat");
    assert!(decide(&request(""), &acceptor).0.is_ok(), "with any query");
    let (refused, written) = decide(&request(""), &Acceptor::new().path("/other"));
    assert!(matches!(refused, Err(AcceptError::Refused { status: 404 })));
    assert!(written.starts_with("HTTP/1.1 404 "));
    // In words for a person, as every refusal.
    let words = "This server takes WebSocket connections at another path.\n";
    assert!(written.ends_with(&format!("\r\n\r\n{words}")), "{written}");
    #[cfg(feature = "http")]
    assert_eq!(refused.unwrap_err().to_http().body(), words);

    // The answer to a plain request says that the server speaks WebSocket.
    let plain = b"GET /other HTTP/1.1\r\nHost: h\r\n\r\n";
    let (refused, written) = decide(plain, &acceptor);
    assert!(matches!(
        refused,
        Err(AcceptError::Handshake(HandshakeError::UpgradeInvalid))
    ));
    assert!(written.starts_with("HTTP/1.1 426 "));
}

#[test]
fn an_empty_path_is_the_root() {
    for target in ["http://h?a=b", "http://h"] {
        let wire = REQUEST.replace("/chat?room=1", target) + "\r\n";
        let (_, request, _) = receive_in(&[wire.as_bytes()]);
        assert_eq!(request.path(), "/");
        assert!(
            decide(wire.as_bytes(), &Acceptor::new().path("/"))
                .0
                .is_ok()
        );
    }
}

#[test]
fn the_server_s_favourite_subprotocol_is_agreed_on() {
    let both = request("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n");
    for (spoken, agreed) in [
        (&["c", "a"][..], Some("c")),
        (&["b", "a"], Some("b")),
        (&["A"], None),
        (&[], None),
    ] {
        let (opened, written) = decide(&both, &Acceptor::new().subprotocols(spoken));
        let opened = opened.unwrap();
        assert_eq!(opened.subprotocol(), agreed);
        let line = agreed.map(|agreed| format!("Sec-WebSocket-Protocol: {agreed}\r\n"));
        assert_eq!(written, format!("{ANSWER}{}\r\n", line.unwrap_or_default()));

        let connector = connector().subprotocols(&["a", "b", "c"]);
        let opened = connect_in(&[written.as_bytes()], &connector).unwrap();
        let (opened, response, _) = opened.unwrap();
        assert_eq!(opened.subprotocol(), agreed);
        assert_eq!(response.subprotocol(), agreed);

        let required = connect_in(&[written.as_bytes()], &connector.require_subprotocol(true));
        assert_eq!(required.is_ok(), agreed.is_some());
    }
}

#[test]
fn an_answer_that_the_caller_got_wrong_is_a_500() {
    let (mut accepting, _, _) = receive_in(&[&request("")]);
    let failed = accepting.accept(&Accept::new().subprotocol("not-offered"));
    assert!(matches!(
        failed,
        Err(AcceptError::Head(HeadError::SubprotocolNotOffered))
    ));
    assert!(accepting.pending().starts_with(b"HTTP/1.1 500 "));
}

#[test]
fn an_answer_that_cannot_be_sent_becomes_a_500() {
    for plain in [false, true] {
        let mut accepting = Accepting::new(Options::new());
        let mut bytes = match plain {
            true => b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
            false => request("").to_vec(),
        };
        accepting.receive(&mut &mut bytes[..]).unwrap().unwrap();
        assert!(accepting.respond(&PlainResponse::new(99)).is_err());
        assert!(accepting.pending().starts_with(b"HTTP/1.1 500 "));
        assert_eq!(accepting.transport(), Transport::Close);
    }
}

#[test]
fn an_answer_before_the_request_is_an_error() {
    let mut accepting = Accepting::new(Options::new());
    assert!(accepting.any_request().is_none());
    assert!(accepting.accept(&Accept::new()).is_err());
    assert!(accepting.respond(&PlainResponse::new(400)).is_err());
    assert!(accepting.pending().is_empty());
    let mut bytes = request("");
    let received = accepting.receive(&mut &mut bytes[..]).unwrap();
    assert!(received.is_some());
    assert!(accepting.accept(&Accept::new()).is_ok());
    assert!(accepting.accept(&Accept::new()).is_err(), "only once");
    assert_eq!(accepting.pending(), answer(""));
}

/// A text that was compressed is one again at the other end.
#[test]
fn deflate_is_agreed_on_where_both_want_it() {
    let deflate = Deflate::new();
    let text = "all the same ".repeat(100);
    for (client_wants, server_wants) in [(true, true), (true, false), (false, true)] {
        let mut connector = connector();
        if client_wants {
            connector = connector.deflate(&deflate);
        }
        let mut acceptor = Acceptor::new();
        if server_wants {
            acceptor = acceptor.deflate(&deflate);
        }
        let started = Connecting::start(&connector, NONCE).unwrap();
        let (mut accepting, request, _) = receive_in(&[started.pending()]);
        let opened = accepting.decide(&request, &acceptor).unwrap();
        let answer = written(&mut accepting, usize::MAX);
        let mut server = opened.server();
        let (opened, _, _) = connect_in(&[&answer], &connector).unwrap().unwrap();
        let mut client = opened.client(|| [0; 4]);

        let agreed = client_wants && server_wants;
        assert_eq!(server.deflate().is_some(), agreed);
        assert_eq!(client.deflate(), server.deflate());
        client.sender().send_text(&text).unwrap();
        assert_eq!(client.pending().len() < 100, agreed);
        assert_eq!(message(&mut server, client.pending()), text);
    }
}

/// A server that agrees to what does not fit the offer breaks the handshake.
#[test]
fn an_answer_to_deflate_that_was_not_offered_fails() {
    let answer = answer("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    let failed = connect_in(&[&answer], &connector());
    assert!(matches!(failed, Err(ConnectError::Handshake(_))));
    let twice = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n";
    let answer = self::answer(twice);
    let failed = connect_in(&[&answer], &connector().deflate(&Deflate::new()));
    assert!(matches!(failed, Err(ConnectError::Handshake(_))));
}

#[test]
fn the_options_reach_the_connection() {
    let options = Options::from(Config::new().max_message(1)).high_water(200);
    let (opened, _, left) = connect_in(&[&answer("")], &connector()).unwrap().unwrap();
    assert!(left.is_empty());
    let mut client = opened
        .with_options(options)
        .with_role(EitherRole::client(|| [0; 4]));
    client.sender().send_binary(&[7; 300]).unwrap();
    assert!(client.sender().send_binary(&[7]).is_err(), "200 bytes wait");
    let wire = b"\x81\x02hi";
    client.read_buf(wire.len())[..wire.len()].copy_from_slice(wire);
    client.advance(wire.len());
    assert!(client.next_message().is_err(), "one byte at most");
}

/// Values can be secrets, in whatever state a handshake is.
#[test]
fn debug_shows_no_values_of_header_fields() {
    const SECRET: &str = "s3cr3t";
    let bytes_of_secret = format!("{:?}", SECRET.as_bytes());
    let bytes_of_secret = bytes_of_secret.trim_matches(['[', ']']);
    let check = |debug: String| {
        assert!(!debug.contains(SECRET), "{debug}");
        assert!(!debug.contains(bytes_of_secret), "{debug}");
        debug
    };
    let connector = connector().header("Authorization", SECRET);
    assert!(check(format!("{connector:?}")).contains("ws://h/chat"));
    let started = Connecting::start(&connector, NONCE).unwrap();
    check(format!("{started:?}"));

    let (mut accepting, request, _) = receive_in(&[started.pending()]);
    check(format!("{accepting:?}"));
    let debug = check(format!("{request:?}"));
    assert!(debug.contains("Authorization") && debug.contains("/chat"));
    let headers: [(&str, &[u8]); 1] = [("Set-Cookie", SECRET.as_bytes())];
    let response = PlainResponse::new(401)
        .headers(&headers)
        .body(SECRET.as_bytes());
    accepting.respond(&response).unwrap();
    check(format!("{accepting:?}"));

    let written = written(&mut accepting, usize::MAX);
    let refused = connect_in(&[&written], &connector).unwrap_err();
    assert!(check(format!("{refused:?}")).contains("Set-Cookie"));
    check(refused.to_string());
    let mut half = connecting(&connector);
    let mut bytes = written[..written.len() - 1].to_vec();
    half.receive(&mut &mut bytes[..]).unwrap();
    check(format!("{half:?}"));
}

/// The request that a connector begins with.
fn asked(connector: &Connector) -> String {
    let connecting = Connecting::start(connector, NONCE).expect("a valid request");
    String::from_utf8(connecting.pending().to_vec()).expect("a head is ASCII here")
}

#[test]
fn a_connector_takes_what_the_rules_allow() {
    assert!(matches!(
        Connector::new("https://example.com/"),
        Err(UriError::Scheme)
    ));
    let rules = UriRules::new().http(true);
    let connector = Connector::with_rules("https://example.com:8443/a", rules).expect("allowed");
    assert!(connector.uri().is_secure());
    assert!(asked(&connector).contains("\r\nHost: example.com:8443\r\n"));
    assert!(matches!(
        Connector::with_rules("https://me:secret@example.com/", rules),
        Err(UriError::UserInfo)
    ));
}

#[test]
fn user_info_is_sent_by_choice_and_once() {
    let rules = UriRules::new().user_info(true);
    let connector =
        || Connector::with_rules("ws://me:s%65cret@example.com/", rules).expect("allowed");
    assert!(!asked(&connector()).contains("Authorization"));
    let sent = asked(&connector().send_user_info(true));
    assert!(
        sent.contains("\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"),
        "{sent}"
    );
    assert!(sent.contains("\r\nHost: example.com\r\n"), "{sent}");
    // A field that the program gives is the one that is sent.
    let own = connector()
        .send_user_info(true)
        .header("authorization", "Bearer abc");
    let sent = asked(&own);
    assert!(
        sent.contains("authorization: Bearer abc\r\n") && !sent.contains("Basic"),
        "{sent}"
    );
    let shown = format!("{:?}", connector().send_user_info(true));
    assert!(
        !shown.contains("cret") && !shown.contains("me:s"),
        "{shown}"
    );
}

/// A server would read another user name, or refuse the whole request.
#[test]
fn user_info_that_basic_cannot_carry_is_not_sent() {
    let rules = UriRules::new().user_info(true);
    for user_info in ["a%3Ab:c", "%00:c", "a%0D%0Ab:c", "a:%7F", "a:b%0Ac"] {
        let url = format!("wss://{user_info}@example.com/");
        let connector = Connector::with_rules(&url, rules).expect("allowed");
        let connector = connector.send_user_info(true);
        let started = Connecting::start(&connector, *b"the sample nonce");
        assert_eq!(
            started.err(),
            Some(HeadError::CredentialsInvalid),
            "{user_info}"
        );
        let given = connector.uri().user_info().expect("there is some").basic();
        let error = given.expect_err("it cannot be sent");
        assert_eq!(error.to_string(), HeadError::CredentialsInvalid.to_string());
        // By another scheme it can be sent.
        let own = connector.clone().header("Authorization", "Bearer abc");
        assert!(Connecting::start(&own, *b"the sample nonce").is_ok());
        assert!(Connecting::start(&connector.send_user_info(false), *b"the sample nonce").is_ok());
    }
    let connector = Connector::with_rules("wss://a:b%3Ac%C3%A9@example.com/", rules);
    let sent = asked(&connector.expect("allowed").send_user_info(true));
    assert!(
        sent.contains("\r\nAuthorization: Basic YTpiOmPDqQ==\r\n"),
        "{sent}"
    );
}

#[test]
fn a_zone_is_connected_to_and_not_sent() {
    let connector = Connector::new("ws://[fe80::1]:5580/ws")
        .expect("valid")
        .zone("eth0");
    let connector = connector.expect("a zone for an IPv6 address");
    assert_eq!(connector.uri().connect_host().to_string(), "fe80::1%eth0");
    let sent = asked(&connector);
    assert!(
        sent.contains("\r\nHost: [fe80::1]:5580\r\n") && !sent.contains("eth0"),
        "{sent}"
    );
    for (url, zone) in [
        ("ws://example.com/", "eth0"),
        ("ws://[fe80::1]/", ""),
        ("ws://[fe80::1]/", "a%b"),
    ] {
        let refused = Connector::new(url).expect("valid").zone(zone);
        assert!(matches!(refused, Err(UriError::Zone)), "{url} {zone}");
    }
}
