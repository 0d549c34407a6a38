//! Who is woken: by the stream, and by the other half.

use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use ws_proto_async::{Batch, Error};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::task::Wakes;

use crate::common::{CLOSE, frame, poll, quiet, server, text};

/// A sender that waits for room is woken when the reader has written for it.
#[test]
fn a_writer_is_woken_by_the_reader_that_writes_for_it() {
    let (socket, hand) = server(quiet().high_water(1000));
    let (mut read, mut write) = socket.split();
    let (reader, writer) = (Wakes::new(), Wakes::new());
    hand.make_room(0);
    write.try_send(vec![1; 2000]).unwrap();
    assert!(poll(&writer, write.send("waits for room")).is_pending());
    // The reader is polled for a reason of its own, before anybody is woken, and finds room.
    hand.make_room_silently(usize::MAX);
    assert!(poll(&reader, read.next()).is_pending());
    assert!(hand.state().written.len() > 2000);
    assert!(writer.count() > 0, "there is room, and nobody says it");
    assert!(poll(&writer, write.send("has room")).is_ready());
}

/// A reader that waits is woken when the writer has read for it.
#[test]
fn a_reader_is_woken_by_the_writer_that_reads_for_it() {
    let (socket, hand) = server(quiet());
    let (mut read, mut write) = socket.split();
    let (reader, writer) = (Wakes::new(), Wakes::new());
    assert!(poll(&reader, read.next()).is_pending());
    hand.put_silently(&frame(0x81, b"one"));
    assert!(poll(&writer, write.send("x")).is_ready());
    assert!(reader.count() > 0);
    assert_eq!(text(poll(&reader, read.next())), "one");
}

/// Whichever half was polled last, every event of the stream wakes both.
#[test]
fn neither_half_takes_the_notices_of_the_stream_from_the_other() {
    for reader_is_last in [false, true] {
        let (socket, hand) = server(quiet());
        let (mut read, mut write) = socket.split();
        let (reader, writer) = (Wakes::new(), Wakes::new());
        hand.make_room(0);
        for turn in 0..4 {
            if (turn % 2 == 0) == reader_is_last {
                assert!(poll(&writer, write.send(vec![1; 10])).is_pending());
            } else {
                assert!(poll(&reader, read.next()).is_pending());
            }
        }
        let before = (reader.count(), writer.count());
        hand.put(&frame(0x81, b"one"));
        assert!(reader.count() > before.0, "{reader_is_last}");
        assert_eq!(text(poll(&reader, read.next())), "one");
        // The reader may have written, but the stream takes nothing.
        assert!(poll(&reader, read.next()).is_pending());
        assert!(poll(&writer, write.flush()).is_pending());
        let before = writer.count();
        hand.make_room(usize::MAX);
        assert!(writer.count() > before, "{reader_is_last}");
        assert!(poll(&writer, write.flush()).is_ready());
    }
}

/// So it is with one connection that two tasks poll, as the halves of `futures` do.
#[test]
fn two_tasks_share_one_connection() {
    let (socket, hand) = server(quiet());
    let (mut sink, mut stream) = StreamExt::split(socket);
    let (reader, writer) = (Wakes::new(), Wakes::new());
    assert!(poll(&reader, stream.next()).is_pending());
    hand.make_room(0);
    assert!(poll(&writer, sink.send(vec![1; 10].into())).is_pending());
    hand.put(&frame(0x81, b"one"));
    assert!(reader.count() > 0);
    assert_eq!(text(poll(&reader, stream.next())), "one");
    assert!(poll(&reader, stream.next()).is_pending());
    assert!(poll(&writer, sink.flush()).is_pending());
    let before = writer.count();
    hand.make_room(usize::MAX);
    assert!(writer.count() > before);
    assert!(poll(&writer, sink.flush()).is_ready());
}

/// A connection that moves to another task takes its notices along.
#[test]
fn a_connection_wakes_the_task_that_it_has_moved_to() {
    let (mut socket, hand) = server(quiet());
    let (old, new) = (Wakes::new(), Wakes::new());
    assert!(poll(&old, socket.next()).is_pending());
    assert!(poll(&new, socket.next()).is_pending());
    hand.put(&frame(0x81, b"one"));
    assert_eq!((old.count(), new.count()), (0, 1));
}

/// Also one half, while another task has the other half.
#[test]
fn a_half_wakes_the_task_that_it_has_moved_to() {
    let (socket, hand) = server(quiet());
    let (mut read, mut write) = socket.split();
    let (old, new, writer) = (Wakes::new(), Wakes::new(), Wakes::new());
    hand.make_room(0);
    assert!(poll(&old, read.next()).is_pending());
    assert!(poll(&writer, write.send(vec![1; 10])).is_pending());
    assert!(poll(&new, read.next()).is_pending());
    assert!(poll(&writer, write.flush()).is_pending());
    let before = (old.count(), new.count());
    hand.put(&frame(0x81, b"one"));
    assert!(new.count() > before.1);
    assert_eq!(old.count(), before.0);
    assert_eq!(text(poll(&new, read.next())), "one");
}

