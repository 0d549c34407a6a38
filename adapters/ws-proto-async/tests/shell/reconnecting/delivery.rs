//! What was not written is given back or sent again, and nothing is doubled.

use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

use ws_proto_async::{CloseCode, Message, Reason, Reconnecting, TrySendError};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::random::Random;
use ws_proto_test::{Side, wire};

use super::net::{Net, SECOND, answer, close_frame, texts, words};
use crate::common::{poll, quiet};

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
    assert!(client.connection().unwrap().pending_bytes() < 1200);
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
