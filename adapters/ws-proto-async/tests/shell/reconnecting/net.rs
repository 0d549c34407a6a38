//! Servers that a test plays by hand, and the expected results of a client that connects to them.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::FusedStream;
use ws_proto_async::client::connect_over;
use ws_proto_async::reconnect::BackoffConfig;
use ws_proto_async::{
    AttemptError, Connected, Connector, Disconnected, Ended, Instant, Message, Options,
    Reconnecting, Update,
};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::task::Wakes;
use ws_proto_test::{Side, wire};

use crate::common::{poll, poll_on};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// What an attempt comes to.
enum Attempt {
    /// A stream, to a server that answers or not.
    Reaches(Hand),
    Fails(AttemptError),
}

/// The servers of a test, one for each attempt, and the client's clock.
#[derive(Clone, Default)]
pub(super) struct Net {
    attempts: Arc<Mutex<VecDeque<Attempt>>>,
    pub(super) clock: Hand,
    pub(super) task: Wakes,
}

impl Net {
    /// A client whose delays are the longest ones: 1 s, 2 s, 4 s, ...
    pub(super) fn client(&self, options: Options) -> Reconnecting<Hand> {
        let attempts = Arc::clone(&self.attempts);
        Reconnecting::from_connections(self.clock.clone(), move || {
            let attempt = attempts.lock().unwrap().pop_front();
            async move {
                match attempt {
                    Some(Attempt::Reaches(hand)) => {
                        let connector = Connector::new("ws://example.com/")?.options(options);
                        Ok(connect_over(hand, connector, 10 * SECOND).await?)
                    }
                    Some(Attempt::Fails(error)) => Err(error),
                    None => pending().await,
                }
            }
        })
        .backoff(BackoffConfig::new().first(SECOND).busy(SECOND, SECOND))
        .random(|| u64::MAX)
    }

    /// The next attempt reaches a server.
    pub(super) fn server(&self) -> Hand {
        let hand = Hand::new();
        let attempt = Attempt::Reaches(hand.clone());
        self.attempts.lock().unwrap().push_back(attempt);
        hand
    }

    /// The next attempt fails.
    pub(super) fn fail(&self, error: impl Into<AttemptError>) {
        let attempt = Attempt::Fails(error.into());
        self.attempts.lock().unwrap().push_back(attempt);
    }

    /// The next update, which is there.
    pub(super) fn update(&self, client: &mut Reconnecting<Hand>) -> Update {
        match poll_on(&self.task, || poll(&self.task, client.next())) {
            Poll::Ready(Some(update)) => update,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn waits(&self, client: &mut Reconnecting<Hand>) {
        let polled = poll(&self.task, client.next());
        assert!(polled.is_pending(), "{polled:?}");
    }

    pub(super) fn connected(&self, client: &mut Reconnecting<Hand>) -> Connected {
        match self.update(client) {
            Update::Connected(connected) => connected,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn disconnected(&self, client: &mut Reconnecting<Hand>) -> Disconnected {
        match self.update(client) {
            Update::Disconnected(disconnected) => disconnected,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn text(&self, client: &mut Reconnecting<Hand>) -> String {
        match self.update(client) {
            Update::Message(message) => message.as_text().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// The last update, after which there is none.
    pub(super) fn ended(&self, client: &mut Reconnecting<Hand>) -> Ended {
        assert!(!client.is_terminated());
        let Update::Ended(ended) = self.update(client) else {
            panic!("not the end");
        };
        assert!(client.is_terminated());
        for _ in 0..2 {
            assert!(matches!(poll(&self.task, client.next()), Poll::Ready(None)));
        }
        assert!(client.try_send("late").is_err());
        let sent = poll(&self.task, client.send("late"));
        assert!(matches!(sent, Poll::Ready(Err(error)) if error.is_closed()));
        ended
    }

    /// Connects to a server that answers.
    pub(super) fn open(&self, client: &mut Reconnecting<Hand>) -> Hand {
        let hand = self.server();
        self.waits(client);
        answer(&hand);
        self.connected(client);
        hand
    }

    /// Connects again, once the delay is over.
    pub(super) fn reopen(&self, client: &mut Reconnecting<Hand>, delay: Duration) -> Hand {
        let hand = self.server();
        self.waits(client);
        self.clock.advance(delay);
        self.waits(client);
        answer(&hand);
        self.connected(client);
        hand
    }
}

/// Answers the request that the client has written.
pub(super) fn answer(hand: &Hand) {
    answer_silently(hand);
    hand.put(b"");
}

/// Answers, and nobody has been woken yet.
pub(super) fn answer_silently(hand: &Hand) {
    let request = String::from_utf8(std::mem::take(&mut hand.state().written)).unwrap();
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .expect("a key");
    let accept = ws_proto::handshake::accept_key(key.as_bytes());
    hand.put_silently(
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept.as_str()
        )
        .as_bytes(),
    );
}

pub(super) fn refuse(hand: &Hand, status: u16, headers: &str) {
    hand.state().written.clear();
    hand.put(format!("HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes());
    hand.end();
}

/// A frame of the server's.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    wire::frame(Side::Client, first, payload)
}

pub(super) fn close_frame(code: u16) -> Vec<u8> {
    frame(wire::CLOSE, &wire::close_body(code, b"bye"))
}

/// The texts of all whole messages that the client has written.
pub(super) fn texts(hand: &Hand) -> Vec<String> {
    let frames = wire::parse_output(Side::Client, &hand.state().written);
    let data = frames.into_iter().filter(wire::Frame::is_data);
    data.map(|frame| String::from_utf8(frame.payload).unwrap())
        .collect()
}

pub(super) fn words(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::as_text).collect()
}

pub(super) fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}
