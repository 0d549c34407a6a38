//! Extended CONNECT: WebSocket connections on streams of HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).

use core::time::Duration;

use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    Accept, ClientConnect, ClientRequest, ConnectEnabled, ExtensionOffer, HandshakeError,
    HeadError, HttpStream, Limits, OriginFault, OriginPolicy, PlainResponse, PseudoFields, Upgrade,
};
use ws_proto::{Config, FixedBuf, Input, Instant, Storage, TimedOut, Transport, Uri};

type Fields<'f> = &'f [(&'f str, &'f [u8])];
type Sent = Vec<(String, Vec<u8>)>;

/// The request of RFC 8441 5.1.
const REQUEST: PseudoFields<'static> = PseudoFields {
    method: Some("CONNECT"),
    protocol: Some("websocket"),
    scheme: Some("https"),
    authority: Some("server.example.com"),
    path: Some("/chat"),
};
const VERSION: (&str, &[u8]) = ("sec-websocket-version", b"13");

fn enabled() -> ConnectEnabled {
    ConnectEnabled::from_setting(1).unwrap()
}

/// Makes another request of it.
type Change = fn(&mut PseudoFields<'static>);

/// What a server says to the request with these header fields besides the version.
fn check(pseudo: PseudoFields<'_>, more: Fields<'_>) -> Result<(), HandshakeError> {
    let headers = [&[VERSION], more].concat();
    Upgrade::from_extended_connect(&pseudo, &headers).map(drop)
}

fn borrowed(sent: &Sent) -> Vec<(&str, &[u8])> {
    sent.iter()
        .map(|(name, value)| (&**name, &**value))
        .collect()
}

fn start(request: ClientRequest<'_>) -> (ClientConnect<Vec<u8>>, Sent) {
    let mut sent = Vec::new();
    let field = |name: &str, value: &[u8]| sent.push((name.to_owned(), value.to_vec()));
    let started = ClientConnect::start(request, enabled(), Vec::new(), Limits::new(), field);
    let handshake = started.unwrap();
    (handshake, sent)
}

fn client() -> ClientConnect<Vec<u8>> {
    start(ClientRequest::new("h", "/").secure(true)).0
}

/// What the client makes of the head of a response.
fn answered(
    request: ClientRequest<'_>,
    status: u16,
    headers: Fields<'_>,
) -> Result<Option<Rsv>, HandshakeError> {
    let (mut handshake, _) = start(request.secure(true));
    let result = handshake.receive_head(status, headers);
    let result = result.map(|found| found.map(|established| established.negotiated().rsv()));
    let again = handshake.receive(&mut Input::default());
    let again = again.map(|found| found.map(|established| established.negotiated().rsv()));
    assert_eq!(again, result, "it stays");
    result
}

#[test]
fn a_request_can_be_looked_at() {
    let headers: [(&str, &[u8]); 6] = [
        ("sec-websocket-protocol", b"chat, superchat"),
        ("sec-websocket-extensions", b"x-a; p=1, x-b"),
        VERSION,
        ("origin", b"http://www.example.com"),
        ("cookie", b"a=b"),
        ("cookie", b"c=d"),
    ];
    let upgrade = Upgrade::from_extended_connect(&REQUEST, &headers).unwrap();
    assert_eq!(
        (upgrade.method(), upgrade.scheme()),
        ("CONNECT", Some("https"))
    );
    assert_eq!((upgrade.target(), upgrade.raw_target()), ("/chat", "/chat"));
    // shows: RFC8441-4-03, RFC8441-4-04
    assert_eq!(
        upgrade.host(),
        "server.example.com",
        "the host, and no tunnel to it"
    );
    assert_eq!(upgrade.origin(), Some(&b"http://www.example.com"[..]));
    assert!(upgrade.subprotocols().eq(["chat", "superchat"]));
    assert_eq!(
        upgrade.choose_subprotocol(&["x", "superchat"]),
        Some("superchat")
    );
    assert!(
        upgrade
            .extensions()
            .map(|one| one.name())
            .eq(["x-a", "x-b"])
    );
    let cookies = [&b"a=b"[..], b"c=d"];
    assert!(upgrade.headers().get_all("Cookie").eq(cookies));
    assert!(!format!("{upgrade:?}").contains("a=b"));
}

#[test]
fn each_pseudo_field_has_to_be_there_and_right() {
    use HandshakeError as E;

    let with = |change: Change| {
        let mut pseudo = REQUEST;
        change(&mut pseudo);
        check(pseudo, &[]).unwrap_err()
    };
    let cases: [(E, u16, Change); 27] = [
        (E::MethodNotConnect, 405, |p| p.method = None),
        (E::MethodNotConnect, 405, |p| p.method = Some("GET")),
        (E::MethodNotConnect, 405, |p| p.method = Some("connect")),
        // shows: RFC8441-4-05
        (E::ProtocolInvalid, 400, |p| p.protocol = None),
        (E::ProtocolInvalid, 400, |p| p.protocol = Some("")),
        (E::ProtocolInvalid, 400, |p| p.protocol = Some("a, b")),
        // shows: RFC9220-3-03
        (E::ProtocolUnsupported, 501, |p| p.protocol = Some("udp")),
        (E::ProtocolUnsupported, 501, |p| p.protocol = Some("webs")),
        // shows: RFC8441-4-02
        (E::SchemeInvalid, 400, |p| p.scheme = None),
        (E::SchemeInvalid, 400, |p| p.scheme = Some("wss")),
        (E::SchemeInvalid, 400, |p| p.scheme = Some("ws")),
        (E::SchemeInvalid, 400, |p| p.scheme = Some("")),
        // shows: RFC8441-4-03
        (E::AuthorityInvalid, 400, |p| p.authority = None),
        (E::AuthorityInvalid, 400, |p| p.authority = Some("")),
        (E::AuthorityInvalid, 400, |p| p.authority = Some("a b")),
        (E::AuthorityInvalid, 400, |p| p.authority = Some("u@h")),
        (E::AuthorityInvalid, 400, |p| p.authority = Some("h:65536")),
        (E::AuthorityInvalid, 400, |p| p.authority = Some("a://h")),
        // shows: RFC8441-4-02
        (E::TargetInvalid, 400, |p| p.path = None),
        (E::TargetInvalid, 400, |p| p.path = Some("")),
        (E::TargetInvalid, 400, |p| p.path = Some("*")),
        (E::TargetInvalid, 400, |p| p.path = Some("chat")),
        (E::TargetInvalid, 400, |p| p.path = Some("?a")),
        (E::TargetInvalid, 400, |p| p.path = Some("/a#b")),
        (E::TargetInvalid, 400, |p| p.path = Some("/a b")),
        (E::TargetInvalid, 400, |p| p.path = Some("/\u{e9}")),
        (E::TargetInvalid, 400, |p| p.path = Some("https://h/")),
    ];
    for (error, status, change) in cases {
        assert_eq!(with(change), error);
        assert_eq!(error.status(), Some(status), "{error}");
        let lower = |(name, _): &(&str, &str)| *name == name.to_ascii_lowercase();
        assert!(error.fields().iter().all(lower), "{error}");
    }
    assert_eq!(E::MethodNotConnect.fields(), [("allow", "CONNECT")]);

    let good: [Change; 8] = [
        |_| {},
        |p| p.protocol = Some("WebSocket"),
        |p| p.scheme = Some("http"),
        |p| p.scheme = Some("HTTPS"),
        |p| p.authority = Some("[2001:db8::1]:8443"),
        |p| p.authority = Some("h:"),
        |p| p.path = Some("/"),
        |p| p.path = Some("//a?b=/c%20d?"),
    ];
    for change in good {
        let mut pseudo = REQUEST;
        change(&mut pseudo);
        assert_eq!(check(pseudo, &[]), Ok(()), "{pseudo:?}");
    }
}

#[test]
fn fields_in_one_list_are_split() {
    let fields: [(&str, &[u8]); 6] = [
        (":path", b"/chat"),
        (":method", b"CONNECT"),
        (":authority", b"server.example.com"),
        (":protocol", b"websocket"),
        (":scheme", b"https"),
        VERSION,
    ];
    // shows: RFC9220-3-01
    assert_eq!(
        PseudoFields::split(&fields),
        Ok((REQUEST, &fields[5..])),
        "in HTTP/3 too"
    );
    assert_eq!(
        PseudoFields::split(&[]),
        Ok((PseudoFields::default(), &[][..]))
    );

    let invalid = Err(HandshakeError::PseudoFieldInvalid);
    // shows: RFC9113-8.3-01
    assert_eq!(HandshakeError::PseudoFieldInvalid.status(), Some(400));
    for twice in &fields[..5] {
        let doubled = [&[*twice], &fields[..]].concat();
        assert_eq!(
            PseudoFields::split(&doubled).map(drop),
            invalid,
            "{twice:?}"
        );
        // After a header field it is one of those, where it has no place.
        let (pseudo, headers) = PseudoFields::split(&fields).unwrap();
        let late = [headers, &[*twice]].concat();
        let found = Upgrade::from_extended_connect(&pseudo, &late);
        assert_eq!(found.map(drop), invalid, "{twice:?}");
    }
    for wrong in [
        (":status", &b"200"[..]),
        (":Method", b"CONNECT"),
        (":", b""),
        (":path", b"\xff"),
    ] {
        assert_eq!(
            PseudoFields::split(&[wrong]).map(drop),
            invalid,
            "{wrong:?}"
        );
    }
}

#[test]
fn a_host_beside_the_authority_has_to_agree() {
    let mismatch = Err(HandshakeError::HostMismatch);
    let invalid = Err(HandshakeError::HostInvalid);
    for (scheme, authority, host, expected) in [
        ("https", "example.com", "example.com", Ok(())),
        ("https", "example.com", "EXAMPLE.com:443", Ok(())),
        ("https", "example.com:443", "example.com", Ok(())),
        ("https", "[::1]", "[0:0::1]:443", Ok(())),
        ("http", "example.com", "example.com:80", Ok(())),
        ("http", "example.com", "example.com:443", mismatch),
        ("https", "example.com", "example.com:80", mismatch),
        ("https", "example.com", "example.org", mismatch),
        ("https", "example.com:1", "example.com:2", mismatch),
        ("https", "example.com", "", invalid),
        ("https", "example.com", "u@example.com", invalid),
    ] {
        let pseudo = PseudoFields {
            scheme: Some(scheme),
            authority: Some(authority),
            ..REQUEST
        };
        let found = check(pseudo, &[("host", host.as_bytes())]);
        // shows: RFC9113-8.3.1-01
        assert_eq!(found, expected, "{authority} {host:?}");
    }
    let twice: [(&str, &[u8]); 2] = [("host", b"server.example.com"); 2];
    assert_eq!(check(REQUEST, &twice), invalid);
    // `Host` does not stand for a missing authority.
    let without = PseudoFields {
        authority: None,
        ..REQUEST
    };
    let found = check(without, &twice[..1]);
    assert_eq!(found, Err(HandshakeError::AuthorityInvalid));
}

#[test]
fn fields_of_connections_are_refused_both_ways() {
    let fields: [(&str, &[u8]); 8] = [
        ("connection", b"Upgrade"),
        ("Connection", b"close"),
        ("upgrade", b"websocket"),
        ("keep-alive", b""),
        ("proxy-connection", b"keep-alive"),
        ("transfer-encoding", b"chunked"),
        ("te", b"gzip"),
        ("TE", b"trailers, gzip"),
    ];
    for field in fields {
        // shows: RFC8441-5-03, RFC9113-8.2.2-01
        assert_eq!(
            check(REQUEST, &[field]),
            Err(HandshakeError::ConnectionField),
            "{field:?}"
        );
        for status in [200, 404] {
            let found = answered(ClientRequest::new("h", "/"), status, &[field]);
            assert_eq!(found, Err(HandshakeError::ConnectionField), "{field:?}");
        }
        // Nor do we send one.
        let own = [field];
        let request = ClientRequest::new("h", "/").secure(true).headers(&own);
        let sent = ClientConnect::start(request, enabled(), Vec::new(), Limits::new(), |_, _| {
            panic!("nothing is sent")
        });
        assert_eq!(sent.unwrap_err(), HeadError::HeaderNameReserved);
        let headers = [VERSION];
        let upgrade = Upgrade::from_extended_connect(&REQUEST, &headers).unwrap();
        let answer = upgrade.answer(&Accept::new().headers(&own));
        assert_eq!(
            answer.map(drop),
            Err(HeadError::HeaderNameReserved),
            "{field:?}"
        );
    }
    assert_eq!(HandshakeError::ConnectionField.status(), Some(400));
    assert_eq!(check(REQUEST, &[("te", b"Trailers")]), Ok(()));
}

#[test]
fn the_version_is_13_and_the_refusal_names_it_without_upgrade() {
    let check = |headers: Fields<'_>| Upgrade::from_extended_connect(&REQUEST, headers).map(drop);
    let unsupported = Err(HandshakeError::ConnectVersionUnsupported);
    // shows: RFC8441-5-06
    assert_eq!(check(&[]), unsupported);
    assert_eq!(check(&[("sec-websocket-version", b"8")]), unsupported);
    assert_eq!(check(&[("sec-websocket-version", b"13, 8")]), unsupported);
    assert_eq!(
        check(&[VERSION, VERSION]),
        Err(HandshakeError::VersionRepeated)
    );
    assert_eq!(check(&[("Sec-Websocket-Version", b" 13 ")]), Ok(()));
    let error = HandshakeError::ConnectVersionUnsupported;
    // shows: RFC8441-5-12
    assert_eq!(error.status(), Some(400));
    assert_eq!(error.fields(), [("sec-websocket-version", "13")]);
}

#[test]
fn key_and_accept_have_no_meaning() {
    let ignored: [(&str, &[u8]); 3] = [
        ("sec-websocket-key", b"not a key"),
        ("sec-websocket-key", b""),
        ("sec-websocket-accept", b"nor this"),
    ];
    // shows: RFC8441-5-05
    assert_eq!(check(REQUEST, &ignored), Ok(()));
    assert_eq!(
        answered(ClientRequest::new("h", "/"), 200, &ignored),
        Ok(Some(Rsv::NONE))
    );
    let headers = [VERSION];
    let upgrade = Upgrade::from_extended_connect(&REQUEST, &headers).unwrap();
    let answer = upgrade.answer(&Accept::new()).unwrap();
    assert_eq!((answer.status(), answer.fields().count()), (200, 0));
    let (_, sent) = start(ClientRequest::new("h", "/").secure(true));
    assert!(!sent.iter().any(|(name, _)| name.contains("key")));
}

/// The same fields both ways: as an `Upgrade` of HTTP/1.1 and as an Extended CONNECT.
fn on_both<T: PartialEq + core::fmt::Debug>(
    more: Fields<'_>,
    with: impl Fn(Result<Upgrade<'_>, HandshakeError>) -> T,
) -> T {
    let headers = [&[VERSION], more].concat();
    let stream = with(Upgrade::from_extended_connect(&REQUEST, &headers));
    let upgrade: [(&str, &[u8]); 4] = [
        ("host", b"server.example.com"),
        ("upgrade", b"websocket"),
        ("connection", b"upgrade"),
        ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let headers = [&upgrade, &headers[..]].concat();
    let http1 = with(Upgrade::from_headers("GET", "/chat", &headers));
    assert_eq!(stream, http1, "{more:?}");
    stream
}

#[test]
fn what_both_requests_have_is_checked_alike() {
    use HandshakeError as E;

    let names: Vec<String> = (0..65).map(|n| format!("p{n}")).collect();
    let (fit, many) = (names[..64].join(","), names.join(","));
    let cases: [(Fields<'_>, Result<(), E>); 15] = [
        (&[], Ok(())),
        (&[("origin", b"null")], Ok(())),
        (
            &[("origin", b"a"), ("Origin", b"a")],
            Err(E::OriginRepeated),
        ),
        (&[("content-length", b"0")], Ok(())),
        (&[("content-length", b"1")], Err(E::BodyPresent)),
        (&[("content-length", b"")], Err(E::BodyPresent)),
        (
            &[("content-length", b"0"), ("content-length", b"0")],
            Err(E::BodyPresent),
        ),
        (
            &[("sec-websocket-protocol", b"")],
            Err(E::SubprotocolInvalid),
        ),
        (
            &[("sec-websocket-protocol", b"a b")],
            Err(E::SubprotocolInvalid),
        ),
        (
            &[
                ("sec-websocket-protocol", b"a"),
                ("sec-websocket-protocol", b"b,a"),
            ],
            Err(E::SubprotocolInvalid),
        ),
        (&[("sec-websocket-protocol", fit.as_bytes())], Ok(())),
        (
            &[("sec-websocket-protocol", many.as_bytes())],
            Err(E::TooManyElements),
        ),
        (
            &[("sec-websocket-extensions", b"")],
            Err(E::ExtensionsInvalid),
        ),
        (
            &[("sec-websocket-extensions", b"a;;b")],
            Err(E::ExtensionsInvalid),
        ),
        (&[("sec-websocket-extensions", b"a;b=\"c\", d")], Ok(())),
    ];
    for (more, expected) in cases {
        // shows: RFC8441-5-06
        assert_eq!(on_both(more, |found| found.map(drop)), expected, "{more:?}");
    }
}

/// An `Origin`, a policy, and what that says to it.
type Origins<'o> = (Option<&'o [u8]>, OriginPolicy<'o>, Result<(), OriginFault>);

#[test]
fn origins_are_checked_by_the_same_policies() {
    const LISTED: OriginPolicy<'_> = OriginPolicy::const_list(&["https://app.example"]);
    let same = OriginPolicy::same_host;
    let cases: [Origins<'_>; 11] = [
        (None, same(), Ok(())),
        (None, same().require_origin(true), Err(OriginFault::Missing)),
        (Some(b"https://server.example.com"), same(), Ok(())),
        (Some(b"https://server.example.com:443"), same(), Ok(())),
        (
            Some(b"https://server.example.com:8443"),
            same(),
            Err(OriginFault::OtherHost),
        ),
        (
            Some(b"https://evil.example"),
            same(),
            Err(OriginFault::OtherHost),
        ),
        (Some(b"null"), same(), Err(OriginFault::NotPage)),
        (Some(b"https://evil.example"), OriginPolicy::any(), Ok(())),
        (Some(b"https://app.example"), LISTED, Ok(())),
        (
            Some(b"https://server.example.com"),
            LISTED,
            Err(OriginFault::NotListed),
        ),
        (
            Some(b"https://server.example.com"),
            OriginPolicy::local(),
            Err(OriginFault::HostNotLocal),
        ),
    ];
    for (origin, policy, expected) in cases {
        let fields: Vec<(&str, &[u8])> =
            origin.map(|value| ("origin", value)).into_iter().collect();
        let found = on_both(&fields, |upgrade| {
            let upgrade = upgrade.unwrap();
            assert_eq!(policy.allows(&upgrade), expected.is_ok());
            let checked = upgrade.check_origin(&policy).map_err(|error| error.fault());
            assert_eq!(checked, expected);
            upgrade.answer(&Accept::new().origins(policy)).map(drop)
        });
        // shows: RFC8441-5-06
        assert_eq!(
            found,
            expected.map_err(HeadError::OriginRefused),
            "{origin:?}"
        );
    }
    // Without a call of `origins` it is the same host.
    let foreign: Fields<'_> = &[("origin", b"https://evil.example")];
    let found = on_both(foreign, |upgrade| {
        upgrade.unwrap().answer(&Accept::new()).map(drop)
    });
    assert_eq!(found, Err(HeadError::OriginRefused(OriginFault::OtherHost)));
    let refusal = OriginFault::OtherHost.response();
    assert_eq!(
        (refusal.get_status(), refusal.get_headers().len()),
        (403, 1)
    );
    assert!(refusal.get_body().starts_with(b"This server"));
}

#[test]
fn the_answer_has_what_was_agreed_on_and_names_in_lower_case() {
    let more: [(&str, &[u8]); 2] = [
        ("sec-websocket-protocol", b"a, b"),
        ("sec-websocket-extensions", b"x; q, y"),
    ];
    let extensions = [
        ExtensionOffer::new("y", &[("p", Some("1"))]).with_rsv(Rsv::RSV2),
        ExtensionOffer::new("x", &[]).with_rsv(Rsv::RSV1),
    ];
    let headers = [&[VERSION], &more[..]].concat();
    let upgrade = Upgrade::from_extended_connect(&REQUEST, &headers).unwrap();
    let accept = Accept::new().subprotocol("b").extensions(&extensions);
    let answer = upgrade
        .answer(&accept.headers(&[("set-cookie", b"a=b")]))
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.negotiated().rsv(), Rsv::RSV1 | Rsv::RSV2);
    let fields: Vec<String> = answer
        .fields()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    // shows: RFC8441-5-07
    assert_eq!(
        fields,
        [
            "sec-websocket-protocol: b",
            "sec-websocket-extensions: y; p=1, x"
        ]
    );

    for (accept, error) in [
        (
            Accept::new().subprotocol("c"),
            HeadError::SubprotocolNotOffered,
        ),
        (accept.subprotocol("A"), HeadError::SubprotocolNotOffered),
        (
            Accept::new().extensions(&[ExtensionOffer::new("z", &[])]),
            HeadError::ExtensionNotOffered,
        ),
        (
            Accept::new().headers(&[(":status", b"201")]),
            HeadError::HeaderNameInvalid,
        ),
        (
            Accept::new().headers(&[("a", b"b\r\nc")]),
            HeadError::HeaderValueInvalid,
        ),
    ] {
        let found = on_both(&more, |upgrade| upgrade.unwrap().answer(&accept).map(drop));
        assert_eq!(found, Err(error));
    }
}

#[test]
fn no_bytes_of_http_1_1_get_on_a_stream() {
    let foreign: [(&str, &[u8]); 2] = [VERSION, ("origin", b"https://evil.example")];
    for headers in [&foreign[..1], &foreign] {
        let upgrade = || Upgrade::from_extended_connect(&REQUEST, headers).unwrap();
        let mut out = Vec::new();
        let accepted = upgrade().accept(&Accept::new(), &mut out);
        assert_eq!(accepted, Err(HeadError::NotHttp1));
        let rejected = upgrade().reject(&PlainResponse::new(404), &mut out);
        assert_eq!(rejected, Err(HeadError::NotHttp1));
        assert_eq!(out, b"");
    }
}

#[test]
fn the_request_of_a_client_is_that_of_the_example() {
    let uri = Uri::parse("wss://server.example.com/chat").unwrap();
    let deflate = [ExtensionOffer::new("permessage-deflate", &[])];
    let request = ClientRequest::from_uri(uri)
        .subprotocols(&["chat", "superchat"])
        .extensions(&deflate)
        .origin("http://www.example.com")
        .headers(&[("Authorization", b"Bearer \xff"), ("x-y", b"")]);
    let (_, sent) = start(request);
    // shows: RFC8441-4-01, RFC8441-4-02, RFC8441-5-01, RFC8441-5-03, RFC8441-5-04, RFC8441-5-05, RFC8441-5-07
    assert_eq!(
        borrowed(&sent),
        [
            (":method", &b"CONNECT"[..]),
            (":protocol", b"websocket"),
            (":scheme", b"https"),
            (":path", b"/chat"),
            (":authority", b"server.example.com"),
            ("sec-websocket-protocol", b"chat, superchat"),
            ("sec-websocket-extensions", b"permessage-deflate"),
            ("sec-websocket-version", b"13"),
            ("origin", b"http://www.example.com"),
            ("authorization", b"Bearer \xff"),
            ("x-y", b""),
        ]
    );
    let (pseudo, headers) = (borrowed(&sent), borrowed(&sent));
    let (pseudo, _) = PseudoFields::split(&pseudo).unwrap();
    let upgrade = Upgrade::from_extended_connect(&pseudo, &headers[5..]).unwrap();
    assert!(
        upgrade
            .extensions()
            .map(|one| one.name())
            .eq(["permessage-deflate"])
    );
}

#[test]
fn scheme_host_and_target_are_those_of_the_uri() {
    for (uri, scheme, authority, path) in [
        // shows: RFC8441-5-02, RFC8441-5-04
        ("ws://example.com", "http", "example.com", "/"),
        ("wss://example.com:443?a", "https", "example.com", "/?a"),
        ("wss://example.com:80/x", "https", "example.com:80", "/x"),
        ("ws://[::1]:81/a?b", "http", "[::1]:81", "/a?b"),
    ] {
        let (_, sent) = start(ClientRequest::from_uri(Uri::parse(uri).unwrap()));
        let fields = borrowed(&sent);
        let (pseudo, _) = PseudoFields::split(&fields).unwrap();
        assert_eq!(
            (pseudo.scheme, pseudo.authority, pseudo.path),
            (Some(scheme), Some(authority), Some(path)),
            "{uri}"
        );
    }
    for (secure, scheme) in [(true, "https"), (false, "http")] {
        let (_, sent) = start(ClientRequest::new("h:1", "/a").secure(secure));
        let fields = borrowed(&sent);
        let (pseudo, _) = PseudoFields::split(&fields).unwrap();
        assert_eq!(
            (pseudo.scheme, pseudo.authority),
            (Some(scheme), Some("h:1"))
        );
    }
}

#[test]
fn without_the_setting_of_the_server_there_is_no_request() {
    // shows: RFC8441-3-02, RFC8441-3-04
    assert_eq!(ConnectEnabled::from_setting(0), None);
    assert_eq!(ConnectEnabled::from_setting(2), None);
    assert!(ConnectEnabled::from_setting(1).is_some());
    // shows: RFC9220-3-02
    assert_eq!(ConnectEnabled::SETTING, 0x08);
}

#[test]
fn what_cannot_be_sent_is_an_error_before_anything_is() {
    let request = ClientRequest::new("h", "/").secure(true);
    for (request, error) in [
        (ClientRequest::new("h", "/"), HeadError::SchemeMissing),
        (
            ClientRequest::new("h h", "/").secure(true),
            HeadError::HostInvalid,
        ),
        (
            ClientRequest::new("h", "x").secure(true),
            HeadError::TargetInvalid,
        ),
        (request.origin("\n"), HeadError::OriginInvalid),
        (
            request.subprotocols(&["a", "a"]),
            HeadError::SubprotocolRepeated,
        ),
        (
            request.headers(&[("a b", b"")]),
            HeadError::HeaderNameInvalid,
        ),
        (
            request.headers(&[(":path", b"/")]),
            HeadError::HeaderNameInvalid,
        ),
        (
            request.headers(&[("a", b"\n")]),
            HeadError::HeaderValueInvalid,
        ),
        (
            request.headers(&[("Host", b"x")]),
            HeadError::HeaderNameReserved,
        ),
    ] {
        let field = |_: &str, _: &[u8]| panic!("nothing is sent");
        let started = ClientConnect::start(request, enabled(), Vec::new(), Limits::new(), field);
        assert_eq!(started.unwrap_err(), error);
    }
}

#[test]
fn a_storage_that_is_too_small_sends_nothing() {
    fn fits<const N: usize>(request: ClientRequest<'_>) -> bool {
        let mut fields = 0;
        let storage = FixedBuf::<N>::new();
        let started = ClientConnect::start(request, enabled(), storage, Limits::new(), |_, _| {
            fields += 1;
        });
        match started {
            Ok(_) => true,
            Err(error) => {
                assert_eq!((error, fields), (HeadError::StorageFull, 0));
                false
            }
        }
    }
    // The state that waits for the answer, and the longest rendered field.
    let uri = ClientRequest::from_uri(Uri::parse("wss://example.com/chat").unwrap());
    assert_eq!((fits::<10>(uri), fits::<11>(uri)), (false, true));
    let offers = uri.subprotocols(&["a", "b"]);
    assert_eq!((fits::<14>(offers), fits::<15>(offers)), (false, true));
    let name = uri.headers(&[("Authorization", b"x")]);
    assert_eq!((fits::<12>(name), fits::<13>(name)), (false, true));
    let parts = ClientRequest::new("example.com", "/chat").secure(true);
    assert!(fits::<0>(parts), "nothing to render");
}

#[test]
fn every_2xx_accepts_and_nothing_else_does() {
    let request = ClientRequest::new("h", "/");
    for status in [200, 201, 204, 299] {
        // shows: RFC8441-5-08
        assert_eq!(
            answered(request, status, &[("content-length", b"7")]),
            Ok(Some(Rsv::NONE))
        );
    }
    for status in [0, 99, 101, 1000, u16::MAX] {
        // shows: RFC8441-5-08, RFC9113-8.6-01
        assert_eq!(
            answered(request, status, &[]),
            Err(HandshakeError::StatusInvalid),
            "{status}"
        );
    }
    for status in [300, 401, 426, 501, 999] {
        let refused = HandshakeError::Refused { status };
        assert_eq!(
            answered(request, status, &[("content-length", b"0")]),
            Err(refused)
        );
        // Its body is to come.
        assert_eq!(answered(request, status, &[]), Ok(None));
    }
    assert_eq!(HandshakeError::StatusInvalid.status(), None);
}

#[test]
fn an_answer_is_checked_against_the_offer() {
    use HandshakeError as E;

    let offers = [
        ExtensionOffer::new("x", &[]).with_rsv(Rsv::RSV1),
        ExtensionOffer::new("y", &[]).with_rsv(Rsv::RSV1),
    ];
    let request = ClientRequest::new("h", "/")
        .subprotocols(&["a", "b"])
        .extensions(&offers);
    let cases: [(Fields<'_>, Result<Option<Rsv>, E>); 11] = [
        (&[], Ok(Some(Rsv::NONE))),
        (&[("sec-websocket-protocol", b"b")], Ok(Some(Rsv::NONE))),
        (
            &[("sec-websocket-protocol", b"c")],
            Err(E::SubprotocolNotOffered),
        ),
        (
            &[("sec-websocket-protocol", b"")],
            Err(E::SubprotocolInvalid),
        ),
        (
            &[
                ("sec-websocket-protocol", b"a"),
                ("sec-websocket-protocol", b"a"),
            ],
            Err(E::SubprotocolInvalid),
        ),
        (&[("sec-websocket-extensions", b"x")], Ok(Some(Rsv::RSV1))),
        (
            &[("sec-websocket-extensions", b"z")],
            Err(E::ExtensionNotOffered),
        ),
        (
            &[("sec-websocket-extensions", b"x, y")],
            Err(E::ExtensionRepeated),
        ),
        (
            &[("sec-websocket-extensions", b";")],
            Err(E::ExtensionsInvalid),
        ),
        (&[("a b", b"")], Err(E::HeaderInvalid)),
        (&[(":status", b"200")], Err(E::PseudoFieldInvalid)),
    ];
    for (headers, expected) in cases {
        // shows: RFC8441-5-06
        assert_eq!(answered(request, 200, headers), expected, "{headers:?}");
    }
    let strict = request.require_subprotocol(true);
    assert_eq!(answered(strict, 200, &[]), Err(E::SubprotocolMissing));

    let (mut handshake, _) = start(request.secure(true));
    let answer: [(&str, &[u8]); 3] = [
        ("sec-websocket-protocol", b"b"),
        ("sec-websocket-extensions", b"y; p"),
        ("x-z", b" \xff "),
    ];
    let established = handshake.receive_head(200, &answer).unwrap().unwrap();
    assert_eq!(established.subprotocol(), Some("b"));
    assert!(established.extensions().map(|one| one.name()).eq(["y"]));
    assert_eq!(established.headers().get("X-Z"), Some(&b"\xff"[..]));
    assert_eq!(handshake.transport(), Transport::Open);
    // What follows is for the connection.
    let mut frame = *b"\x81\x02hi";
    let mut input = Input::new(&mut frame);
    assert!(handshake.receive(&mut input).unwrap().is_some());
    assert_eq!(input.len(), 4);
    assert_eq!(handshake.receive_eof(), Ok(()));
    assert_eq!(handshake.tick(Instant::from_millis(1 << 40)), Ok(None));
}

#[test]
fn a_refusal_is_handed_out_with_its_body_however_that_is_cut() {
    let headers: [(&str, &[u8]); 3] = [
        ("location", b"/there"),
        ("retry-after", b"7"),
        ("x-empty", b""),
    ];
    let body = b"no such room, sorry";
    for cut in 1..=body.len() {
        let (mut handshake, _) = start(
            ClientRequest::new("h", "/")
                .secure(true)
                .subprotocols(&["offered"]),
        );
        assert!(handshake.receive_head(404, &headers).unwrap().is_none());
        assert_eq!(handshake.transport(), Transport::Open);
        for piece in body.to_vec().chunks_mut(cut) {
            assert!(handshake.receive(&mut Input::new(piece)).unwrap().is_none());
        }
        assert!(!handshake.refusal().unwrap().is_body_complete());
        let refused = HandshakeError::Refused { status: 404 };
        assert_eq!(handshake.receive_eof(), Err(refused));
        assert_eq!(handshake.transport(), Transport::Close);
        let refusal = handshake.refusal().unwrap();
        assert_eq!((refusal.status(), refusal.reason()), (404, &b""[..]));
        assert_eq!(refusal.headers().get("Location"), Some(&b"/there"[..]));
        assert_eq!(refusal.headers().iter().count(), 3);
        assert_eq!(refusal.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(
            (refusal.body(), refusal.is_body_complete()),
            (&body[..], true)
        );
        // The head of trailers changes nothing.
        assert_eq!(handshake.receive_head(200, &[]).map(drop), Err(refused));
    }
    // Of a length that is known, without the end.
    let mut handshake = client();
    assert!(
        handshake
            .receive_head(500, &[("content-length", b"4")])
            .unwrap()
            .is_none()
    );
    let mut data = *b"oops and more";
    let mut input = Input::new(&mut data);
    let refused = Err(HandshakeError::Refused { status: 500 });
    assert_eq!(handshake.receive(&mut input).map(drop), refused);
    assert!(input.is_empty());
    let refusal = handshake.refusal().unwrap();
    assert_eq!(
        (refusal.body(), refusal.is_body_complete()),
        (&b"oops"[..], true)
    );
}

#[test]
fn an_answer_counts_towards_its_limits() {
    let start = |limits: Limits| {
        let request = ClientRequest::new("h", "/").secure(true);
        ClientConnect::start(request, enabled(), Vec::new(), limits, |_, _| {}).unwrap()
    };
    let headers: [(&str, &[u8]); 2] = [("a", b"b"), ("cc", b"")];
    // As the lines of HTTP/1.1: an empty one, `a: b`, `cc: `, an empty one.
    for (bytes, expected) in [(16, Ok(())), (15, Err(HandshakeError::HeadTooLarge))] {
        let mut handshake = start(Limits::new().head_bytes(bytes));
        let found = handshake.receive_head(200, &headers).map(drop);
        assert_eq!(found, expected);
    }
    let mut handshake = start(Limits::new().lines(2));
    let found = handshake.receive_head(200, &headers).map(drop);
    assert_eq!(found, Err(HandshakeError::TooManyLines));

    // Skipped heads count too, and are counted.
    let mut handshake = start(Limits::new().head_bytes(16 + 15));
    assert!(handshake.receive_head(103, &headers).unwrap().is_none());
    let found = handshake.receive_head(200, &headers).map(drop);
    assert_eq!(found, Err(HandshakeError::HeadTooLarge));
    let mut handshake = start(Limits::new().informational(2));
    assert!(handshake.receive_head(100, &[]).unwrap().is_none());
    assert!(handshake.receive_head(103, &[]).unwrap().is_none());
    let found = handshake.receive_head(102, &[]).map(drop);
    assert_eq!(found, Err(HandshakeError::TooManyInformational));

    let mut handshake = start(Limits::new().body_bytes(3));
    assert!(handshake.receive_head(404, &[]).unwrap().is_none());
    let found = handshake
        .receive(&mut Input::new(&mut b"abcdef".to_vec()))
        .map(drop);
    assert_eq!(found, Err(HandshakeError::Refused { status: 404 }));
    let refusal = handshake.refusal().unwrap();
    assert_eq!(
        (refusal.body(), refusal.is_body_complete()),
        (&b"abc"[..], false)
    );
}

#[test]
fn a_storage_that_is_full_ends_the_handshake() {
    fn at<const N: usize>(status: u16) -> Result<bool, HandshakeError> {
        let request = ClientRequest::new("h", "/").secure(true);
        let storage = FixedBuf::<N>::new();
        let mut handshake =
            ClientConnect::start(request, enabled(), storage, Limits::new(), |_, _| {}).unwrap();
        let found = handshake.receive_head(status, &[("a", b"b")]);
        found.map(|found| found.is_some())
    }
    assert_eq!(at::<9>(200), Err(HandshakeError::HeadTooLarge));
    assert_eq!(at::<10>(200), Ok(true));
    assert_eq!(at::<9>(404), Err(HandshakeError::HeadTooLarge));
    assert_eq!(at::<10>(404), Ok(false));
    // It is not stored, as nobody sees it.
    assert_eq!(at::<0>(103), Ok(false));
}

#[test]
fn a_stream_that_ends_or_a_server_that_is_silent_is_a_failure() {
    let nothing = HandshakeError::NothingReceived;
    let mut handshake = client();
    assert_eq!(handshake.receive_eof(), Err(nothing));
    assert_eq!(
        handshake.receive_head(200, &[]).map(drop),
        Err(nothing),
        "it stays"
    );
    assert_eq!(handshake.transport(), Transport::Close);
    assert!(handshake.refusal().is_none());
    assert!(!format!("{handshake:?}").is_empty());

    let mut handshake = client();
    let mut data = *b"body";
    let mut input = Input::new(&mut data);
    let invalid = Err(HandshakeError::StatusInvalid);
    assert!(handshake.receive(&mut Input::default()).unwrap().is_none());
    assert_eq!(
        handshake.receive(&mut input).map(drop),
        invalid,
        "before any head"
    );
    assert!(input.is_empty());

    let at = Instant::from_millis;
    let mut handshake = client();
    assert_eq!(handshake.tick(at(0)), Ok(Some(at(10_000))));
    assert_eq!(handshake.tick(at(10_000)), Err(TimedOut::Handshake));
    assert_eq!(handshake.transport(), Transport::Abort);
    assert!(handshake.into_storage().bytes().is_empty());

    let mut handshake = client();
    assert!(
        handshake
            .receive_head(404, &[("content-length", b"0")])
            .is_err()
    );
    assert_eq!(handshake.tick(at(0)), Ok(Some(at(10_000))));
    assert_eq!(handshake.tick(at(10_000)), Err(TimedOut::Drain));
    assert_eq!(handshake.transport(), Transport::Abort);
}

#[test]
fn resets_have_their_codes() {
    // shows: RFC8441-5-11
    assert_eq!(HttpStream::Http2.cancel_code(), 0x8);
    // shows: RFC9220-3-05
    assert_eq!(HttpStream::Http3.cancel_code(), 0x10c);
    assert_eq!(HttpStream::Http2.malformed_code(), 0x1);
    assert_eq!(HttpStream::Http3.malformed_code(), 0x10e);
}

#[test]
fn errors_name_the_sections_that_they_come_from() {
    use HandshakeError as E;

    for (error, section) in [
        (E::AuthorityInvalid, "RFC 8441 5"),
        (E::ConnectVersionUnsupported, "RFC 6455 4.4"),
        (E::ConnectionField, "RFC 9113 8.2.2"),
        (E::HostMismatch, "RFC 9113 8.3.1"),
        (E::MethodNotConnect, "RFC 8441 4"),
        (E::ProtocolInvalid, "RFC 8441 4"),
        (E::ProtocolUnsupported, "RFC 9220 3"),
        (E::PseudoFieldInvalid, "RFC 9113 8.3"),
        (E::SchemeInvalid, "RFC 8441 5"),
        (E::StatusInvalid, "RFC 9113 8.3.2"),
    ] {
        assert_eq!(error.section(), section);
        assert!(error.to_string().is_ascii());
    }
    for error in [HeadError::NotHttp1, HeadError::SchemeMissing] {
        assert!(error.to_string().contains("Extended CONNECT"));
    }
}

/// Both ends over one stream, from the fields of the request to the last byte.
#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_go_over_a_stream_to_the_end() {
    use ws_proto::extension::deflate::Deflate;
    use ws_proto::{CloseCode, CloseReason, WebSocket};

    let deflate = Deflate::new().threshold(0);
    let offer = deflate.offer();
    let offers = [offer.extension()];
    let uri = Uri::parse("wss://example.com/chat").unwrap();
    let request = ClientRequest::from_uri(uri)
        .subprotocols(&["chat"])
        .extensions(&offers);
    let (mut handshake, sent) = start(request);

    let fields = borrowed(&sent);
    let (pseudo, headers) = PseudoFields::split(&fields).unwrap();
    let upgrade = Upgrade::from_extended_connect(&pseudo, headers).unwrap();
    let element = deflate.accept(upgrade.extensions()).unwrap();
    let extensions = [element.extension()];
    let accept = Accept::new().subprotocol("chat").extensions(&extensions);
    let answer = upgrade.answer(&accept).unwrap();
    let mut server = WebSocket::server(answer.negotiated(), Config::new())
        .with_deflate(&deflate, element.params());

    let fields: Vec<(&str, String)> = answer
        .fields()
        .map(|(name, value)| (name, value.to_string()))
        .collect();
    let fields: Vec<(&str, &[u8])> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let established = handshake.receive_head(answer.status(), &fields);
    let established = established.unwrap().unwrap();
    assert_eq!(established.subprotocol(), Some("chat"));
    let params = deflate.answered(established.extensions()).unwrap();
    let keys = || [1, 2, 3, 4];
    let mut client = WebSocket::client(established.negotiated(), Config::new(), keys)
        .with_deflate(&deflate, params.unwrap());

    let text = "all the same ".repeat(100);
    client.sender().send_text(&text).unwrap();
    assert!(client.pending().len() < 60, "it is compressed");
    assert_eq!(pass(&mut client, &mut server), [&*text]);
    server.sender().send_text(&text).unwrap();
    let mut sender = server.sender();
    sender
        .close(CloseCode::GOING_AWAY, CloseReason::EMPTY)
        .unwrap();
    assert_eq!(pass(&mut server, &mut client), [&*text]);
    assert_eq!(pass(&mut client, &mut server), [""; 0]);

    // The server ends its side first: END_STREAM after its Close, which has come.
    assert_eq!(server.transport(), Transport::Close);
    assert_eq!(client.transport(), Transport::AwaitEof);
    // shows: RFC8441-5-10
    assert_eq!(client.receive_eof(), Ok(()));
    assert_eq!(client.transport(), Transport::Close);
    assert_eq!(server.receive_eof(), Ok(()));
}

/// Passes on all that waits to be written; returns the texts that come of it.
#[cfg(feature = "deflate")]
fn pass<R: ws_proto::Role, S: ws_proto::Role>(
    from: &mut ws_proto::WebSocket<R>,
    to: &mut ws_proto::WebSocket<S>,
) -> Vec<String> {
    let bytes = from.pending().to_vec();
    from.consume(bytes.len());
    let room = to.read_buf(bytes.len());
    room[..bytes.len()].copy_from_slice(&bytes);
    to.advance(bytes.len());
    let mut texts = Vec::new();
    while let Some((message, _)) = to.next_message().unwrap() {
        texts.push(message.as_text().unwrap().to_owned());
    }
    texts
}
