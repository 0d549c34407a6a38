//! Handshakes with the types of the crate `http`.
#![cfg(feature = "http")]

use http::{HeaderMap, Request, Response, Version};
use ws_proto::handshake::http::{
    ClientUpgrade, UpgradeError, accept, accept_with_protocol, fields, refusal,
};
use ws_proto::handshake::{
    Accept, AnyRequest, ClientConnect, ClientHandshake, ClientRequest, ConnectEnabled,
    HandshakeError, HeadError, Limits, OriginFault, OriginPolicy, PseudoFields, ServerHandshake,
    Upgrade,
};
use ws_proto::{FixedBuf, Input, Uri};

fn asking() -> Request<()> {
    Request::get("/chat?room=1")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "keep-alive, Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Protocol", "a, b")
        .body(())
        .unwrap()
}

#[test]
fn a_request_is_accepted() {
    let how = Accept::new()
        .subprotocol("b")
        .headers(&[("Set-Cookie", b"x=1"), ("Set-Cookie", b"y=2")]);
    let (response, _) = accept(&asking(), &how).unwrap();
    assert_eq!(response.status(), 101);
    let headers = response.headers();
    assert_eq!(headers["upgrade"], "websocket");
    assert_eq!(headers["connection"], "Upgrade");
    assert_eq!(
        headers["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(headers["sec-websocket-protocol"], "b");
    assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
}

#[test]
fn a_request_that_is_wrong_is_refused() {
    let error = |change: fn(&mut Request<()>)| {
        let mut request = asking();
        change(&mut request);
        match accept(&request, &Accept::new()) {
            Err(UpgradeError::Handshake(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let version = error(|r| *r.version_mut() = Version::HTTP_2);
    assert_eq!(version, HandshakeError::HttpVersion);
    let no_key = error(|r| drop(r.headers_mut().remove("sec-websocket-key")));
    assert_eq!(no_key, HandshakeError::KeyInvalid);
    assert_eq!(refusal(no_key).status(), 400);
    let post = error(|r| *r.method_mut() = http::Method::POST);
    assert_eq!(refusal(post).status(), 405);
    assert_eq!(refusal(post).headers()["allow"], "GET");
    let old = error(|r| {
        r.headers_mut().insert("sec-websocket-version", 8.into());
    });
    assert_eq!(refusal(old).status(), 426);
    assert_eq!(refusal(old).headers()["sec-websocket-version"], "13");
}

#[test]
fn an_answer_that_does_not_fit_is_the_callers_fault() {
    for (how, expected) in [
        (
            Accept::new().subprotocol("c"),
            HeadError::SubprotocolNotOffered,
        ),
        (
            Accept::new().headers(&[("X", b"a\r\nb")]),
            HeadError::HeaderValueInvalid,
        ),
        (
            Accept::new().headers(&[("Upgrade", b"h2c")]),
            HeadError::HeaderNameReserved,
        ),
    ] {
        let error = accept(&asking(), &how).unwrap_err();
        assert_eq!(error, UpgradeError::Head(expected));
        assert_eq!(error.to_string(), expected.to_string());
    }
    let fault = HandshakeError::HostInvalid;
    assert_eq!(UpgradeError::from(fault).to_string(), fault.to_string());
}

#[test]
fn both_ends_agree() {
    let uri = Uri::parse("wss://example.com:8443/chat?room=1").unwrap();
    let (upgrade, request) = ClientUpgrade::start(
        ClientRequest::from_uri(uri).subprotocols(&["a", "b"]),
        *b"0123456789abcdef",
        FixedBuf::<8>::new(),
    )
    .unwrap();
    let shown = format!("{upgrade:?}");
    assert!(shown.starts_with("ClientUpgrade"), "{shown}");
    assert_eq!(request.uri(), "/chat?room=1");
    assert_eq!(request.headers()["host"], "example.com:8443");
    let (response, _) = accept(&request, &Accept::new().subprotocol("a")).unwrap();
    upgrade.finish(&response).unwrap();
}

#[test]
fn a_client_checks_the_answer() {
    let finish = |response: Response<()>| {
        let request = ClientRequest::new("h", "/");
        let (upgrade, _) = ClientUpgrade::start(request, *b"the sample nonce", Vec::new()).unwrap();
        upgrade.finish(&response).unwrap_err()
    };
    let redirect = Response::builder().status(302).body(()).unwrap();
    assert_eq!(finish(redirect), HandshakeError::Refused { status: 302 });
    let bare = Response::builder().status(101).body(()).unwrap();
    assert_eq!(finish(bare), HandshakeError::UpgradeInvalid);
    let old = Response::builder().version(Version::HTTP_10).status(101);
    assert_eq!(finish(old.body(()).unwrap()), HandshakeError::HttpVersion);
    let wrong = Response::builder()
        .status(101)
        .header("Upgrade", "websocket")
        .header("Connection", "upgrade")
        .header("Sec-WebSocket-Accept", "wrong")
        .body(())
        .unwrap();
    assert_eq!(finish(wrong), HandshakeError::AcceptInvalid);
}

#[test]
fn what_was_received_becomes_a_request_or_a_response() {
    let head = "GET /chat?x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Cookie: a=b\r\nCookie: c=d\r\n\r\n";
    for (head, method) in [
        (head.to_owned(), "GET"),
        (
            head.replace("GET", "POST")
                .replace("Upgrade: websocket\r\n", ""),
            "POST",
        ),
    ] {
        let mut head = head.into_bytes();
        let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
        let mut out = Vec::new();
        let incoming = handshake.receive_any(&mut Input::new(&mut head), &mut out);
        let request: Request<()> = match incoming.unwrap().unwrap() {
            AnyRequest::Upgrade(upgrade) => (&upgrade).try_into().unwrap(),
            AnyRequest::Plain(plain) => (&plain).try_into().unwrap(),
        };
        assert_eq!(request.method(), method);
        assert_eq!(request.uri(), "/chat?x");
        assert_eq!(request.headers().get_all("cookie").iter().count(), 2);
    }

    let mut out = Vec::new();
    let request = ClientRequest::new("h", "/");
    let nonce = *b"the sample nonce";
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out).unwrap();
    let mut read = *b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX: y\r\nX: z\r\n\r\n";
    let established = handshake.receive(&mut Input::new(&mut read));
    let response: Response<()> = (&established.unwrap().unwrap()).try_into().unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers().get_all("x").iter().count(), 2);

    let request = ClientRequest::new("h", "/");
    let mut handshake =
        ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut out).unwrap();
    let mut read = *b"HTTP/1.1 401 No\r\nX: y\r\nContent-Length: 2\r\n\r\nno";
    assert!(handshake.receive(&mut Input::new(&mut read)).is_err());
    let refusal = handshake.refusal().unwrap();
    let response: Response<Vec<u8>> = (&refusal).try_into().unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["x"], "y");
    assert_eq!(response.body(), b"no");
}

#[test]
fn fields_of_a_header_map() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer x".parse().unwrap());
    let fields = fields(&headers);
    assert_eq!(fields, [("authorization", &b"Bearer x"[..])]);
    let request = ClientRequest::new("h", "/").headers(&fields);
    let (_, request) = ClientUpgrade::start(request, [1; 16], Vec::new()).unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer x");
}

#[test]
fn a_page_of_another_site_is_refused_with_words() {
    let mut request = asking();
    let origin = "https://evil.example".parse().unwrap();
    request.headers_mut().insert("Origin", origin);
    let error = accept(&request, &Accept::new()).unwrap_err();
    assert_eq!(error, UpgradeError::Origin(OriginFault::OtherHost));
    let response = refusal(error);
    assert_eq!(response.status(), 403);
    assert!(response.body().contains("proxy_set_header Host"));
    assert!(!response.body().contains("evil"));
    let any = Accept::new().origins(OriginPolicy::any());
    assert_eq!(accept(&request, &any).unwrap().0.status(), 101);
    let mistake = UpgradeError::from(HeadError::SubprotocolNotOffered);
    assert_eq!(refusal(mistake).status(), 500);
}

fn connecting() -> Request<()> {
    Request::connect("https://example.com/chat?room=1")
        .version(Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "a, b")
        .header("origin", "https://example.com")
        .body(())
        .unwrap()
}

#[test]
fn an_extended_connect_is_accepted_with_a_200() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let mut request = connecting();
        *request.version_mut() = version;
        let how = Accept::new()
            .subprotocol("b")
            .headers(&[("Set-Cookie", b"x=1")]);
        let (response, _) = accept_with_protocol(&request, Some("websocket"), &how).unwrap();
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, version)
        );
        let headers = fields(response.headers());
        assert_eq!(
            headers,
            [
                ("sec-websocket-protocol", &b"b"[..]),
                ("set-cookie", b"x=1")
            ]
        );
    }
    // One call for both, and the other takes HTTP/1.1 only.
    let (response, _) = accept_with_protocol(&asking(), None, &Accept::new()).unwrap();
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (101, Version::HTTP_11)
    );
    let error = accept(&connecting(), &Accept::new()).unwrap_err();
    assert_eq!(error, UpgradeError::Handshake(HandshakeError::HttpVersion));
}

