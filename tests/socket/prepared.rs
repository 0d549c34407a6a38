//! Messages that are prepared for many connections, sent by `WebSocket`.

use std::sync::Arc;

#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::{
    CloseCode, CloseReason, Config, EitherRole, Fin, Message, Negotiated, OwnedMessage,
    PreparedMessage, SendError, WebSocket,
};

type Shared = Arc<[u8]>;
type Prepared = PreparedMessage<Shared>;
type Socket = WebSocket<EitherRole<fn() -> [u8; 4]>, Shared>;

const BOTH: [bool; 2] = [false, true];

fn socket(is_client: bool, negotiated: Negotiated) -> Socket {
    let role = if is_client {
        EitherRole::client((|| [1, 2, 3, 4]) as fn() -> [u8; 4])
    } else {
        EitherRole::server()
    };
    WebSocket::with_role(negotiated, Config::new(), role).sharing()
}

fn plain(is_client: bool) -> Socket {
    socket(is_client, Negotiated::new())
}

fn pending(socket: &Socket) -> Vec<u8> {
    let pending = socket.pending_slices().collect::<Vec<_>>().concat();
    assert_eq!(pending.len(), socket.pending_bytes());
    pending
}

/// What the other end receives, read in pieces of that size.
fn received(mut to: Socket, wire: &[u8], size: usize) -> Vec<OwnedMessage> {
    let mut messages = Vec::new();
    for piece in wire.chunks(size) {
        to.read_buf(piece.len())[..piece.len()].copy_from_slice(piece);
        to.advance(piece.len());
        while let Some((message, _)) = to.next_message().unwrap() {
            messages.push(message.into_owned());
        }
    }
    messages
}

/// Text without much in it that repeats.
fn text(len: usize) -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (state >> 24) as u8 % 8)
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn the_bytes_are_those_of_an_ordinary_message() {
    for is_client in BOTH {
        for len in [0, 1, 125, 126, 8191, 8192, 65_535, 65_536] {
            let text = text(len);
            for (message, prepared) in [
                (
                    Message::Text(&text),
                    Prepared::text(Arc::<str>::from(text.as_str())),
                ),
                (
                    Message::Binary(text.as_bytes()),
                    Prepared::binary(text.as_bytes().into()),
                ),
            ] {
                assert_eq!(prepared.kind(), message.kind());
                let (mut one, mut other) = (plain(is_client), plain(is_client));
                for _ in 0..2 {
                    one.sender().send_prepared(&prepared).unwrap();
                    other.sender().send(message).unwrap();
                    one.sender().ping(b"between").unwrap();
                    other.sender().ping(b"between").unwrap();
                }
                assert!(pending(&one) == pending(&other), "{is_client} {len}");
            }
        }
    }
}

/// A server queues a big payload where it lies, and a client its masked copy.
#[test]
fn a_big_payload_is_queued_by_reference() {
    let data: Shared = text(8192).into_bytes().into();
    let prepared = Prepared::binary(data.clone());
    let mut sockets = [false, false, true].map(plain);
    for socket in &mut sockets {
        socket.sender().send_prepared(&prepared).unwrap();
    }
    assert_eq!(Arc::strong_count(&data), 2 + 2);
    for server in &mut sockets[..2] {
        let slices: Vec<&[u8]> = server.pending_slices().collect();
        assert_eq!(slices[0], b"\x82\x7e\x20\x00");
        assert_eq!(slices[1].as_ptr(), data.as_ptr());
        server.consume(5);
        assert_eq!(server.pending(), &data[1..]);
        server.consume(8191);
        assert_eq!(server.pending_bytes(), 0);
    }
    assert_eq!(Arc::strong_count(&data), 2);
}

/// The transport takes any part of a queue of copied and shared payloads in any order, and more is queued meanwhile: the slices
/// are always the bytes that are left, and none of them is empty.
#[test]
fn slices_are_the_rest_after_every_partial_write() {
    let texts = [0, 1, 100, 8192, 20_000].map(text);
    let prepared: Vec<Prepared> = (texts.iter().map(|text| text.as_bytes().into()))
        .map(Prepared::binary)
        .collect();
    for sends in 0..12 * 12 * 12 {
        let (mut queue, mut copies) = (plain(false), plain(false));
        let mut expected = Vec::new();
        // Three of twelve sends: each kind five times, and two Pings.
        for (step, send) in [sends / 144, sends / 12 % 12, sends % 12]
            .into_iter()
            .enumerate()
        {
            match send {
                0..=4 => {
                    queue.sender().send_prepared(&prepared[send]).unwrap();
                    copies.sender().send_binary(texts[send].as_bytes()).unwrap();
                }
                5..=9 => {
                    let text = texts[send - 5].as_bytes();
                    queue.sender().send_binary(text).unwrap();
                    copies.sender().send_binary(text).unwrap();
                }
                _ => {
                    queue.sender().ping(b"ping").unwrap();
                    copies.sender().ping(b"ping").unwrap();
                }
            }
            expected.extend(pending(&copies));
            copies.consume(usize::MAX);
            // Within a header, at its end, within a payload, at its end.
            let n = [1, 3, 4, 4099, 4100, 2, 4101][(sends + step) % 7].min(expected.len());
            assert!(queue.pending_slices().all(|slice| !slice.is_empty()));
            assert!(pending(&queue) == expected, "{sends} {step}");
            queue.consume(n);
            expected.drain(..n);
        }
        while !expected.is_empty() {
            assert!(pending(&queue) == expected, "{sends}");
            assert!(queue.pending_slices().all(|slice| !slice.is_empty()));
            let first = queue.pending().len();
            assert!(expected.starts_with(queue.pending()));
            let n = [first, 1, first + 1, 4095][expected.len() % 4].min(expected.len());
            queue.consume(n);
            expected.drain(..n);
        }
        assert_eq!((queue.pending_bytes(), queue.pending()), (0, &[][..]));
    }
}

