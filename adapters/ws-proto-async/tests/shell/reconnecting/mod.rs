//! A client that connects again, to servers that a test plays by hand, in time that it advances.

mod delivery;
mod ends;
mod net;
mod schedules;
mod tasks;

use std::io::ErrorKind;
use std::time::Duration;

use ws_proto_async::{AttemptError, CloseCode, ConnectError, Error, Reason};

use crate::common::quiet;
use net::{Net, SECOND, answer, at, close_frame, frame};

#[test]
fn each_loss_and_each_return_is_reported() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let first = net.server();
    net.waits(&mut client);
    assert!(!client.is_connected());
    answer(&first);
    first.put(&frame(0x81, b"one"));
    let connected = net.connected(&mut client);
    assert_eq!((connected.response.status(), connected.attempt), (101, 0));
    assert!(client.is_connected());
    assert_eq!(net.text(&mut client), "one");
    net.waits(&mut client);

    first.end();
    let lost = net.disconnected(&mut client);
    assert!(matches!(lost.reason, Reason::Failed(Error::Eof(_))));
    assert!(lost.delay < SECOND && lost.delay > SECOND - Duration::from_millis(1));
    assert_eq!((lost.attempt, lost.losses), (1, 1));
    assert!(!client.is_connected());

    net.fail(std::io::Error::from(ErrorKind::ConnectionRefused));
    net.waits(&mut client);
    assert_eq!(net.clock.deadline(), Some(at(1)));
    net.clock.advance(SECOND);
    let failed = net.disconnected(&mut client);
    assert!(matches!(
        failed.reason,
        Reason::Attempt(AttemptError::Connect(ConnectError::Io(_)))
    ));
    assert_eq!((failed.attempt, failed.losses), (2, 0));

    let second = net.server();
    net.waits(&mut client);
    assert_eq!(net.clock.deadline(), Some(at(3)));
    net.clock.advance(2 * SECOND);
    net.waits(&mut client);
    answer(&second);
    assert_eq!(net.connected(&mut client).attempt, 2);
    second.put(&frame(0x81, b"two"));
    assert_eq!(net.text(&mut client), "two");

    // It was open for long: the next delay is a first one again.
    net.clock.advance(60 * SECOND);
    second.put(&close_frame(1001));
    second.end();
    let lost = net.disconnected(&mut client);
    assert!(matches!(&lost.reason, Reason::Closed(closed)
        if closed.code == Some(CloseCode::GOING_AWAY) && closed.reason == "bye"));
    assert_eq!(lost.attempt, 1);
    assert!(lost.delay < SECOND);
}