#[test]
fn a_wrong_extended_connect_is_refused_without_fields_of_http_1_1() {
    let refused = |protocol: Option<&str>, change: fn(&mut Request<()>)| {
        let mut request = connecting();
        change(&mut request);
        let error = accept_with_protocol(&request, protocol, &Accept::new()).unwrap_err();
        let response = refusal(error);
        for name in ["connection", "upgrade"] {
            assert!(!response.headers().contains_key(name), "{error}: {name}");
        }
        response
    };
    let websocket = Some("websocket");
    assert_eq!(refused(None, |_| {}).status(), 400);
    assert_eq!(refused(Some("connect-udp"), |_| {}).status(), 501);
    let get = refused(websocket, |r| *r.method_mut() = http::Method::GET);
    assert_eq!(
        (get.status().as_u16(), &get.headers()["allow"]),
        (405, &"CONNECT".parse().unwrap())
    );
    for uri in [
        "/chat",
        "example.com:443",
        "wss://example.com/chat",
        "https://u@example.com/",
    ] {
        let mut request = connecting();
        *request.uri_mut() = uri.parse().unwrap();
        let error = accept_with_protocol(&request, websocket, &Accept::new()).unwrap_err();
        assert_eq!(refusal(error).status(), 400, "{uri}");
    }
    let old = refused(websocket, |r| {
        r.headers_mut().insert("sec-websocket-version", 8.into());
    });
    assert_eq!(old.status(), 400);
    assert_eq!(old.headers()["sec-websocket-version"], "13");
    let evil = refused(websocket, |r| {
        let origin = "https://evil.example".parse().unwrap();
        r.headers_mut().insert("origin", origin);
    });
    assert_eq!(evil.status(), 403);
    assert!(
        evil.body()
            .starts_with("This server accepts pages of its own site only")
    );
}