/// The same bytes, wherever the transport stops, and after any queued output.
#[test]
fn what_is_not_taken_at_once_waits() {
    let big: Shared = text(5000).into_bytes().into();
    for is_client in BOTH {
        for waiting in [None, Some(&b"copied"[..]), Some(&big)] {
            let message = Prepared::binary(text(300).into_bytes().into());
            let new = || {
                let mut socket = plain(is_client);
                if let Some(data) = waiting {
                    let sent = socket.sender().send_binary_shared(data.into());
                    sent.unwrap();
                }
                socket
            };
            let mut queueing = new();
            queueing.sender().send_prepared(&message).unwrap();
            let expected = pending(&queueing);
            for n in (0..=expected.len()).filter(|n| n % 3 == 0 || n + 310 > expected.len()) {
                let mut socket = new();
                let send = socket.sender().send_prepared_vectored(&message).unwrap();
                let [waits, header, payload] = send.slices();
                assert!(header.is_empty() || payload.as_ptr() == message.payload().as_ptr());
                let offered = [waits, header, payload].concat();
                let n = n.min(offered.len());
                send.consume(n);
                let all = [&offered[..n], &pending(&socket)].concat();
                assert!(all == expected, "{is_client} {n}");
            }
            let mut socket = new();
            drop(socket.sender().send_prepared_vectored(&message).unwrap());
            assert!(pending(&socket) == expected);
        }
    }
}

#[test]
fn it_is_refused_and_nothing_changes() {
    let prepared = Prepared::text(Arc::<str>::from(text(5000)));
    let message = Message::Text("short");
    for is_client in BOTH {
        for error in [
            SendError::MessageOpen,
            SendError::Closed,
            SendError::OutputFull,
        ] {
            let mut socket = plain(is_client).with_high_water(1000);
            let mut sender = socket.sender();
            match error {
                SendError::MessageOpen => sender.send_text_part("open", Fin::No).unwrap(),
                SendError::Closed => sender.close(CloseCode::NORMAL, CloseReason::EMPTY).unwrap(),
                _ => sender.send_binary(&[7; 1000]).unwrap(),
            }
            let before = pending(&socket);
            assert_eq!(socket.sender().send_prepared(&prepared), Err(error));
            let vectored = socket.sender().send_prepared_vectored(&prepared);
            assert_eq!(vectored.err(), Some(error));
            assert_eq!(socket.sender().send(message), Err(error));
            assert_eq!(pending(&socket), before);
            // With two reasons, the one that lasts.
            if error == SendError::OutputFull {
                socket.sender().close_empty().unwrap();
                let closed = socket.sender().send_prepared(&prepared);
                assert_eq!(closed, Err(SendError::Closed));
            }
            if error == SendError::MessageOpen {
                socket.sender().send_text_part("", Fin::Yes).unwrap();
                assert_eq!(socket.sender().send_prepared(&prepared), Ok(()));
            }
        }
        let mut socket = plain(is_client);
        socket.write_failed();
        let failed = socket.sender().send_prepared(&prepared);
        assert_eq!(failed, Err(SendError::Closed));
    }
}

/// Replies to a message hold up receiving, by reference or not; unasked messages do not.
#[test]
fn as_an_answer_it_counts_as_one() {
    for len in [100, 5000] {
        let prepared = Prepared::binary(text(len).into_bytes().into());
        for is_answer in BOTH {
            let mut server = plain(false).with_high_water(len);
            let wire = b"\x81\x82\0\0\0\0hi".repeat(2);
            server.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
            server.advance(wire.len());
            let (_, mut reply) = server.next_message().unwrap().unwrap();
            if is_answer {
                reply.send_prepared(&prepared).unwrap();
            } else {
                server.sender().send_prepared(&prepared).unwrap();
            }
            assert_eq!(server.next_message().is_err(), is_answer, "{len}");
        }
    }
}

#[cfg(feature = "deflate")]
fn compressing(is_client: bool, deflate: &Deflate, params: DeflateParams) -> Socket {
    socket(is_client, params.negotiated()).with_deflate(deflate, params)
}

