//! A stream below may keep what it is given until it is flushed, as one of TLS does.

use ws_proto_async::{CloseCode, Fin, WebSocket};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::task::Wakes;

use crate::common::{CLOSE, frame, poll, quiet, server};

fn is_flushed(hand: &Hand) -> bool {
    let state = hand.state();
    state.flushed == state.written.len()
}

/// Something that writes.
type Writes = fn(&Wakes, &mut WebSocket<Hand>, &Hand);

#[test]
fn whatever_is_written_is_flushed() {
    let ways: [Writes; 8] = [
        |task, socket, _| assert!(poll(task, socket.send("hello")).is_ready()),
        |task, socket, _| {
            assert!(poll(task, socket.feed("hello")).is_ready());
            assert!(poll(task, socket.flush()).is_ready());
        },
        |task, socket, _| {
            socket.try_send("hello").unwrap();
            assert!(poll(task, socket.next()).is_pending());
        },
        |task, socket, _| {
            assert!(poll(task, socket.send_text_part("hel", Fin::No)).is_ready());
            assert!(poll(task, socket.flush()).is_ready());
        },
        |task, socket, _| assert!(poll(task, socket.ping(b"hello")).is_ready()),
        |task, socket, hand| {
            hand.put(&frame(0x89, b"hello"));
            assert!(poll(task, socket.next()).is_pending());
        },
        |task, socket, hand| {
            hand.put(CLOSE);
            assert!(poll(task, socket.next()).is_ready());
        },
        |task, socket, _| assert!(poll(task, socket.close(CloseCode::NORMAL, "")).is_pending()),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let ((mut socket, hand), task) = (server(quiet()), Wakes::new());
        way(&task, &mut socket, &hand);
        assert!(!hand.state().written.is_empty(), "{number}");
        assert!(is_flushed(&hand), "{number}");
    }
}

/// As much as the stream takes at once, and more.
#[test]
fn bytes_are_flushed() {
    for size in [5, 50_000] {
        let ((socket, hand), task) = (server(quiet()), Wakes::new());
        let mut stream = socket.into_byte_stream();
        let data = vec![b'a'; size];
        hand.make_room(20_000);
        let written = std::future::poll_fn(|cx| stream.poll_write(cx, &data));
        assert!(poll(&task, written).is_ready());
        assert_eq!(is_flushed(&hand), size == 5, "the rest follows");
        let flushed = poll(&task, std::future::poll_fn(|cx| stream.poll_flush(cx)));
        assert_eq!(flushed.is_ready(), size == 5);
        hand.make_room(usize::MAX);
        let flushed = poll(&task, std::future::poll_fn(|cx| stream.poll_flush(cx)));
        assert!(flushed.is_ready());
        assert!(hand.state().written.len() > size);
        assert!(is_flushed(&hand), "{size}");
    }
}
