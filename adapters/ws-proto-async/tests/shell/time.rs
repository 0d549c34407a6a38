//! When the clock is looked at, and when the timer is set.

use std::task::Poll;
use std::time::Duration;

use ws_proto_async::{Config, Error, Instant, Options, TimedOut};
use ws_proto_test::task::Wakes;

use crate::common::{frame, poll, poll_on, quiet, server, text};

const SECOND: Duration = Duration::from_secs(1);

fn options() -> Options {
    let config = Config::new()
        .keepalive(Some(20 * SECOND))
        .pong_timeout(5 * SECOND);
    Options::new().config(config)
}

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

/// While messages come, the timer is looked at four times in a keepalive interval, and the clock with it: the
/// Ping comes at most a quarter late.
#[test]
fn a_timer_that_ends_early_enough_is_left_alone() {
    let (mut socket, hand) = server(options());
    let task = Wakes::new();
    assert!(poll(&task, socket.next()).is_pending());
    assert_eq!(hand.deadline(), Some(at(20)));
    let step = Duration::from_millis(100);
    for _ in 0..96 {
        hand.advance(step);
        hand.put(&frame(0x81, b"one"));
        assert_eq!(text(poll(&task, socket.next())), "one");
        assert!(poll(&task, socket.send("answer")).is_ready());
        assert!(poll(&task, socket.next()).is_pending());
    }
    let polls = hand.state().timer_polls;
    let looks = hand.state().looks;
    assert!(polls <= 4, "{polls}: at 0 s, 0.2 s, 5.2 s");
    assert!(looks <= 8, "{looks}");
    // The last message came at 9.6 s. The timer ends, and is set anew.
    let before = task.count();
    hand.advance(SECOND);
    assert!(task.count() > before);
    assert!(poll(&task, socket.next()).is_pending());
    let silent_until = hand.deadline().unwrap();
    assert!((29_600..=34_600).contains(&silent_until.as_millis()));
    hand.advance(silent_until.saturating_duration_since(Instant::from_millis(10_600)));
    assert!(poll(&task, socket.next()).is_pending());
    assert!(hand.state().written.ends_with(b"\x89\0"), "a Ping");
    assert_eq!(hand.deadline(), Some(silent_until + 5 * SECOND));
    hand.advance(5 * SECOND);
    assert!(matches!(
        poll(&task, socket.next()),
        Poll::Ready(Some(Err(Error::TimedOut(TimedOut::Pong))))
    ));
}

/// Who sends from time to time does not cost more wakes than messages and Pings.
#[test]
fn a_timer_is_set_for_the_end_of_the_silence_after_lone_messages() {
    let (mut socket, hand) = server(options());
    let task = Wakes::new();
    assert!(poll(&task, socket.next()).is_pending());
    for second in (10..100).step_by(10) {
        hand.advance(10 * SECOND);
        hand.put(&frame(0x81, b"one"));
        assert_eq!(text(poll(&task, socket.next())), "one");
        assert!(poll(&task, socket.next()).is_pending());
        assert!(hand.deadline().unwrap() >= at(second + 10));
    }
}

#[test]
fn the_clock_is_not_looked_at_while_there_are_messages() {
    let (mut socket, hand) = server(options());
    let task = Wakes::new();
    for _ in 0..20 {
        hand.put(&frame(0x81, b"one"));
        assert_eq!(text(poll(&task, socket.next())), "one");
        assert!(poll(&task, socket.send("answer")).is_ready());
    }
    assert_eq!(hand.state().looks, 0);
    let mut receive = || {
        for _ in 0..100 {
            hand.put(&frame(0x81, b"one"));
            let message = poll_on(&task, || poll(&task, socket.next()));
            assert_eq!(text(message), "one");
        }
        std::mem::take(&mut hand.state().looks)
    };
    let looks = receive();
    assert!(
        (1..=4).contains(&looks),
        "{looks}: once in 32 reads at most"
    );
    hand.advance(20 * SECOND);
    let looks = receive();
    assert!((1..=4).contains(&looks), "{looks}: the timer has ended");
}

/// A timer wakes the task that waits now, not the one that waited before.
#[test]
fn a_timer_goes_along_to_another_task() {
    let (mut socket, hand) = server(options());
    let (old, new) = (Wakes::new(), Wakes::new());
    assert!(poll(&old, socket.next()).is_pending());
    assert!(poll(&new, socket.next()).is_pending());
    hand.advance(20 * SECOND);
    assert_eq!((old.count(), new.count()), (0, 1));
    assert!(poll(&new, socket.next()).is_pending());
    assert_eq!(hand.state().written, b"\x89\0");
}

/// A timer that has ended by the time it is set wakes nobody: what is due is done at once.
#[test]
fn a_timer_that_has_ended_when_it_is_set_is_not_waited_for() {
    let (mut socket, hand) = server(options());
    let task = Wakes::new();
    hand.advance_after_a_look(20 * SECOND);
    assert!(poll(&task, socket.next()).is_pending());
    assert_eq!(hand.state().written, b"\x89\0");
    assert_eq!(hand.deadline(), Some(at(25)));
}

/// Both halves are woken by the timer, whichever has set it.
#[test]
fn a_timer_wakes_both_halves() {
    let (socket, hand) = server(options());
    let (mut read, mut write) = socket.split();
    let (reader, writer) = (Wakes::new(), Wakes::new());
    hand.make_room(0);
    assert!(poll(&reader, read.next()).is_pending());
    assert!(poll(&writer, write.send("x")).is_pending());
    hand.advance(20 * SECOND);
    assert!(reader.count() > 0 && writer.count() > 0);
}

/// A peer that takes nothing fails the connection though it sends.
#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let (mut socket, hand) = server(options().stall_time(60 * SECOND));
    let task = Wakes::new();
    hand.make_room(0);
    assert!(poll(&task, socket.send(vec![1; 10])).is_pending());
    let mut seconds = 0;
    let error = loop {
        hand.put(&frame(0x8a, b""));
        hand.advance(SECOND);
        seconds += 1;
        assert!(seconds <= 60);
        if let Poll::Ready(error) = poll(&task, socket.flush()) {
            break error.unwrap_err();
        }
    };
    assert_eq!(seconds, 60);
    assert!(matches!(error, Error::TimedOut(TimedOut::Write)));
    assert!(poll(&task, socket.send("late")).is_ready());
}

/// A peer that takes no answers for too long loses nothing of what it has sent: what waited for room comes first.
#[test]
fn a_timeout_among_answers_leaves_what_was_read() {
    let options = quiet().high_water(16 * 1024).stall_time(3 * SECOND);
    let ((mut socket, hand), task) = (server(options), Wakes::new());
    hand.make_room(0);
    let pings = frame(0x89, &[7; 100]).repeat(300);
    hand.put(&[pings, frame(0x81, b"kept").repeat(5)].concat());
    let mut seen = 0;
    for _ in 0..10 {
        assert!(poll(&task, socket.next()).is_pending());
    }
    hand.advance(4 * SECOND);
    let mut failed = None;
    for _ in 0..1000 {
        match poll(&task, socket.next()) {
            Poll::Ready(Some(Ok(_))) => {
                assert!(failed.is_none());
                seen += 1;
            }
            Poll::Ready(Some(Err(error))) => failed = Some(error),
            Poll::Ready(None) => break,
            Poll::Pending => hand.advance(SECOND),
        }
    }
    assert_eq!(seen, 5, "{failed:?}");
    assert!(matches!(failed, Some(Error::TimedOut(_))), "{failed:?}");
}