#[test]
fn both_ends_agree_by_extended_connect() {
    let enabled = ConnectEnabled::from_setting(1).unwrap();
    let request = ClientRequest::from_uri(Uri::parse("wss://example.com:8443/chat?a").unwrap())
        .subprotocols(&["a", "b"])
        .origin("https://example.com:8443")
        .headers(&[("Cookie", b"c=\xff")]);
    let start = || ClientUpgrade::start_connect(request, enabled, FixedBuf::<32>::new());
    let (upgrade, request) = start().unwrap();
    assert_eq!(
        (request.method().as_str(), request.version()),
        ("CONNECT", Version::HTTP_2)
    );
    assert_eq!(request.uri(), "https://example.com:8443/chat?a");
    assert_eq!(request.headers()["cookie"].as_bytes(), b"c=\xff");
    assert!(!request.headers().contains_key("host"));
    let protocol = Some(PseudoFields::WEBSOCKET);
    let how = Accept::new().subprotocol("a");
    let (response, negotiated) = accept_with_protocol(&request, protocol, &how).unwrap();
    assert_eq!(upgrade.finish(&response), Ok(negotiated));

    // A 200 of HTTP/1.1, a 101 and a refusal open nothing.
    let finish = |change: fn(&mut Response<()>)| {
        let mut response = Response::new(());
        *response.version_mut() = Version::HTTP_2;
        change(&mut response);
        start().unwrap().0.finish(&response).map(drop)
    };
    assert_eq!(finish(|_| {}), Ok(()));
    let version = Err(HandshakeError::HttpVersion);
    assert_eq!(finish(|r| *r.version_mut() = Version::HTTP_11), version);
    let refused = |status| Err(HandshakeError::Refused { status });
    assert_eq!(
        finish(|r| *r.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS),
        refused(101)
    );
    assert_eq!(
        finish(|r| *r.status_mut() = http::StatusCode::FORBIDDEN),
        refused(403)
    );
    let foreign = finish(|r| {
        let name = "c".parse().unwrap();
        r.headers_mut().insert("sec-websocket-protocol", name);
    });
    assert_eq!(foreign, Err(HandshakeError::SubprotocolNotOffered));
    let upgrades = finish(|r| {
        r.headers_mut()
            .insert("connection", "upgrade".parse().unwrap());
    });
    assert_eq!(upgrades, Err(HandshakeError::ConnectionField));

    // Nor does a 200 of HTTP/2 answer an `Upgrade`.
    let request = ClientRequest::new("h", "/");
    let (upgrade, _) = ClientUpgrade::start(request, [7; 16], Vec::new()).unwrap();
    let response = Response::builder()
        .version(Version::HTTP_2)
        .body(())
        .unwrap();
    assert_eq!(upgrade.finish(&response).map(drop), refused(200));
    let without = ClientUpgrade::start_connect(request, enabled, Vec::new());
    assert_eq!(without.map(drop), Err(HeadError::SchemeMissing));
}

