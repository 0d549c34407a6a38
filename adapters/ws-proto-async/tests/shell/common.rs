//! A server over a stream that is driven by hand, and futures polled with wakers that count.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use ws_proto_async::{Error, Message, Negotiated, Options, WebSocket};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::task::Wakes;
use ws_proto_test::{Side, wire};

pub(crate) use ws_proto_suite::shells::quiet;

pub(crate) const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

pub(crate) fn server(options: Options) -> (WebSocket<Hand>, Hand) {
    let hand = Hand::new();
    let socket = WebSocket::server(hand.clone(), Negotiated::new(), &[], options);
    (socket, hand)
}

/// A frame of a client's.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    wire::frame(Side::Server, first, payload)
}

/// Polls once and cancels.
pub(crate) fn poll<F: Future>(wakes: &Wakes, future: F) -> Poll<F::Output> {
    let waker = wakes.waker();
    pin!(future).poll(&mut Context::from_waker(&waker))
}

/// Polls again if others get their turn first: that has woken the task.
pub(crate) fn poll_on<T>(wakes: &Wakes, mut polled: impl FnMut() -> Poll<T>) -> Poll<T> {
    let before = wakes.count();
    match polled() {
        Poll::Pending if wakes.count() > before => polled(),
        polled => polled,
    }
}

pub(crate) fn text(message: Poll<Option<Result<Message, Error>>>) -> String {
    match message {
        Poll::Ready(Some(Ok(message))) => message.as_text().expect("a text").to_owned(),
        other => panic!("{other:?}"),
    }
}
