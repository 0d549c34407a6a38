//! Scripted peers, over links and over TCP.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ws_proto::opening::{Acceptor, Connector};
use ws_proto::{CloseCode, CloseReason, Server, WebSocket};
use ws_proto_test::Side;
use ws_proto_test::link::{BlockingEnd, Link};
use ws_proto_test::peer::{BlockingStream, Item, Peer};

type Outcome = Result<Vec<String>, String>;

/// Says hello, and closes after the first message.
fn client(stream: &mut impl BlockingStream) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let connector = Connector::new("ws://localhost/chat").unwrap();
    let connected = connector.connect_with(stream, [7; 16], || [1, 2, 3, 4]);
    let (mut client, _) = connected.map_err(|error| failed(&error))?;
    client
        .sender()
        .send_text("hello")
        .map_err(|error| failed(&error))?;
    let mut texts = Vec::new();
    while client.exchange(stream).map_err(|error| failed(&error))? {
        while let Some((message, mut sender)) =
            client.next_message().map_err(|error| failed(&error))?
        {
            texts.push(message.as_text().unwrap_or("?").to_owned());
            let _ = sender.close(CloseCode::NORMAL, CloseReason::EMPTY);
        }
    }
    Ok(texts)
}

fn echo(stream: &mut impl BlockingStream) -> Outcome {
    let accepted = Acceptor::new().accept(stream);
    let mut server: WebSocket<Server> = accepted.map_err(|error| error.to_string())?;
    let mut texts = Vec::new();
    while server.exchange(stream).map_err(|error| error.to_string())? {
        while let Ok(Some((message, mut sender))) = server.next_message() {
            texts.push(message.as_text().unwrap_or("?").to_owned());
            let _ = sender.send(message);
        }
    }
    Ok(texts)
}

fn server_script() -> Peer {
    Peer::server()
        .accept()
        .expect_text("hello")
        .send_ping(b"there?")
        .expect_pong(b"there?")
        .send_text("hello yourself")
        .expect_close(1000)
        .drain()
}

fn client_script() -> Peer {
    Peer::client()
        .request("/chat")
        .expect_accepted()
        .send_text("one")
        .expect_text("one")
        .send_frame(0x01, b"tw")
        .send_frame(0x80, b"o")
        .expect_text("two")
        .send_close(1000, "")
        .expect_close(1000)
        .expect_end()
}

#[test]
fn both_roles_over_a_link() {
    let (texts, report) = Link::random(3).run_threads(
        |mut end| client(&mut end),
        |end| server_script().play_blocking(end),
    );
    report.check().unwrap();
    assert_eq!(texts.unwrap(), ["hello yourself"]);
    let (texts, report) = Link::random(4).run_threads(
        |mut end| echo(&mut end),
        |end| client_script().play_blocking(end),
    );
    report.check().unwrap();
    assert_eq!(texts.unwrap(), ["one", "two"]);
}

#[test]
fn both_roles_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let report = scope.spawn(|| server_script().play_blocking(listener.accept().unwrap().0));
        let texts = client(&mut TcpStream::connect(address).unwrap());
        assert_eq!(texts.unwrap(), ["hello yourself"]);
        report.join().unwrap().check().unwrap();
        let report =
            scope.spawn(|| client_script().play_blocking(TcpStream::connect(address).unwrap()));
        let texts = echo(&mut listener.accept().unwrap().0);
        assert_eq!(texts.unwrap(), ["one", "two"]);
        report.join().unwrap().check().unwrap();
    });
}

#[test]
fn two_scripts_as_tasks() {
    let link = Link::random(5);
    let (left, right) = link.ends();
    let server = Peer::server().accept().echo().drain();
    let both = futures_util::future::join(client_script().play(left), server.play(right));
    let (client, server) = link.time().run(both).unwrap();
    client.check().unwrap();
    server.check().unwrap();
    assert_eq!(server.texts().collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn what_comes_instead_is_reported() {
    let script = Peer::server().accept().expect_text("goodbye").drain();
    let (_, report) =
        Link::new().run_threads(|mut end| client(&mut end), |end| script.play_blocking(end));
    let mismatch = report.mismatch.as_deref().unwrap();
    assert_eq!(
        mismatch,
        "expected a text of 7 bytes: goodbye, and a text of 5 bytes: hello came"
    );
    assert_eq!(report.steps_left, 2);
}

#[test]
fn what_does_not_come_is_reported_at_once() {
    let silent = |end: BlockingEnd| end.sleep(Duration::from_secs(10_000));
    let script = Peer::open(Side::Server)
        .expect_text("hello")
        .patience(Duration::from_secs(60));
    let (_, report) = Link::new().run_threads(silent, |end| script.play_blocking(end));
    let mismatch = report.mismatch.unwrap();
    assert!(mismatch.ends_with("and nothing came for 60s"), "{mismatch}");
}

#[test]
fn a_reset_by_script() {
    let script = Peer::server().accept().expect_text("hello").reset();
    let (texts, report) = Link::new().run_threads(
        |mut end| client(&mut end),
        |end| script.clone().play_blocking(end),
    );
    report.check().unwrap();
    assert!(texts.unwrap_err().contains("reset"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| script.play_blocking(listener.accept().unwrap().0));
        let texts = client(&mut TcpStream::connect(address).unwrap());
        assert!(texts.unwrap_err().contains("reset"));
    });
}

#[test]
fn a_wrong_mask_is_seen() {
    let mut player = Peer::open(Side::Server).drain().player();
    player.receive(Duration::ZERO, b"\x81\x02hi");
    let report = player.into_report();
    assert!(matches!(report.items().next(), Some(Item::Wrong(_))));
}