/// One task that receives and sends is woken once for each event, and by the stream itself.
#[test]
fn one_task_is_not_woken_in_vain() {
    let (mut socket, hand) = server(quiet());
    let task = Wakes::new();
    for n in 1..10 {
        assert!(poll(&task, socket.next()).is_pending());
        hand.put(&frame(0x81, b"one"));
        assert_eq!(task.count(), n);
        assert_eq!(text(poll(&task, socket.next())), "one");
        assert!(poll(&task, socket.send("answer")).is_ready());
        assert_eq!(task.count(), n);
    }
}

/// 52 KB of Pings in one read, while the output is blocked: all of them are answered, and the message
/// after them comes.
#[test]
fn input_that_waited_for_the_output_goes_on() {
    let (mut socket, hand) = server(quiet().high_water(1000));
    let task = Wakes::new();
    let mut input: Vec<u8> = (0..400).flat_map(|_| frame(0x89, &[7; 125])).collect();
    input.extend(frame(0x81, b"end"));
    hand.make_room(0);
    hand.put(&input);
    assert!(poll(&task, socket.next()).is_pending());
    assert!(socket.pending_bytes() <= 1000);
    assert!(
        hand.deadline().is_some(),
        "a peer that takes nothing is timed"
    );
    let mut turns = 0;
    loop {
        let before = task.count();
        hand.make_room(500);
        assert!(task.count() > before, "nobody waits for room");
        turns += 1;
        assert!(turns < 1000);
        if let message @ Poll::Ready(_) = poll(&task, socket.next()) {
            assert_eq!(text(message), "end");
            break;
        }
    }
    hand.make_room(usize::MAX);
    assert!(poll(&task, socket.flush()).is_ready());
    assert_eq!(hand.state().written.len(), 400 * 127);
}

/// A message behind answers does not wait for all of them: that they are tried to be written is enough.
#[test]
fn a_message_comes_once_its_answers_have_room() {
    let (mut socket, hand) = server(quiet().high_water(1000));
    let task = Wakes::new();
    let mut input = frame(0x89, &[7; 125]).repeat(10);
    input.extend(frame(0x81, b"behind"));
    hand.make_room(0);
    hand.put(&input);
    assert!(poll(&task, socket.next()).is_pending());
    hand.make_room(500);
    assert_eq!(text(poll(&task, socket.next())), "behind");
}

/// A half that ends wakes the other one, which may wait for ever else.
#[test]
fn the_end_that_one_half_sees_wakes_the_other() {
    let (socket, hand) = server(quiet());
    let (mut read, mut write) = socket.split();
    let (reader, writer) = (Wakes::new(), Wakes::new());
    assert!(poll(&reader, read.next()).is_pending());
    hand.put_silently(CLOSE);
    hand.end_silently();
    let _ = poll(&writer, write.send("x"));
    assert!(reader.count() > 0);
    assert!(matches!(poll(&reader, read.next()), Poll::Ready(None)));
}

/// A writer that waits is woken when the reader is dropped: from now on it drops input.
#[test]
fn a_reader_that_is_dropped_wakes_the_writer() {
    let (socket, hand) = server(quiet().high_water(200));
    let (read, mut write) = socket.split();
    let writer = Wakes::new();
    hand.make_room(0);
    write.try_send(vec![1; 1000]).unwrap();
    assert!(poll(&writer, write.ready()).is_pending());
    let before = writer.count();
    drop(read);
    assert!(writer.count() > before);
}

/// Halves that are joined again are a whole connection: it hands out messages.
#[test]
fn halves_that_are_joined_lose_no_message() {
    let (socket, hand) = server(quiet());
    let task = Wakes::new();
    let (read, mut write) = socket.split();
    hand.put(&frame(0x81, b"one"));
    assert!(poll(&task, write.send("x")).is_ready());
    let mut socket = read.reunite(write).unwrap();
    hand.put(&frame(0x81, b"two"));
    assert!(poll(&task, socket.send("y")).is_ready());
    assert_eq!(text(poll(&task, socket.next())), "one");
    assert_eq!(text(poll(&task, socket.next())), "two");
}

