//! How a connection ends, and the report of it.

use std::error::Error as _;
use std::fmt;
use std::io::{self, ErrorKind};
use std::task::Poll;

use ws_proto_async::{CloseCode, Error, cause_of};
use ws_proto_test::task::Wakes;

use crate::common::{CLOSE, frame, poll, quiet, server, text};

/// A write that fails is no failure of a connection whose peer has said Close before it went.
#[test]
fn a_failed_write_after_the_close_of_the_peer_is_a_clean_end() {
    for ends in [false, true] {
        let (mut socket, hand) = server(quiet());
        let task = Wakes::new();
        hand.break_writes(ErrorKind::BrokenPipe);
        hand.put(&[&frame(0x81, b"last")[..], CLOSE].concat());
        if ends {
            hand.end();
        }
        let Poll::Ready(Err(error)) = poll(&task, socket.send("x")) else {
            panic!("it is reported")
        };
        assert!(
            matches!(error, Error::Io(_)),
            "its Close lies behind a message"
        );
        assert_eq!(text(poll(&task, socket.next())), "last");
        assert!(matches!(poll(&task, socket.next()), Poll::Ready(None)));
        assert_eq!(socket.closed().unwrap().code, Some(CloseCode::NORMAL));
        let Poll::Ready(Err(error)) = poll(&task, socket.send("x")) else {
            panic!("it is reported")
        };
        assert!(error.is_closed());
    }
}

/// A half that receives reports the failure once; one that sends, each time.
#[test]
fn both_halves_learn_why() {
    let (socket, hand) = server(quiet());
    let (mut read, mut write) = socket.split();
    let task = Wakes::new();
    hand.end();
    assert!(matches!(
        poll(&task, read.next()),
        Poll::Ready(Some(Err(Error::Eof(_))))
    ));
    assert!(matches!(poll(&task, read.next()), Poll::Ready(None)));
    for _ in 0..2 {
        assert!(matches!(
            poll(&task, write.send("late")),
            Poll::Ready(Err(Error::Eof(_)))
        ));
    }
}

/// Who has got the failure by receiving does not get it again by closing, and the other way round.
#[test]
fn a_failure_is_reported_once() {
    let task = Wakes::new();
    let (mut socket, hand) = server(quiet());
    hand.end();
    assert!(matches!(
        poll(&task, socket.next()),
        Poll::Ready(Some(Err(Error::Eof(_))))
    ));
    assert!(matches!(
        poll(&task, socket.close(CloseCode::NORMAL, "")),
        Poll::Ready(Ok(()))
    ));
    let (mut socket, hand) = server(quiet());
    hand.end();
    assert!(matches!(
        poll(&task, socket.close(CloseCode::NORMAL, "")),
        Poll::Ready(Err(Error::Eof(_)))
    ));
    assert!(matches!(poll(&task, socket.next()), Poll::Ready(None)));
}

/// `close` waits for the end and drops input; who closes a half is done when that is written.
#[test]
fn a_half_closes_without_waiting_for_the_peer() {
    let (mut socket, hand) = server(quiet());
    let task = Wakes::new();
    assert!(poll(&task, socket.close(CloseCode::NORMAL, "")).is_pending());
    hand.put(&frame(0x81, b"dropped"));
    assert!(poll(&task, socket.close(CloseCode::NORMAL, "")).is_pending());
    hand.put(CLOSE);
    assert!(matches!(
        poll(&task, socket.close(CloseCode::NORMAL, "")),
        Poll::Ready(Ok(()))
    ));

    let (socket, hand) = server(quiet());
    let (mut read, mut write) = socket.split();
    hand.make_room(3);
    assert!(poll(&task, write.close(CloseCode::NORMAL, "")).is_pending());
    hand.make_room(1);
    assert!(poll(&task, write.close(CloseCode::NORMAL, "")).is_ready());
    hand.put(&[&frame(0x81, b"kept")[..], CLOSE].concat());
    assert_eq!(text(poll(&task, read.next())), "kept");
    assert!(matches!(poll(&task, read.next()), Poll::Ready(None)));
}

/// A stream of HTTP/2 is reset when it is dropped before the peer has ended it: a server can wait for that.
#[test]
fn a_server_that_lingers_reads_to_the_end_of_the_stream() {
    for lingers in [false, true] {
        let (socket, hand) = server(quiet());
        let mut socket = socket.with_linger(lingers);
        let task = Wakes::new();
        hand.put(CLOSE);
        assert_eq!(poll(&task, socket.next()).is_pending(), lingers);
        hand.end();
        assert!(matches!(poll(&task, socket.next()), Poll::Ready(None)));
    }
}

/// An error of a library, with the error that has led to it.
#[derive(Debug)]
struct Outer(Inner);

#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the record cannot be read")
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key is wrong")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl std::error::Error for Inner {}

/// The texts of an error and of all that has led to it, as error reporters print them.
fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    texts
}

/// A chain of errors says each thing once, and the error of a library can be found in it.
#[test]
fn the_error_of_a_stream_is_shown_once() {
    let task = Wakes::new();
    let outer = ["the record cannot be read", "the key is wrong"].map(String::from);
    let of_library: fn() -> io::Error = || io::Error::new(ErrorKind::InvalidData, Outer(Inner));
    let of_kind: fn() -> io::Error = || ErrorKind::InvalidData.into();
    for (error, has_inner) in [(of_library, true), (of_kind, false)] {
        let (mut socket, hand) = server(quiet());
        hand.break_reads(error);
        let Poll::Ready(Some(Err(error))) = poll(&task, socket.next()) else {
            panic!("the stream has failed")
        };
        match has_inner {
            true => assert_eq!(chain(&error), outer),
            false => assert_eq!(chain(&error).len(), 1, "{:?}", chain(&error)),
        }
        let error = io::Error::from(error);
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(chain(&error).len(), 1 + usize::from(has_inner));
        let found = cause_of::<Outer>(&error);
        assert_eq!(found.is_some(), has_inner);
        assert_eq!(found.and_then(|found| found.source()).is_some(), has_inner);
        assert_eq!(cause_of::<Inner>(&error).is_some(), has_inner);
        assert!(cause_of::<fmt::Error>(&error).is_none());
    }
}