/// Own messages, parts and Pings between, with takeover and without, in three windows that share the messages.
#[cfg(feature = "deflate")]
#[test]
fn compressed_among_other_messages() {
    let deflate = Deflate::new().threshold(32);
    let long = text(30_000).repeat(2);
    let texts = ["ha".repeat(50), long, "short".to_owned()];
    let prepared = texts
        .each_ref()
        .map(|text| Prepared::text(Arc::<str>::from(text.as_str())));
    let own = "the first message, the first message, again the first message";
    let mut by_reference = Vec::new();
    for (is_client, takeover, bits) in BOTH.iter().flat_map(|is_client| {
        BOTH.iter()
            .flat_map(move |takeover| [9, 12, 15].map(|bits| (*is_client, *takeover, bits)))
    }) {
        let mut params = DeflateParams::new()
            .with_server_window_bits(bits)
            .and_then(|params| params.with_client_window_bits(bits))
            .unwrap();
        if !takeover {
            params = params
                .with_server_takeover(false)
                .with_client_takeover(false);
        }
        let mut from = compressing(is_client, &deflate, params).with_high_water(usize::MAX);
        let mut expected: Vec<OwnedMessage> = Vec::new();
        for order in 0..27 {
            for at in [order % 3, order / 3 % 3, order / 9] {
                from.sender().send_prepared(&prepared[at]).unwrap();
                expected.push(texts[at].as_str().into());
                if order % 2 == 0 {
                    from.sender().send_text(own).unwrap();
                    expected.push(own.into());
                }
                from.sender().send_text_part(own, Fin::No).unwrap();
                from.sender().ping(b"between").unwrap();
                let refused = from.sender().send_prepared(&prepared[at]);
                assert_eq!(refused, Err(SendError::MessageOpen));
                from.sender().send_text_part(own, Fin::Yes).unwrap();
                expected.push(own.repeat(2).into());
            }
        }
        if !is_client && bits == 15 {
            let slices = from.pending_slices();
            let big = slices
                .filter(|slice| slice.len() >= 8192)
                .map(<[u8]>::as_ptr);
            by_reference.extend(big);
        }
        let plain: usize = expected
            .iter()
            .map(|message| message.as_bytes().len())
            .sum();
        let wire = pending(&from);
        // Nearly all of it is in the window of 15 bits.
        assert!(
            wire.len() < plain * 3 / 4 || bits < 15,
            "{} of {plain}",
            wire.len()
        );
        for size in [61, 4096, usize::MAX] {
            let to = compressing(!is_client, &deflate, params);
            assert!(
                received(to, &wire, size) == expected,
                "{is_client} {takeover} {bits} {size}"
            );
        }
    }
    // Each server has written the one payload for its window from where it lies.
    assert_eq!(by_reference.len(), 2 * 27);
    by_reference.dedup();
    assert_eq!(by_reference.len(), 1);
}

/// Bytes written past the queue are in the peer's window too: own messages begin without history after them.
#[cfg(feature = "deflate")]
#[test]
fn past_the_queue_it_is_compressed_too() {
    let params = DeflateParams::new();
    let own = "the first message, the first message, again the first message";
    let text = "ha".repeat(50);
    let prepared = Prepared::text(Arc::<str>::from(text.as_str()));
    let mut server = compressing(false, &Deflate::new(), params);
    let (mut wire, mut expected) = (Vec::new(), Vec::<OwnedMessage>::new());
    for _ in 0..3 {
        server.sender().send_text(own).unwrap();
        let send = server.sender().send_prepared_vectored(&prepared).unwrap();
        assert_eq!(send.slices()[1][0], 0xc1);
        wire.extend(send.slices().concat());
        send.consume(usize::MAX);
        assert_eq!(server.pending_bytes(), 0);
        expected.extend([own.into(), text.as_str().into()]);
    }
    let to = compressing(true, &Deflate::new(), params);
    assert_eq!(received(to, &wire, 61), expected);
}

#[cfg(feature = "deflate")]
#[test]
fn it_can_be_left_uncompressed() {
    let params = DeflateParams::new();
    let prepared = Prepared::text(Arc::<str>::from("ha".repeat(50)));
    for is_client in BOTH {
        let first = |send: &dyn Fn(&mut Socket) -> Result<(), SendError>| {
            let mut socket = compressing(is_client, &Deflate::new(), params);
            send(&mut socket).unwrap();
            socket.pending()[0]
        };
        assert_eq!(
            first(&|socket| socket.sender().send_prepared(&prepared)),
            0xc1
        );
        assert_eq!(
            first(&|socket| socket.sender().uncompressed().send_prepared(&prepared)),
            0x81
        );
        let paused = first(&|socket| {
            socket.set_compressing(false);
            socket.sender().send_prepared(&prepared)
        });
        assert_eq!(paused, 0x81);
    }
    // Not agreed on: there is no compressor.
    let mut socket = plain(false).with_deflate(&Deflate::new(), params);
    socket.sender().send_prepared(&prepared).unwrap();
    assert_eq!(socket.pending()[0], 0x81);
}
