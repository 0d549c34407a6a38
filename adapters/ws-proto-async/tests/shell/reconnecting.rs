//! A client that connects again, to servers that a test plays by hand, in time that it advances.

use std::collections::VecDeque;
use std::future::pending;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ws_proto_async::client::connect;
use ws_proto_async::reconnect::{BackoffConfig, End};
use ws_proto_async::{
    AttemptError, CloseCode, Config, ConnectError, Connected, Connector, Decision, Disconnected,
    Ended, Error, Instant, Message, Options, Reason, Reconnecting, SendError, TimedOut,
    TrySendError, Update,
};
use ws_proto_test::random::Random;
use ws_proto_test::shells::hand::Hand;
use ws_proto_test::task::Wakes;
use ws_proto_test::{Side, wire};

use crate::common::{poll, quiet};

const SECOND: Duration = Duration::from_secs(1);

/// What an attempt comes to.
enum Attempt {
    /// A stream, to a server that answers or not.
    Reaches(Hand),
    Fails(AttemptError),
}

/// The servers of a test, one for each attempt, and the client's clock.
#[derive(Clone, Default)]
struct Net {
    attempts: Arc<Mutex<VecDeque<Attempt>>>,
    clock: Hand,
    task: Wakes,
}

impl Net {
    /// A client whose delays are the longest ones: 1 s, 2 s, 4 s, ...
    fn client(&self, options: Options) -> Reconnecting<Hand> {
        let attempts = Arc::clone(&self.attempts);
        Reconnecting::with(self.clock.clone(), move || {
            let attempt = attempts.lock().unwrap().pop_front();
            async move {
                match attempt {
                    Some(Attempt::Reaches(hand)) => {
                        let connector = Connector::new("ws://example.com/")?.options(options);
                        Ok(connect(hand, connector, 10 * SECOND).await?)
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
    fn server(&self) -> Hand {
        let hand = Hand::new();
        let attempt = Attempt::Reaches(hand.clone());
        self.attempts.lock().unwrap().push_back(attempt);
        hand
    }

    /// The next attempt fails.
    fn fail(&self, error: impl Into<AttemptError>) {
        let attempt = Attempt::Fails(error.into());
        self.attempts.lock().unwrap().push_back(attempt);
    }

    /// The next update, which is there.
    fn update(&self, client: &mut Reconnecting<Hand>) -> Update {
        match poll(&self.task, client.next()) {
            Poll::Ready(Some(update)) => update,
            other => panic!("{other:?}"),
        }
    }

    fn waits(&self, client: &mut Reconnecting<Hand>) {
        let polled = poll(&self.task, client.next());
        assert!(polled.is_pending(), "{polled:?}");
    }

    fn connected(&self, client: &mut Reconnecting<Hand>) -> Connected {
        match self.update(client) {
            Update::Connected(connected) => connected,
            other => panic!("{other:?}"),
        }
    }

    fn disconnected(&self, client: &mut Reconnecting<Hand>) -> Disconnected {
        match self.update(client) {
            Update::Disconnected(disconnected) => disconnected,
            other => panic!("{other:?}"),
        }
    }

    fn text(&self, client: &mut Reconnecting<Hand>) -> String {
        match self.update(client) {
            Update::Message(message) => message.as_text().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// The last update, after which there is none.
    fn ended(&self, client: &mut Reconnecting<Hand>) -> Ended {
        let Update::Ended(ended) = self.update(client) else {
            panic!("not the end");
        };
        for _ in 0..2 {
            assert!(matches!(poll(&self.task, client.next()), Poll::Ready(None)));
        }
        assert!(client.try_send("late").is_err());
        let sent = poll(&self.task, client.send("late"));
        assert!(matches!(sent, Poll::Ready(Err(error)) if error.is_closed()));
        ended
    }

    /// Connects to a server that answers.
    fn open(&self, client: &mut Reconnecting<Hand>) -> Hand {
        let hand = self.server();
        self.waits(client);
        answer(&hand);
        self.connected(client);
        hand
    }

    /// Connects again, once the delay is over.
    fn reopen(&self, client: &mut Reconnecting<Hand>, delay: Duration) -> Hand {
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
fn answer(hand: &Hand) {
    answer_silently(hand);
    hand.put(b"");
}

/// Answers, and nobody has been woken yet.
fn answer_silently(hand: &Hand) {
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

fn refuse(hand: &Hand, status: u16, headers: &str) {
    hand.state().written.clear();
    hand.put(format!("HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes());
    hand.end();
}

/// A frame of the server's.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    wire::frame(Side::Client, first, payload)
}

fn close_frame(code: u16) -> Vec<u8> {
    frame(wire::CLOSE, &wire::close_body(code, b"bye"))
}

/// The texts of all whole messages that the client has written.
fn texts(hand: &Hand) -> Vec<String> {
    let frames = wire::parse_output(Side::Client, &hand.state().written);
    let data = frames.into_iter().filter(wire::Frame::is_data);
    data.map(|frame| String::from_utf8(frame.payload).unwrap())
        .collect()
}

fn words(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::as_text).collect()
}

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

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

/// Three messages of which the transport takes so many bytes before the connection is lost.
fn lose_after(cut: usize, fail: bool, resend: bool) -> (Net, Reconnecting<Hand>) {
    let net = Net::default();
    let mut client = net.client(quiet()).resend(resend);
    let hand = net.open(&mut client);
    hand.make_room(cut);
    for word in ["one", "two", "three"] {
        let fed = poll(&net.task, client.feed(word));
        assert!(matches!(fed, Poll::Ready(Ok(()))));
    }
    let flushed = poll(&net.task, client.flush());
    assert_eq!(flushed.is_ready(), cut == TOTAL, "{cut}");
    assert_eq!(hand.state().written.len(), cut);
    if fail {
        hand.break_writes(ErrorKind::BrokenPipe);
    }
    hand.end();
    if !fail && cut < TOTAL {
        // The server may still read.
        net.waits(&mut client);
        hand.advance(60 * SECOND);
    }
    (net, client)
}

const WORDS: [&str; 3] = ["one", "two", "three"];
/// Where their frames end.
const ENDS: [usize; 3] = [9, 18, 29];
const TOTAL: usize = 29;

#[test]
fn a_message_is_given_back_unless_all_of_it_was_written() {
    for (cut, fail) in (0..=TOTAL).flat_map(|cut| [(cut, false), (cut, true)]) {
        let (net, mut client) = lose_after(cut, fail, false);
        let lost = net.disconnected(&mut client);
        let unwritten = ENDS.iter().filter(|end| **end > cut).count();
        assert_eq!(words(&lost.unsent), WORDS[3 - unwritten..], "{cut} {fail}");
        // They are the program's now.
        let second = net.reopen(&mut client, SECOND);
        net.waits(&mut client);
        assert!(second.state().written.is_empty());
    }
}

#[test]
fn what_was_not_written_is_sent_again_once() {
    for (cut, fail) in (0..=TOTAL).flat_map(|cut| [(cut, false), (cut, true)]) {
        let (net, mut client) = lose_after(cut, fail, true);
        let lost = net.disconnected(&mut client);
        assert!(lost.unsent.is_empty());
        let second = net.reopen(&mut client, SECOND);
        assert!(poll(&net.task, client.send("four")).is_ready());
        let unwritten = ENDS.iter().filter(|end| **end > cut).count();
        let expected = [&WORDS[3 - unwritten..], &["four"]].concat();
        assert_eq!(texts(&second), expected, "{cut} {fail}");

        // Nothing waits any more.
        second.end();
        assert!(net.disconnected(&mut client).unsent.is_empty());
        let third = net.reopen(&mut client, 2 * SECOND);
        net.waits(&mut client);
        assert!(third.state().written.is_empty());
    }
}

#[test]
fn what_was_not_written_is_given_back_at_the_end() {
    for resend in [false, true] {
        let net = Net::default();
        let mut client = net.client(quiet()).resend(resend);
        let hand = net.open(&mut client);
        hand.make_room(10);
        for word in WORDS {
            assert!(poll(&net.task, client.feed(word)).is_ready());
        }
        net.waits(&mut client);
        hand.break_writes(ErrorKind::ConnectionReset);
        hand.put(&close_frame(1008));
        hand.end();
        let ended = net.ended(&mut client);
        assert!(matches!(&ended.reason, Reason::Closed(closed)
            if closed.code == Some(CloseCode::POLICY_VIOLATION)));
        assert_eq!(words(&ended.unsent), ["two", "three"]);
    }
}

/// Each message is kept until it is written, and no longer.
#[test]
fn nothing_is_kept_of_what_is_written() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    let data = ws_proto_async::Bytes::from(vec![7; 5000]);
    for _ in 0..100 {
        assert!(poll(&net.task, client.feed(data.clone())).is_ready());
        net.waits(&mut client);
    }
    assert!(poll(&net.task, client.flush()).is_ready());
    assert_eq!(hand.state().written.len(), 100 * 5008);
    drop(client.try_send("x"));
    assert!(data.is_unique(), "kept");
}

#[test]
fn subscriptions_come_first_and_are_made_anew() {
    let net = Net::default();
    let mut count = 0;
    let mut client = net
        .client(quiet())
        .resend(true)
        .on_connect(move |response| {
            assert_eq!(response.status(), 101);
            count += 1;
            [Message::from(format!("subscribe {count}")), "topic".into()]
        });
    let first = net.open(&mut client);
    assert_eq!(texts(&first), ["subscribe 1", "topic"]);
    first.make_room(0);
    assert!(poll(&net.task, client.feed("mine")).is_ready());
    first.break_writes(ErrorKind::BrokenPipe);
    first.end();
    assert_eq!(net.disconnected(&mut client).losses, 1);
    let second = net.reopen(&mut client, SECOND);
    net.waits(&mut client);
    assert_eq!(texts(&second), ["subscribe 2", "topic", "mine"]);

    // Of those that were not written none is given back.
    second.end();
    net.disconnected(&mut client);
    let third = net.server();
    net.waits(&mut client);
    net.clock.advance(2 * SECOND);
    net.waits(&mut client);
    third.make_room(0);
    answer(&third);
    net.connected(&mut client);
    assert!(third.state().written.is_empty());
    third.put(&close_frame(1000));
    third.break_writes(ErrorKind::BrokenPipe);
    third.end();
    assert!(net.ended(&mut client).unsent.is_empty());
}

/// However many subscriptions there are, they do not grow beyond what may wait, and come before the rest.
#[test]
fn many_subscriptions_wait_for_room() {
    let net = Net::default();
    let mut client = net
        .client(quiet().high_water(1000))
        .on_connect(|_| (0..100).map(|n| Message::from(vec![n; 100])));
    let hand = net.server();
    net.waits(&mut client);
    answer(&hand);
    hand.make_room(0);
    net.connected(&mut client);
    assert!(client.connection().unwrap().queued() < 1200);
    assert!(poll(&net.task, client.ready()).is_pending());
    assert!(matches!(
        client.try_send("mine"),
        Err(TrySendError::Full(_))
    ));
    hand.make_room(usize::MAX);
    net.waits(&mut client);
    assert!(poll(&net.task, client.send("mine")).is_ready());
    let frames = wire::parse_output(Side::Client, &hand.state().written);
    assert_eq!(frames.len(), 101);
    for (n, frame) in frames[..100].iter().enumerate() {
        assert_eq!(frame.payload, [n as u8; 100]);
    }
    assert_eq!(frames[100].payload, b"mine");
}

#[test]
fn final_ends_end_it() {
    for code in [1000, 1002, 1003, 1008, 1009, 3000] {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.open(&mut client);
        hand.put(&frame(0x81, b"the last"));
        hand.put(&close_frame(code));
        hand.end();
        assert_eq!(net.text(&mut client), "the last");
        let ended = net.ended(&mut client);
        assert!(matches!(&ended.reason, Reason::Closed(closed)
            if closed.code.map(CloseCode::as_u16) == Some(code)));
    }
    for status in [301, 400, 401, 403, 404, 501] {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.server();
        net.waits(&mut client);
        refuse(&hand, status, "");
        let ended = net.ended(&mut client);
        assert!(matches!(
            ended.reason,
            Reason::Attempt(AttemptError::Connect(ConnectError::Refused(response)))
                if response.status() == status
        ));
    }
    let net = Net::default();
    let mut client = net.client(quiet());
    net.fail(AttemptError::permanent("logged out"));
    assert_eq!(
        net.ended(&mut client).reason.to_string(),
        "connecting failed: logged out"
    );
    // We fail the connection, with 1002.
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    hand.put(&frame(0x83, b""));
    hand.end();
    let ended = net.ended(&mut client);
    assert_eq!(
        ended.reason.end(),
        Some(End::Closed(Some(CloseCode::PROTOCOL_ERROR)))
    );
    assert!(hand.state().written.starts_with(&[wire::CLOSE]));
}

#[test]
fn transient_ends_do_not() {
    let closed: [Option<u16>; 5] = [None, Some(1001), Some(1011), Some(1012), Some(4000)];
    for code in closed {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.open(&mut client);
        hand.put(&code.map_or_else(|| frame(wire::CLOSE, b""), close_frame));
        hand.end();
        assert!(matches!(
            net.disconnected(&mut client).reason,
            Reason::Closed(_)
        ));
        net.reopen(&mut client, SECOND);
    }
    let refusals = [
        (408, ""),
        (429, ""),
        (500, ""),
        (503, ""),
        (403, "Retry-After: 7\r\n"),
    ];
    for (status, headers) in refusals {
        let net = Net::default();
        let mut client = net.client(quiet());
        let hand = net.server();
        net.waits(&mut client);
        refuse(&hand, status, headers);
        let refused = net.disconnected(&mut client);
        assert_eq!(refused.delay >= 7 * SECOND, !headers.is_empty());
        net.reopen(&mut client, 9 * SECOND);
    }
    // The server goes away in the handshake.
    let net = Net::default();
    let mut client = net.client(quiet());
    for response in [&b""[..], b"HTTP/1.1 101 Swi"] {
        let hand = net.server();
        let _ = poll(&net.task, client.next());
        net.clock.advance(10 * SECOND);
        net.waits(&mut client);
        hand.put(response);
        hand.end();
        assert_eq!(net.disconnected(&mut client).reason.end(), Some(End::Eof));
    }
    // It says nothing in the handshake.
    let hand = net.server();
    net.waits(&mut client);
    net.clock.advance(10 * SECOND);
    net.waits(&mut client);
    hand.advance(10 * SECOND);
    let failed = net.disconnected(&mut client);
    assert_eq!(failed.reason.end(), Some(End::TimedOut));
    // It says nothing later on.
    let net = Net::default();
    let config = Config::new().keepalive(Some(SECOND)).pong_timeout(SECOND);
    let mut client = net.client(Options::new().config(config));
    let hand = net.open(&mut client);
    net.waits(&mut client);
    hand.advance(SECOND);
    net.waits(&mut client);
    hand.advance(SECOND);
    assert!(matches!(
        net.disconnected(&mut client).reason,
        Reason::Failed(Error::TimedOut(TimedOut::Pong))
    ));
}

#[test]
fn the_number_of_attempts_is_bounded() {
    let net = Net::default();
    let config = BackoffConfig::new().first(SECOND).max_attempts(Some(3));
    let mut client = net.client(quiet()).backoff(config);
    for attempt in 1..=3 {
        net.fail(AttemptError::transient("no token"));
        assert_eq!(net.disconnected(&mut client).attempt, attempt);
        net.waits(&mut client);
        net.clock.advance(8 * SECOND);
    }
    net.fail(AttemptError::transient("no token"));
    assert_eq!(net.ended(&mut client).attempts, 3);
}

#[test]
fn a_program_decides_what_is_final() {
    let net = Net::default();
    let mut client = net.client(quiet()).decide(|reason| match reason.end() {
        Some(End::Closed(Some(code))) if code.as_u16() == 4001 => Decision::Stop,
        Some(End::Refused { status: 401, .. }) => Decision::Retry,
        None => Decision::Retry,
        _ => Decision::Backoff,
    });
    let hand = net.server();
    net.waits(&mut client);
    refuse(&hand, 401, "");
    assert_eq!(net.disconnected(&mut client).attempt, 1);
    net.fail(AttemptError::permanent("logged out"));
    net.waits(&mut client);
    net.clock.advance(SECOND);
    assert_eq!(net.disconnected(&mut client).attempt, 2);
    let hand = net.reopen(&mut client, 2 * SECOND);
    hand.put(&close_frame(4001));
    hand.end();
    net.ended(&mut client);
}

#[test]
fn it_can_be_closed_at_every_step() {
    // Before the first attempt, in it, in the delay.
    for step in 0..3 {
        let net = Net::default();
        let mut client = net.client(quiet());
        if step == 1 {
            net.waits(&mut client);
        } else if step == 2 {
            net.fail(AttemptError::transient("x"));
            net.disconnected(&mut client);
            net.waits(&mut client);
        }
        let closed = poll(&net.task, client.close(CloseCode::NORMAL, ""));
        assert!(matches!(closed, Poll::Ready(Ok(()))));
        assert!(matches!(net.ended(&mut client).reason, Reason::Local));
    }
    // While it is open.
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    assert!(poll(&net.task, client.feed("one")).is_ready());
    assert!(poll(&net.task, client.close(CloseCode::NORMAL, "")).is_pending());
    assert_eq!(texts(&hand), ["one"]);
    assert!(matches!(
        client.try_send("late"),
        Err(TrySendError::Closed(_))
    ));
    hand.put(&close_frame(1000));
    hand.end();
    let closed = poll(&net.task, client.close(CloseCode::NORMAL, ""));
    assert!(matches!(closed, Poll::Ready(Ok(()))));
    let ended = net.ended(&mut client);
    assert!(matches!(ended.reason, Reason::Local) && ended.unsent.is_empty());
    // It is lost meanwhile: no other one follows, and what was not written is given back.
    let net = Net::default();
    let mut client = net.client(quiet()).resend(true);
    let hand = net.open(&mut client);
    hand.make_room(0);
    assert!(poll(&net.task, client.feed("one")).is_ready());
    client.start_close(CloseCode::NORMAL, "").unwrap();
    hand.break_writes(ErrorKind::BrokenPipe);
    hand.end();
    let ended = net.ended(&mut client);
    assert!(matches!(ended.reason, Reason::Failed(_)));
    assert_eq!(words(&ended.unsent), ["one"]);
}

#[test]
fn closing_the_sink_leaves_what_comes_to_the_stream() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    assert!(poll(&net.task, SinkExt::close(&mut client)).is_ready());
    assert_eq!(hand.state().written.first(), Some(&wire::CLOSE));
    hand.put(&frame(0x81, b"one"));
    hand.put(&close_frame(1000));
    hand.end();
    assert_eq!(net.text(&mut client), "one");
    assert!(matches!(net.ended(&mut client).reason, Reason::Local));
}

#[test]
fn a_manual_close_is_answered_by_itself() {
    let config = Config::new().keepalive(None).manual_close(true);
    let net = Net::default();
    let mut client = net.client(Options::new().config(config));
    let hand = net.open(&mut client);
    hand.put(&close_frame(1012));
    net.waits(&mut client);
    let frames = wire::parse_output(Side::Client, &hand.state().written);
    assert_eq!(frames[0].close_code(), Some(1012));
    hand.end();
    assert!(matches!(
        net.disconnected(&mut client).reason,
        Reason::Closed(_)
    ));
}

/// A sender that waits connects meanwhile, whoever receives.
#[test]
fn a_sender_waits_for_the_next_connection() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let first = net.server();
    // Not even the first connection is there.
    assert!(poll(&net.task, client.ready()).is_pending());
    assert!(matches!(
        client.try_send("one"),
        Err(TrySendError::Full(message)) if message.as_text() == Some("one")
    ));
    answer(&first);
    assert!(poll(&net.task, client.send("one")).is_ready());
    assert_eq!(texts(&first), ["one"]);
    first.put(&frame(0x81, b"news"));
    first.end_silently();
    first.break_writes(ErrorKind::BrokenPipe);
    let second = net.server();
    // This one meets the failed write, and is given back.
    assert!(matches!(
        poll(&net.task, client.send("two")),
        Poll::Ready(Ok(()))
    ));
    assert!(poll(&net.task, client.ready()).is_pending());
    net.clock.advance(SECOND);
    assert!(poll(&net.task, client.ready()).is_pending());
    answer(&second);
    assert!(poll(&net.task, client.send("three")).is_ready());
    assert_eq!(texts(&second), ["three"]);
    // In order: what came before the loss, then that.
    net.connected(&mut client);
    assert_eq!(net.text(&mut client), "news");
    assert_eq!(words(&net.disconnected(&mut client).unsent), ["two"]);
    net.connected(&mut client);
    net.waits(&mut client);
}

/// Nobody takes updates: they become few, and no message of either direction is missing.
#[test]
fn losses_that_nobody_takes_become_one() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let mut delay = SECOND;
    for n in 0..10 {
        let hand = net.server();
        assert!(poll(&net.task, client.ready()).is_pending());
        net.clock.advance(delay);
        assert!(poll(&net.task, client.ready()).is_pending());
        answer(&hand);
        assert!(poll(&net.task, client.ready()).is_ready());
        hand.make_room(0);
        hand.put(&frame(0x81, format!("in {n}").as_bytes()));
        assert!(poll(&net.task, client.feed(format!("out {n}"))).is_ready());
        hand.break_writes(ErrorKind::BrokenPipe);
        hand.end();
        assert!(poll(&net.task, client.flush()).is_ready());
        net.fail(AttemptError::transient("x"));
        delay = 60 * SECOND;
        assert!(poll(&net.task, client.ready()).is_pending());
        net.clock.advance(delay);
        assert!(poll(&net.task, client.ready()).is_pending());
    }
    net.connected(&mut client);
    for n in 0..10 {
        assert_eq!(net.text(&mut client), format!("in {n}"));
    }
    let lost = net.disconnected(&mut client);
    assert_eq!(lost.losses, 10);
    let all: Vec<_> = (0..10).map(|n| format!("out {n}")).collect();
    assert_eq!(words(&lost.unsent), all);
    assert_eq!(net.disconnected(&mut client).losses, 0);
    net.waits(&mut client);
}

/// What waits to be taken is bounded, and a sender says so instead of waiting for ever.
#[test]
fn a_sender_fails_when_too_much_waits_to_be_taken() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    for _ in 0..40 {
        hand.put(&frame(0x82, &[7; 60_000]));
    }
    hand.end();
    hand.break_writes(ErrorKind::BrokenPipe);
    let full = |sent| matches!(sent, Poll::Ready(Err(Error::Send(SendError::OutputFull))));
    assert!(full(poll(&net.task, client.send("mine"))));
    assert!(full(poll(&net.task, client.ready())));
    assert!(matches!(client.try_send("x"), Err(TrySendError::Full(_))));
    for _ in 0..40 {
        assert!(matches!(net.update(&mut client), Update::Message(_)));
    }
    assert_eq!(words(&net.disconnected(&mut client).unsent), ["mine"]);
    net.reopen(&mut client, SECOND);
    assert!(poll(&net.task, client.send("more")).is_ready());
}

#[test]
fn a_delay_can_be_cut_short() {
    let net = Net::default();
    let mut client = net.client(quiet());
    net.fail(AttemptError::transient("x"));
    net.disconnected(&mut client);
    let hand = net.server();
    net.waits(&mut client);
    let woken = net.task.count();
    client.reconnect_now();
    assert!(net.task.count() > woken);
    net.waits(&mut client);
    answer(&hand);
    assert_eq!(net.connected(&mut client).attempt, 0);
}

/// Two tasks: each is woken by what the other finds.
#[test]
fn halves_in_two_tasks_wake_each_other() {
    let net = Net::default();
    let (mut sink, mut stream) = net.client(quiet()).split::<Message>();
    let (reader, writer) = (Wakes::new(), Wakes::new());
    let hand = net.server();
    assert!(poll(&writer, sink.send("one".into())).is_pending());
    assert!(poll(&reader, stream.next()).is_pending());
    let (read, written) = (reader.count(), writer.count());
    answer(&hand);
    assert!(reader.count() > read || writer.count() > written);
    assert!(matches!(
        poll(&reader, stream.next()),
        Poll::Ready(Some(Update::Connected(_)))
    ));
    assert!(writer.count() > written, "there is a connection");
    assert!(poll(&writer, sink.send("two".into())).is_ready());
    // A half of `futures` keeps the message that it waits with.
    assert_eq!(texts(&hand), ["one", "two"]);

    // The writer finds that it is lost.
    assert!(poll(&reader, stream.next()).is_pending());
    let read = reader.count();
    hand.end_silently();
    hand.break_writes(ErrorKind::BrokenPipe);
    assert!(poll(&writer, sink.send("three".into())).is_ready());
    assert!(reader.count() > read, "it is lost");
    assert!(matches!(
        poll(&reader, stream.next()),
        Poll::Ready(Some(Update::Disconnected(lost))) if words(&lost.unsent) == ["three"]
    ));
    // The writer waits, and the reader goes through the delay.
    assert!(poll(&writer, sink.send("four".into())).is_pending());
    assert!(poll(&reader, stream.next()).is_pending());
    let hand = net.server();
    let (read, written) = (reader.count(), writer.count());
    net.clock.advance(SECOND);
    assert!(reader.count() > read && writer.count() > written);
    assert!(poll(&reader, stream.next()).is_pending());
    answer(&hand);
    assert!(poll(&writer, sink.send("five".into())).is_ready());
    assert_eq!(texts(&hand), ["four", "five"]);
}

/// One task goes on for a reason of its own, before anybody is woken, and wakes the other one.
#[test]
fn a_connection_that_one_half_finds_wakes_the_other() {
    let net = Net::default();
    let (mut sink, mut stream) = net.client(quiet()).split::<Message>();
    let (reader, writer) = (Wakes::new(), Wakes::new());
    let hand = net.server();
    assert!(poll(&writer, sink.send("one".into())).is_pending());
    assert!(poll(&reader, stream.next()).is_pending());
    let woken = writer.count();
    answer_silently(&hand);
    assert!(matches!(
        poll(&reader, stream.next()),
        Poll::Ready(Some(Update::Connected(_)))
    ));
    assert!(writer.count() > woken);
    assert!(poll(&writer, sink.flush()).is_ready());
    // Nor does a reader miss a loss.
    assert!(poll(&reader, stream.next()).is_pending());
    let woken = reader.count();
    hand.end_silently();
    hand.break_writes(ErrorKind::BrokenPipe);
    let sent = poll(&writer, sink.send("two".into()));
    assert!(sent.is_ready() && reader.count() > woken);
}

/// Subscriptions of a lost connection are not waited for.
#[test]
fn a_flush_does_not_wait_for_subscriptions_of_a_lost_connection() {
    let net = Net::default();
    let mut client = net
        .client(quiet().high_water(1000))
        .on_connect(|_| (0..100).map(|n| Message::from(vec![n; 100])));
    let hand = net.server();
    net.waits(&mut client);
    hand.make_room(0);
    answer(&hand);
    net.connected(&mut client);
    assert!(poll(&net.task, client.flush()).is_pending());
    hand.break_writes(ErrorKind::BrokenPipe);
    hand.end();
    assert!(net.disconnected(&mut client).unsent.is_empty());
    let flushed = poll(&net.task, client.flush());
    assert!(matches!(flushed, Poll::Ready(Ok(()))));
}

/// However connections are cut, each message is written as a whole once, in order, or given back in the end.
#[test]
fn nothing_is_lost_or_doubled_over_many_connections() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut next = move |below: u64| random.next() % below;
        let resend = next(2) == 0;
        let net = Net::default();
        let mut client = net.client(quiet()).resend(resend);
        let (mut accepted, mut written, mut given_back) = (0, Vec::new(), Vec::new());
        let mut delay = Duration::ZERO;
        for _ in 0..8 {
            let hand = net.server();
            let _ = poll(&net.task, client.next());
            net.clock.advance(delay);
            delay = 60 * SECOND;
            net.waits(&mut client);
            hand.make_room(usize::MAX);
            answer(&hand);
            hand.make_room(0);
            net.connected(&mut client);
            for _ in 0..next(12) {
                match next(4) {
                    0 => net.waits(&mut client),
                    1 => hand.make_room(next(40) as usize),
                    2 => drop(poll(&net.task, client.flush())),
                    _ => {
                        let word = format!("{accepted} {}", "x".repeat(next(90) as usize));
                        match client.try_send(word) {
                            Ok(()) => accepted += 1,
                            // What is sent again waits for room.
                            Err(error) => assert!(matches!(error, TrySendError::Full(_))),
                        }
                    }
                }
            }
            let _ = poll(&net.task, client.flush());
            hand.break_writes(ErrorKind::ConnectionReset);
            hand.end();
            let lost = net.disconnected(&mut client);
            written.extend(numbers(&whole_texts(&hand)));
            assert!(!resend || lost.unsent.is_empty());
            given_back.extend(numbers(&words(&lost.unsent)));
        }
        client.start_close(CloseCode::NORMAL, "").unwrap();
        given_back.extend(numbers(&words(&net.ended(&mut client).unsent)));
        if resend {
            // In order, over all connections.
            written.append(&mut given_back);
        } else {
            assert!(written.is_sorted() && given_back.is_sorted());
            written.append(&mut given_back);
            written.sort_unstable();
        }
        assert_eq!(written, (0..accepted).collect::<Vec<_>>(), "seed {seed}");
    }
}

/// The texts of the frames that are written as a whole.
fn whole_texts(hand: &Hand) -> Vec<String> {
    let written = hand.state().written.clone();
    let mut end = 0;
    while let Some(len) = written.get(end + 1).map(|byte| usize::from(byte & 0x7f)) {
        if end + 6 + len > written.len() {
            break;
        }
        end += 6 + len;
    }
    let frames = wire::parse_output(Side::Client, &written[..end]);
    let texts = frames.into_iter().map(|frame| frame.payload);
    texts.map(|text| String::from_utf8(text).unwrap()).collect()
}

/// The numbers that texts begin with.
fn numbers(texts: &[impl AsRef<str>]) -> Vec<u32> {
    let first = |text: &str| text.split(' ').next().unwrap().parse().unwrap();
    texts.iter().map(|text| first(text.as_ref())).collect()
}
