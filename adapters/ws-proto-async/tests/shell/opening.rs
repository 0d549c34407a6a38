//! A client's handshake over a stream that fails.

use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

use ws_proto_async::client::connect_over;
use ws_proto_async::{ConnectError, Connector};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::task::Wakes;

use crate::common::poll;

const TIME: Duration = Duration::from_secs(10);

/// What comes of it if the request cannot be written, and this is there to be read.
fn answered(answer: &[u8], kind: ErrorKind) -> ConnectError {
    let hand = Hand::new();
    hand.break_writes(kind);
    hand.put(answer);
    hand.end();
    let connector = Connector::new("ws://server.test/").unwrap();
    match poll(&Wakes::new(), connect_over(hand, connector, TIME)) {
        Poll::Ready(Err(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The server has ended its side, perhaps, and says why.
#[test]
fn a_refusal_says_more_than_a_request_that_could_not_be_written() {
    for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset] {
        let head = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n";
        for (body, expected) in [(&b"busy"[..], &b"busy"[..]), (b"bu", b"bu")] {
            match answered(&[head, body].concat(), kind) {
                ConnectError::Refused(response) => {
                    assert_eq!((response.status(), response.body()), (503, expected));
                }
                other => panic!("{other:?}"),
            }
        }
        for answer in [&b""[..], b"HTTP/1.1 503 Bu"] {
            match answered(answer, kind) {
                ConnectError::Io(error) => assert_eq!(error.kind(), kind),
                other => panic!("{other:?}"),
            }
        }
    }
}
