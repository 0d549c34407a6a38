//! The opening handshake: what is agreed on, refusals, time limits, and futures that are dropped.

use std::future::poll_fn;
use std::time::Duration;

use http::{Method, Request, Response};
use tokio::io::duplex;
use ws_proto_tokio::http2::h2::ext::Protocol;
use ws_proto_tokio::http2::h2::{Reason, client, server};
use ws_proto_tokio::http2::{accept, connect, handshake, is_websocket};
use ws_proto_tokio::{Acceptor, CloseCode, ConnectError, Deflate, Message, Options};

use super::{URL, ask, connector, echo, noise, pair_with, quiet, request, streams, streams_with};

/// A page, and a CONNECT for a proxy, come on the same connection.
#[test]
fn a_request_says_whether_it_is_for_a_websocket() {
    let (mut parts, ()) = request().into_parts();
    assert!(is_websocket(&Request::from_parts(parts.clone(), ())));
    let mut proxied = parts.clone();
    proxied.extensions.clear();
    assert!(!is_websocket(&Request::from_parts(proxied, ())));
    parts.method = Method::GET;
    assert!(!is_websocket(&Request::from_parts(parts, ())));
}

#[tokio::test]
async fn deflate_and_a_subprotocol_are_agreed_on() {
    let deflate = Deflate::new();
    let acceptor = Acceptor::new()
        .path("/chat")
        .subprotocols(&["v1"])
        .deflate(&deflate);
    let connector = connector().subprotocols(&["v2", "v1"]).deflate(&deflate);
    let (client, server) = pair_with((3000, 3000), acceptor, connector).await;
    assert_eq!(
        (client.subprotocol(), server.subprotocol()),
        (Some("v1"), Some("v1"))
    );
    assert!(client.deflate().is_some() && server.deflate().is_some());
    let server = tokio::spawn(echo(server));
    ask(
        client,
        &[
            Message::text("again ".repeat(1 << 16)),
            Message::binary(noise(1 << 16)),
        ],
    )
    .await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn refusals_have_a_status_and_a_body() {
    let elsewhere = connector().origin("https://elsewhere.example");
    let cases = [("/chat", elsewhere, 403), ("/other", connector(), 404)];
    for (path, connector, status) in cases {
        let (sender, mut asked) = streams(65_535, 65_535).await;
        let serve = async {
            let (request, respond) = asked.recv().await.unwrap();
            accept(request, respond, Acceptor::new().path(path)).unwrap_err();
        };
        let (refused, ()) = tokio::join!(connect(&sender, connector), serve);
        let Err(ConnectError::Refused(response)) = refused else {
            panic!()
        };
        assert_eq!(response.status(), status);
        assert!(response.body().starts_with(b"This server "));
        // The connection goes on.
        let (mut sender, mut asked) = (sender, asked);
        let (_response, _send) = sender.send_request(request(), false).unwrap();
        assert!(asked.recv().await.is_some());
    }
}

#[tokio::test]
async fn another_protocol_is_refused_with_501_and_another_version_with_400() {
    let mut other = request();
    other
        .extensions_mut()
        .insert(Protocol::from_static("connect-udp"));
    let mut version = request();
    version
        .headers_mut()
        .insert("sec-websocket-version", "8".parse().unwrap());
    for (request, status) in [(other, 501), (version, 400)] {
        let (mut sender, mut asked) = streams(65_535, 65_535).await;
        let (response, _send) = sender.send_request(request, false).unwrap();
        let (request, respond) = asked.recv().await.unwrap();
        accept(request, respond, Acceptor::new()).unwrap_err();
        let response = response.await.unwrap();
        assert_eq!(response.status(), status);
        let mut body = response.into_body();
        assert!(!body.data().await.unwrap().unwrap().is_empty());
        assert!(body.data().await.is_none());
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_sent() {
    let (client, server) = duplex(4096);
    tokio::spawn(async move {
        let mut connection = server::handshake(server).await.unwrap();
        assert!(connection.accept().await.is_none());
    });
    let (sender, connection) = handshake(client, &client::Builder::new()).await.unwrap();
    tokio::spawn(connection);
    let refused = connect(&sender, URL).await;
    assert!(matches!(refused, Err(ConnectError::NoExtendedConnect)));
}

#[tokio::test]
async fn a_refusal_by_a_server_has_its_fields_and_body() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let serve = async {
        let (_request, mut respond) = asked.recv().await.unwrap();
        let response = Response::builder()
            .status(401)
            .header("www-authenticate", "Bearer");
        let mut send = respond
            .send_response(response.body(()).unwrap(), false)
            .unwrap();
        send.send_data("log in".into(), true).unwrap();
    };
    let (refused, ()) = tokio::join!(connect(&sender, connector()), serve);
    let Err(ConnectError::Refused(response)) = refused else {
        panic!()
    };
    assert_eq!((response.status(), response.body()), (401, &b"log in"[..]));
    assert_eq!(
        response.headers().get("WWW-Authenticate"),
        Some(&b"Bearer"[..])
    );
}

/// The status says why there is no connection: a body that never ends does not hide it.
#[tokio::test(start_paused = true)]
async fn a_refusal_whose_body_never_ends_is_a_refusal() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let serve = async {
        let (_request, mut respond) = asked.recv().await.unwrap();
        let response = Response::builder().status(401).body(()).unwrap();
        let mut send = respond.send_response(response, false).unwrap();
        send.send_data("log".into(), false).unwrap();
        // The client gives up.
        poll_fn(|cx| send.poll_reset(cx)).await.unwrap()
    };
    let (refused, reset) = tokio::join!(connect(&sender, connector()), serve);
    let Err(ConnectError::Refused(response)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((response.status(), response.body()), (401, &b"log"[..]));
    assert_eq!(reset, Reason::CANCEL);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_up() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let options = Options::new().handshake_time(Duration::from_secs(7));
    let serve = async {
        let (_request, mut respond) = asked.recv().await.unwrap();
        poll_fn(|cx| respond.poll_reset(cx)).await.unwrap()
    };
    let (refused, reset) = tokio::join!(connect(&sender, connector().options(options)), serve);
    assert!(
        matches!(refused, Err(ConnectError::TimedOut(_))),
        "{refused:?}"
    );
    assert_eq!(reset, Reason::CANCEL);
}

/// It takes the TCP connection, and says nothing.
#[tokio::test(start_paused = true)]
async fn a_server_without_a_preface_is_given_up() {
    let (client, _server) = duplex(4096);
    let builder = client::Builder::new();
    let opening = tokio::time::timeout(Duration::from_secs(3600), handshake(client, &builder));
    let error = opening.await.expect("it waits for ever").unwrap_err();
    assert_eq!(error.reason(), Some(Reason::SETTINGS_TIMEOUT));
}

/// The future of `connect` is dropped: before the server has the request, before its answer, and when that is there.
#[tokio::test]
async fn a_client_that_is_dropped_while_it_connects_resets_its_stream() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    for step in 0..3 {
        let mut connecting = Box::pin(connect(&sender, connector()));
        let polled = tokio::time::timeout(Duration::from_millis(5), &mut connecting);
        assert!(polled.await.is_err());
        let (request, mut respond) = asked.recv().await.unwrap();
        if step == 0 {
            drop(connecting);
            assert_eq!(
                poll_fn(|cx| respond.poll_reset(cx)).await.unwrap(),
                Reason::CANCEL
            );
            // What a server sees that is late.
            assert!(accept(request, respond, Acceptor::new()).is_err());
            continue;
        }
        let mut server = accept(request, respond, Acceptor::new()).unwrap();
        if step == 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(connecting);
        assert!(server.next().await.unwrap().is_err());
        assert!(server.next().await.is_none());
    }
    // The connection goes on.
    let serve = async {
        let (request, respond) = asked.recv().await.unwrap();
        accept(request, respond, Acceptor::new().options(quiet())).unwrap()
    };
    let (client, server) = tokio::join!(connect(&sender, connector()), serve);
    let server = tokio::spawn(echo(server));
    ask(client.unwrap().0, &[Message::binary(noise(100_000))]).await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}

/// The server allows one stream: who waits for the next can give up.
#[tokio::test]
async fn a_client_waits_for_its_turn_and_can_give_up() {
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(1);
    let (sender, mut asked) = streams_with(&client::Builder::new(), &mut builder).await;
    let serve = async {
        let (request, respond) = asked.recv().await.unwrap();
        accept(request, respond, Acceptor::new().options(quiet())).unwrap()
    };
    let (first, server) = tokio::join!(connect(&sender, connector()), serve);
    let server = tokio::spawn(echo(server));
    for _ in 0..3 {
        let waiting = connect(&sender, connector());
        assert!(
            tokio::time::timeout(Duration::from_millis(5), waiting)
                .await
                .is_err()
        );
    }
    let waiting = tokio::spawn({
        let sender = sender.clone();
        async move { connect(&sender, connector()).await }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    ask(first.unwrap().0, &[Message::text("first")]).await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
    // Those that gave up may come as streams that are reset.
    let server = loop {
        let (request, respond) = asked.recv().await.unwrap();
        if let Ok(server) = accept(request, respond, Acceptor::new().options(quiet())) {
            break tokio::spawn(echo(server));
        }
    };
    ask(
        waiting.await.unwrap().unwrap().0,
        &[Message::text("second")],
    )
    .await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}

/// A request that is reset before it is looked at is an error of its own, not one of the connection.
#[tokio::test]
async fn a_request_that_is_reset_at_once_ends_nothing_else() {
    let (mut sender, mut asked) = streams(65_535, 65_535).await;
    for _ in 0..5 {
        let (response, mut send) = sender.send_request(request(), false).unwrap();
        tokio::task::yield_now().await;
        let (request, respond) = asked.recv().await.unwrap();
        send.send_reset(Reason::CANCEL);
        tokio::time::sleep(Duration::from_millis(2)).await;
        let refused = accept(request, respond, Acceptor::new());
        assert!(refused.is_err(), "{refused:?}");
        assert!(response.await.is_err());
    }
    let serve = async {
        let (request, respond) = asked.recv().await.unwrap();
        accept(request, respond, Acceptor::new().options(quiet())).unwrap()
    };
    let (client, server) = tokio::join!(connect(&sender, URL), serve);
    let server = tokio::spawn(echo(server));
    ask(client.unwrap().0, &[Message::text("still")]).await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}

/// Answers before the answer (1xx) change nothing.
#[tokio::test]
async fn informational_responses_are_skipped() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let serve = async {
        let (request, mut respond) = asked.recv().await.unwrap();
        for status in [100, 103, 103] {
            let response = Response::builder().status(status).body(()).unwrap();
            respond.send_informational(response).unwrap();
        }
        accept(request, respond, Acceptor::new().options(quiet())).unwrap()
    };
    let (client, server) = tokio::join!(connect(&sender, connector()), serve);
    let server = tokio::spawn(echo(server));
    ask(client.unwrap().0, &[Message::text("hello")]).await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}
