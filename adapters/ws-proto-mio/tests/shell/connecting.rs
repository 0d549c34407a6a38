//! From a URL to a connection, over TCP.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant as Clock};

use mio::{Events, Poll, Token};
use ws_proto::opening::Acceptor;
use ws_proto_mio::{
    Attempts, Buffers, ConnectError, Error, Event, Instant, Options, UriRules, connect,
};

const TOKEN: Token = Token(0);

/// A port that nobody listens on.
fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A server that connects, and says nothing for as long as it lives.
fn mute() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn serving() -> SocketAddr {
    let (listener, address) = mute();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = Acceptor::new().path("/chat").accept(&mut stream);
        }
    });
    address
}

/// Turns until the server has agreed; the status.
fn drive(mut attempts: Attempts) -> Result<u16, ConnectError> {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(16);
    let mut buffers = Buffers::new();
    let epoch = Clock::now();
    let mut socket = attempts.connect()?;
    'attempt: loop {
        let interest = socket.interest();
        poll.registry()
            .register(&mut socket, TOKEN, interest)
            .unwrap();
        loop {
            let mut failed: Option<Error> = None;
            let mut turn = socket.turn(&mut buffers, Instant::now_since(epoch));
            while failed.is_none() && turn.read() {
                match turn.next_event() {
                    Ok(Some(Event::Connected(response))) => return Ok(response.status()),
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                }
            }
            drop(turn);
            if let Some(error) = failed {
                socket = attempts.connect_after(error)?;
                continue 'attempt;
            }
            poll.poll(&mut events, Some(Duration::from_millis(5)))
                .unwrap();
            for event in &events {
                socket.note_event(event);
            }
        }
    }
}

#[test]
fn all_addresses_are_tried_in_turn() {
    let (_listener, mute) = mute();
    let addresses = [refusing(), mute, refusing(), serving()];
    let options = Options::new().handshake_time(Duration::from_secs(2));
    let started = Clock::now();
    let attempts = Attempts::with_addresses("ws://server.test/chat", addresses, TOKEN, &options);
    assert_eq!(drive(attempts.unwrap()).unwrap(), 101);
    // The share of one of four.
    assert!(started.elapsed() >= Duration::from_millis(500));
}

#[test]
fn every_address_is_named_when_none_answers() {
    let (_listener, mute) = mute();
    let addresses = [refusing(), mute];
    let options = Options::new().handshake_time(Duration::from_millis(200));
    let attempts = Attempts::with_addresses("ws://server.test/", addresses, TOKEN, &options);
    match drive(attempts.unwrap()) {
        Err(ConnectError::Unreachable(unreachable)) => {
            assert_eq!(unreachable.host(), "server.test");
            let [first, second] = unreachable.attempts() else {
                panic!("{unreachable}")
            };
            assert_eq!([first.address(), second.address()], addresses);
            let kind = first.error().map(io::Error::kind);
            assert_eq!(kind, Some(io::ErrorKind::ConnectionRefused));
            assert!(second.error().is_none() && second.spent() >= Duration::from_millis(90));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_refuses_is_not_tried_elsewhere() {
    let addresses = [serving(), refusing()];
    let attempts =
        Attempts::with_addresses("ws://server.test/other", addresses, TOKEN, &Options::new());
    match drive(attempts.unwrap()) {
        Err(ConnectError::Refused(response)) => assert_eq!(response.status(), 404),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_that_is_none_and_one_that_needs_tls() {
    let failed = connect("ws://nothing.invalid/", TOKEN, &Options::new());
    assert!(
        matches!(&failed, Err(ConnectError::Resolve { host, .. }) if &**host == "nothing.invalid")
    );
    let rules = UriRules::new().http(true);
    let to = ws_proto_mio::Connector::with_rules("https://localhost/", rules).unwrap();
    let failed = Attempts::with_addresses(to, [refusing()], TOKEN, &Options::new());
    assert!(matches!(failed, Err(ConnectError::TlsNeeded)));
}