#[test]
fn an_extended_connect_becomes_a_request_of_http_2() {
    let pseudo = PseudoFields {
        method: Some("CONNECT"),
        protocol: Some("websocket"),
        scheme: Some("https"),
        authority: Some("h:1"),
        path: Some("/a?b"),
    };
    let headers: [(&str, &[u8]); 2] = [("sec-websocket-version", b"13"), ("x", b"y")];
    let upgrade = Upgrade::from_extended_connect(&pseudo, &headers).unwrap();
    let request: Request<()> = (&upgrade).try_into().unwrap();
    assert_eq!(
        (request.method().as_str(), request.version()),
        ("CONNECT", Version::HTTP_2)
    );
    assert_eq!(
        (request.uri(), &request.headers()["x"]),
        (&"https://h:1/a?b".parse().unwrap(), &"y".parse().unwrap())
    );
    let again = accept_with_protocol(&request, pseudo.protocol, &Accept::new());
    assert_eq!(again.unwrap().0.status(), 200);
}

#[test]
fn an_answer_on_a_stream_becomes_a_response_of_http_2() {
    let enabled = ConnectEnabled::from_setting(1).unwrap();
    for status in [200, 204] {
        let request = ClientRequest::from_uri(Uri::parse("wss://h/").unwrap());
        let mut connecting =
            ClientConnect::start(request, enabled, Vec::new(), Limits::new(), |_, _| {}).unwrap();
        assert!(connecting.receive_head(103, &[]).unwrap().is_none());
        let established = connecting.receive_head(status, &[("x", b"y")]);
        let response: Response<()> = (&established.unwrap().unwrap()).try_into().unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.headers()["x"], "y");
    }
}
