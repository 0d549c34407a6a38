//! Senders that wait, updates that nobody takes, and two tasks.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use ws_proto_async::{AttemptError, Error, Message, SendError, TrySendError, Update};
use ws_proto_test::task::Wakes;

use super::net::{Net, SECOND, answer, answer_silently, frame, texts, words};
use crate::common::{poll, quiet};

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
    // In order: messages before the loss, then that.
    net.connected(&mut client);
    assert_eq!(net.text(&mut client), "news");
    assert_eq!(words(&net.disconnected(&mut client).unsent), ["two"]);
    net.connected(&mut client);
    net.waits(&mut client);
}

/// The next one takes it.
#[test]
fn what_a_sink_has_accepted_is_not_lost_with_the_connection() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let first = net.open(&mut client);
    assert!(poll(&net.task, poll_fn(|cx| client.poll_ready_unpin(cx))).is_ready());
    first.end();
    assert!(net.disconnected(&mut client).unsent.is_empty());
    client.start_send_unpin("one".into()).unwrap();
    let second = net.reopen(&mut client, SECOND);
    assert!(poll(&net.task, client.flush()).is_ready());
    assert_eq!(texts(&second), ["one"]);
    assert_eq!(texts(&first), [""; 0]);
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

/// The output of its connection is bounded as that of any other.
#[test]
fn a_sender_waits_while_the_server_takes_nothing() {
    let net = Net::default();
    let mut client = net.client(quiet());
    let hand = net.open(&mut client);
    hand.make_room(0);
    let mut count = 0;
    while let Ok(()) = client.try_send(vec![0; 10_000]) {
        count += 1;
        assert!(count < 1000);
    }
    assert!(poll(&net.task, client.ready()).is_pending());
    assert!(poll(&net.task, client.send("one more")).is_pending());
    let woken = net.task.count();
    hand.make_room(usize::MAX);
    assert!(net.task.count() > woken);
    assert!(matches!(
        poll(&net.task, client.ready()),
        Poll::Ready(Ok(()))
    ));
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