/// Two halves that wait for the output to be written at the end wait: they do not wake each other for ever.
#[test]
fn halves_that_wait_at_the_end_leave_each_other_alone() {
    for end in [CLOSE, &frame(0x83, b"")] {
        let (socket, hand) = server(quiet());
        let (mut read, mut write) = socket.split();
        let (reader, writer) = (Wakes::new(), Wakes::new());
        hand.make_room(0);
        write.try_send("x").unwrap();
        assert!(poll(&reader, read.next()).is_pending());
        assert!(poll(&writer, write.flush()).is_pending());
        hand.put(end);
        let mut seen = (0, 0);
        for polls in 0.. {
            let woken = (reader.count(), writer.count());
            if woken == seen {
                break;
            }
            assert!(polls < 10, "they wake each other for ever");
            if woken.0 > seen.0 {
                assert!(poll(&reader, read.next()).is_pending());
            }
            if woken.1 > seen.1 {
                assert!(poll(&writer, write.flush()).is_pending());
            }
            seen = woken;
        }
        hand.make_room(usize::MAX);
        assert!(reader.count() > seen.0 && writer.count() > seen.1);
        assert!(poll(&writer, write.flush()).is_ready());
        hand.end();
        assert!(poll(&reader, read.next()).is_ready());
    }
}

/// A wait goes on where it was: it ends with the batch that has come.
#[test]
fn the_batch_after_a_wait_is_not_empty() {
    let (mut socket, hand) = server(quiet());
    let task = Wakes::new();
    let receive = |batch: Poll<Option<Result<Batch<'_, Hand>, Error>>>| {
        let Poll::Ready(Some(Ok(mut batch))) = batch else {
            panic!("{batch:?}");
        };
        let mut count = 0;
        while batch.next().is_some() {
            count += 1;
        }
        count
    };
    assert_eq!(
        receive(poll(&task, socket.next_batch())),
        0,
        "nothing is known yet"
    );
    for _ in 0..3 {
        assert!(poll(&task, socket.next_batch()).is_pending());
        hand.put(&[frame(0x81, b"one"), frame(0x81, b"two")].concat());
        assert_eq!(receive(poll(&task, socket.next_batch())), 2);
    }
}

/// One batch may be empty before it.
#[test]
fn batches_have_an_end() {
    for waits in [false, true] {
        let (mut socket, hand) = server(quiet());
        let task = Wakes::new();
        let mut next = || match poll(&task, socket.next_batch()) {
            Poll::Ready(Some(Ok(mut batch))) => {
                assert!(batch.next().is_none());
                "empty"
            }
            Poll::Ready(Some(Err(Error::Eof(_)))) => "Eof",
            Poll::Ready(None) => "None",
            Poll::Pending => "Pending",
            other => panic!("{other:?}"),
        };
        assert_eq!(next(), "empty");
        if waits {
            assert_eq!(next(), "Pending");
        }
        hand.end();
        assert_eq!([next(), next(), next()], ["empty", "Eof", "None"]);
    }
}

/// A peer that sends on and takes no answers is stopped, however often the task is polled.
#[test]
fn a_batch_that_waits_for_room_does_not_read_on() {
    let (mut socket, hand) = server(quiet().high_water(1024));
    let task = Wakes::new();
    let take = |batch: Poll<Option<Result<Batch<'_, Hand>, Error>>>| {
        let Poll::Ready(Some(Ok(mut batch))) = batch else {
            panic!("{batch:?}");
        };
        std::iter::from_fn(|| batch.next().map(drop)).count()
    };
    assert_eq!(take(poll(&task, socket.next_batch())), 0);
    hand.make_room(0);
    socket.try_send(vec![0; 1000]).unwrap();
    for _ in 0..10 {
        hand.put(&frame(0x82, &[7; 1000]));
        assert!(poll(&task, socket.next_batch()).is_pending());
    }
    let frames = hand.unread() / 1008;
    assert!(frames >= 9, "{frames} were left to the peer");
    hand.make_room(usize::MAX);
    let mut taken = 0;
    while taken < 10 {
        taken += take(poll(&task, socket.next_batch()));
    }
    assert!(poll(&task, socket.next_batch()).is_pending());
}

/// Also after so much without a message that others get their turn, in the middle of a batch.
#[test]
fn batches_go_on_after_others_had_their_turn() {
    let pongs = frame(0x8a, b"").repeat(200_000);
    let parts = [
        &frame(0x02, &[7; 1000])[..],
        &frame(0, &[7; 1000]).repeat(4000),
    ]
    .concat();
    for (much, len) in [(pongs, 0), ([parts, frame(0x80, b"")].concat(), 4_001_000)] {
        let (mut socket, hand) = server(quiet());
        let task = Wakes::new();
        hand.put(&much);
        hand.put(&frame(0x82, b"the last one"));
        let (mut lens, mut polls) = (Vec::new(), 0);
        while lens.last() != Some(&12) {
            polls += 1;
            assert!(
                polls < 10_000,
                "{lens:?}, {} bytes are unread",
                hand.unread()
            );
            let before = task.count();
            match poll(&task, socket.next_batch()) {
                Poll::Ready(Some(Ok(mut batch))) => {
                    while let Some((message, _)) = batch.next() {
                        lens.push(message.as_bytes().len());
                    }
                }
                Poll::Pending => assert!(task.count() > before),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(lens[..lens.len() - 1].iter().sum::<usize>(), len);
    }
}
