//! A shell relies on this: the answers of `poll_next`, the bytes kept, and how a connection ends.

use std::time::Duration;

use ws_proto::socket::{Failure, Next, Received, Want};
use ws_proto::{
    Client, CloseCode, CloseReason, Config, EitherRole, Fin, Instant, MaskSource, Message,
    Negotiated, Role, SendError, Sender, Server, TimedOut, Transport, UnexpectedEof, WebSocket,
};
use ws_proto_test::random::Random;

type Key = fn() -> [u8; 4];

fn key() -> [u8; 4] {
    [0; 4]
}

fn server() -> WebSocket<Server> {
    WebSocket::server(Negotiated::new(), Config::new())
}

fn client() -> WebSocket<Client<Key>> {
    WebSocket::client(Negotiated::new(), Config::new(), key as Key)
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Frames as a server gets them, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut wire = vec![first];
    match payload.len() {
        len @ 0..=125 => wire.push(0x80 | len as u8),
        len => {
            wire.push(0x80 | 126);
            wire.extend((len as u16).to_be_bytes());
        }
    }
    wire.extend([0; 4]);
    wire.extend(payload);
    wire
}

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// An answer without its borrow.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message(Vec<u8>),
    Piece(Vec<u8>, bool, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, String),
    Write,
    Read,
    Yield,
    Untaken,
    End,
}

fn seen(next: Next<'_, Server, Vec<u8>>) -> Seen {
    match next {
        Next::Received(Received::Message(message, _)) => Seen::Message(message.as_bytes().to_vec()),
        Next::Received(Received::Piece(piece, _)) => {
            let mut bytes = Vec::new();
            if let Some(head) = piece.head {
                bytes.extend_from_slice(head.encode_utf8(&mut [0; 4]).as_bytes());
            }
            bytes.extend_from_slice(piece.data.as_bytes());
            Seen::Piece(bytes, piece.first, piece.last)
        }
        Next::Received(Received::Ping(payload)) => Seen::Ping(payload.to_vec()),
        Next::Received(Received::Pong(payload)) => Seen::Pong(payload.to_vec()),
        Next::Received(Received::Close(code, reason)) => Seen::Close(code, reason.to_owned()),
        Next::Write => Seen::Write,
        Next::Read => Seen::Read,
        Next::Yield => Seen::Yield,
        Next::Untaken => Seen::Untaken,
        Next::End => Seen::End,
        other => panic!("{other:?}"),
    }
}

/// The next answer that is no request for the transport.
fn poll(socket: &mut WebSocket<Server>, want: Want) -> Seen {
    seen(socket.poll_next(want).expect("no fault"))
}

/// Gives `wire` in parts of `step` bytes, in the connection's own buffer or in a lent one, and collects
/// the input.
fn collect(
    socket: &mut WebSocket<Server>,
    wire: &[u8],
    step: usize,
    own: bool,
    mut want: impl FnMut() -> Want,
) -> Vec<Seen> {
    let mut all = Vec::new();
    for part in wire.chunks(step) {
        let mut part = part.to_vec();
        if own {
            socket.read_buf(part.len())[..part.len()].copy_from_slice(&part);
            socket.advance(part.len());
        } else {
            let mut reading = socket.receive(&mut part);
            // A few from the lent buffer; the rest is kept.
            for _ in 0..2 {
                match seen(reading.poll_next(want()).expect("no fault")) {
                    Seen::Read | Seen::Write | Seen::Yield | Seen::Untaken | Seen::End => break,
                    other => all.push(other),
                }
            }
        }
        loop {
            match poll(socket, want()) {
                Seen::Read | Seen::Untaken => break,
                Seen::Write => {
                    let n = socket.pending_bytes();
                    socket.consume(n);
                }
                Seen::Yield => {}
                Seen::End => {
                    all.push(Seen::End);
                    return all;
                }
                other => all.push(other),
            }
        }
    }
    all
}

/// However the input is cut, and whichever buffer it is in, the same comes of it.
#[test]
fn events_are_the_same_at_every_split_in_either_buffer() {
    let wire = [
        frame(TEXT, b"one"),
        frame(PING, b"p"),
        frame(0x01, "a\u{20ac}".as_bytes()),
        frame(0x8a, b"q"),
        frame(0x80, b"b"),
        frame(0x82, &[7; 300]),
        frame(0x88, b"\x03\xe8bye"),
    ]
    .concat();
    let expected = vec![
        Seen::Message(b"one".to_vec()),
        Seen::Ping(b"p".to_vec()),
        Seen::Pong(b"q".to_vec()),
        Seen::Message("a\u{20ac}b".as_bytes().to_vec()),
        Seen::Message(vec![7; 300]),
        Seen::Close(Some(CloseCode::NORMAL), "bye".to_owned()),
        Seen::End,
    ];
    for own in [true, false] {
        for step in 1..=wire.len() {
            let all = collect(&mut server(), &wire, step, own, || Want::Event);
            assert_eq!(all, expected, "{step}, own {own}");
        }
    }
}

/// Pieces are the message, however they are cut: one is the first, one is the last.
#[test]
fn pieces_make_up_the_messages() {
    let text = "\u{20ac}\u{e9}\u{1f980}".repeat(20);
    let wire = [
        frame(0x01, &text.as_bytes()[..50]),
        frame(PING, b""),
        frame(0x80, &text.as_bytes()[50..]),
        frame(0x82, b""),
    ]
    .concat();
    for own in [true, false] {
        for step in 1..=wire.len() {
            let all = collect(&mut server(), &wire, step, own, || Want::Piece);
            let (last, pieces) = all.split_last().expect("pieces");
            assert_eq!(last, &Seen::Piece(vec![], true, true), "{step}");
            let mut joined = Vec::new();
            for (n, piece) in pieces.iter().enumerate() {
                let Seen::Piece(bytes, first, last) = piece else {
                    panic!("{piece:?}")
                };
                assert!(std::str::from_utf8(bytes).is_ok(), "a character is cut");
                let ends = (n == 0, n + 1 == pieces.len());
                assert_eq!((*first, *last), ends, "{step}: {n} of {}", pieces.len());
                joined.extend_from_slice(bytes);
            }
            assert_eq!(joined, text.as_bytes(), "{step}, own {own}");
        }
    }
}

/// Whatever mix of messages, events and pieces is asked for: each message comes once, whole or as
/// pieces from its first on, or the rest of it is dropped because a whole one was asked for. In order.
#[test]
fn any_mix_of_wants_keeps_the_order_and_loses_only_what_was_begun() {
    for seed in 1..=300 {
        let mut numbers = Random::new(seed);
        let mut wire = Vec::new();
        for n in 0..20_u8 {
            let parts = 1 + numbers.below(3);
            for part in 0..parts {
                let opcode = if part == 0 { 2 } else { 0 };
                let fin = if part + 1 == parts { 0x80 } else { 0 };
                wire.extend(frame(fin | opcode, &[n; 9]));
                if numbers.below(4) == 0 {
                    wire.extend(frame(PING, &[n]));
                }
            }
        }
        let mut wants = Random::new(seed + 1000);
        let step = 1 + numbers.below(40);
        let own = numbers.below(2) == 0;
        let all = collect(&mut server(), &wire, step, own, || {
            [Want::Message, Want::Event, Want::Piece, Want::Nothing][wants.below(4)]
        });
        let mut last = None;
        let mut begun = None;
        for event in &all {
            let n = match event {
                Seen::Message(bytes) => {
                    assert!(bytes.len() % 9 == 0 && bytes.iter().all(|n| *n == bytes[0]));
                    assert_ne!(Some(bytes[0]), begun, "seed {seed}: {all:?}");
                    bytes[0]
                }
                Seen::Piece(bytes, first, _) => {
                    let n = bytes[0];
                    assert_eq!(*first, begun != Some(n), "seed {seed}: {all:?}");
                    begun = Some(n);
                    n
                }
                _ => continue,
            };
            assert!(last.is_none_or(|last| last <= n), "seed {seed}: {all:?}");
            assert!(n <= last.map_or(0, |last| last + 1), "seed {seed}: {all:?}");
            last = Some(n);
        }
    }
}

/// The answer to a Ping is offered for writing before the message that came after it, and once.
#[test]
fn a_pong_goes_before_a_later_message() {
    for split in 0..2 {
        let mut socket = server();
        let wire = [frame(PING, b"1"), frame(PING, b"2"), frame(TEXT, b"m")].concat();
        let all = if split == 0 {
            let mut wire = wire.clone();
            let mut reading = socket.receive(&mut wire);
            seen(reading.poll_next(Want::Message).unwrap())
        } else {
            socket.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
            socket.advance(wire.len());
            poll(&mut socket, Want::Message)
        };
        assert_eq!(all, Seen::Write);
        assert_eq!(
            socket.pending(),
            b"\x8a\x011\x8a\x012",
            "one write for both"
        );
        // The transport takes nothing: the message comes all the same.
        assert_eq!(
            poll(&mut socket, Want::Message),
            Seen::Message(b"m".to_vec())
        );
        assert_eq!(poll(&mut socket, Want::Message), Seen::Read);
    }
}

/// Who only sends takes nothing from who receives, and answers Pings meanwhile.
#[test]
fn a_caller_who_wants_nothing_leaves_everything() {
    let mut socket = server();
    let mut wire = [frame(PING, b"p"), frame(TEXT, b"one"), frame(TEXT, b"two")].concat();
    assert_eq!(
        seen(socket.receive(&mut wire).poll_next(Want::Nothing).unwrap()),
        Seen::Untaken
    );
    assert_eq!(socket.pending(), b"\x8a\x01p");
    assert!(!socket.wants_read());
    for _ in 0..3 {
        assert_eq!(poll(&mut socket, Want::Nothing), Seen::Untaken);
    }
    socket.consume(3);
    assert_eq!(
        poll(&mut socket, Want::Message),
        Seen::Message(b"one".to_vec())
    );
    assert_eq!(
        poll(&mut socket, Want::Message),
        Seen::Message(b"two".to_vec())
    );
    assert_eq!(poll(&mut socket, Want::Message), Seen::Read);
    assert!(socket.wants_read());
}

/// From the first event that is asked for, control frames wait as messages do while the caller only sends.
#[test]
fn a_caller_who_wants_nothing_leaves_control_frames_to_who_asks_for_them() {
    let frames = [
        (frame(PING, b"p"), Seen::Ping(b"p".to_vec())),
        (frame(0x8a, b"q"), Seen::Pong(b"q".to_vec())),
        (
            frame(0x88, b"\x03\xe8bye"),
            Seen::Close(Some(CloseCode::NORMAL), "bye".to_owned()),
        ),
    ];
    for (mut wire, expected) in frames {
        for (first, last) in [
            (Want::Event, Want::Event),
            (Want::Event, Want::Message),
            (Want::Message, Want::Event),
        ] {
            let mut socket = server();
            assert_eq!(poll(&mut socket, first), Seen::Read);
            let found = seen(socket.receive(&mut wire).poll_next(Want::Nothing).unwrap());
            let is_kept = first == Want::Event;
            assert_eq!(found == Seen::Untaken, is_kept, "{found:?}");
            assert_eq!(poll(&mut socket, Want::Nothing) == Seen::Untaken, is_kept);
            if is_kept && !socket.connection().is_close_received() {
                assert!(!socket.wants_read());
            }
            let found = poll(&mut socket, last);
            let is_emitted = is_kept && last == Want::Event;
            assert_eq!(found == expected, is_emitted, "{found:?}");
            let rest = poll(&mut socket, Want::Event);
            assert!(matches!(rest, Seen::Read | Seen::End), "once: {rest:?}");
        }
    }
}

/// While received messages are not taken, the peer is not silent: the Pong may come after them.
#[test]
fn a_peer_is_not_blamed_for_what_nobody_takes() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(20)))
        .pong_timeout(Duration::from_secs(5));
    let mut socket = WebSocket::server(Negotiated::new(), config);
    assert_eq!(poll(&mut socket, Want::Nothing), Seen::Read);
    assert_eq!(socket.tick(at(0)), Ok(Some(at(20_000))));
    assert_eq!(socket.tick(at(20_000)), Ok(Some(at(25_000))));
    let mut wire = frame(TEXT, b"m");
    drop(socket.receive(&mut wire));
    for second in 24..100 {
        assert_eq!(poll(&mut socket, Want::Nothing), Seen::Untaken);
        let ticked = socket.tick(at(second * 1000));
        assert!(ticked.is_ok(), "{second}: {ticked:?}");
        let queued = socket.pending_bytes();
        socket.consume(queued);
    }
    assert_eq!(
        poll(&mut socket, Want::Message),
        Seen::Message(b"m".to_vec())
    );
    assert_eq!(poll(&mut socket, Want::Nothing), Seen::Read);
    assert_eq!(socket.tick(at(119_000)), Ok(Some(at(124_000))));
    assert_eq!(socket.tick(at(124_000)), Err(TimedOut::Pong));
}

/// A failed write ends writing only: the peer's last messages and its Close are still emitted.
#[test]
fn a_failed_write_leaves_what_the_peer_has_sent() {
    let mut socket = client();
    socket.sender().send_text("into the void").unwrap();
    socket.write_failed();
    assert_eq!(socket.pending_bytes(), 0);
    assert_eq!(socket.failure(), Some(Failure::Write));
    assert_eq!(socket.sender().send_text("x"), Err(SendError::Closed));
    assert_eq!(socket.sender().ping(b""), Err(SendError::Closed));
    assert!(socket.wants_read() && !socket.is_over());
    let mut wire = *b"\x89\x00\x81\x04last\x88\x09\x03\xf0because";
    let mut reading = socket.receive(&mut wire);
    let next = reading.poll_next(Want::Message).unwrap();
    assert!(matches!(
        next,
        Next::Received(Received::Message(Message::Text("last"), _))
    ));
    let next = reading.poll_next(Want::Event).unwrap();
    assert!(matches!(
        next,
        Next::Received(Received::Close(
            Some(CloseCode::POLICY_VIOLATION),
            "because"
        ))
    ));
    drop(reading);
    assert_eq!(socket.failure(), None, "the peer has said why");
    assert_eq!(
        socket.pending_bytes(),
        0,
        "nothing is queued that cannot be written"
    );
    socket.read_failed();
    assert!(socket.is_over());
    assert_eq!(socket.failure(), None);
}

/// Without the peer's Close the failed write is reported, and the connection does not stay.
#[test]
fn a_failed_write_without_a_close_ends_in_time() {
    let mut socket = server().with_linger_time(Duration::from_secs(3));
    assert!(socket.tick(at(0)).is_ok());
    socket.write_failed();
    assert!(socket.needs_tick());
    let deadline = socket.tick(at(1000)).unwrap();
    assert_eq!(deadline, Some(at(4000)));
    assert_eq!(socket.tick(at(4000)), Err(TimedOut::Drain));
    assert!(socket.is_over());
    assert_eq!(socket.failure(), Some(Failure::Write));
}

/// After both Close frames any end is the end.
#[test]
fn after_both_close_frames_every_error_of_reading_is_the_end() {
    let mut socket = client();
    socket
        .sender()
        .close(CloseCode::NORMAL, CloseReason::EMPTY)
        .unwrap();
    let mut wire = *b"\x88\x02\x03\xe8";
    assert!(matches!(
        socket.receive(&mut wire).poll_next(Want::Message),
        Ok(Next::End)
    ));
    let sent = socket.pending_bytes();
    socket.consume(sent);
    assert!(socket.wants_read(), "for the end");
    socket.read_failed();
    assert_eq!((socket.failure(), socket.is_over()), (None, true));

    let mut socket = client();
    socket.read_failed();
    assert_eq!(
        (socket.failure(), socket.is_over()),
        (Some(Failure::Read), true)
    );
}

/// After a fault: write out, half-close, read and drop input, up to a limit of bytes and time.
#[test]
fn after_a_fault_the_peer_has_time_to_read_why() {
    let broken = || {
        let mut socket = server().with_linger_time(Duration::from_secs(3));
        let mut wire = *b"\x83\x80\0\0\0\0";
        assert!(socket.receive(&mut wire).poll_next(Want::Message).is_err());
        assert!(matches!(socket.failure(), Some(Failure::Receive(_))));
        assert!(!socket.wants_half_close() && !socket.is_over());
        socket.consume(4);
        assert!(socket.wants_half_close());
        socket.half_closed();
        assert!(!socket.wants_half_close() && !socket.is_over() && socket.wants_read());
        socket
    };
    let mut socket = broken();
    socket.receive_eof().unwrap_err();
    assert!(socket.is_over());

    let mut socket = broken();
    for _ in 0..64 {
        assert!(!socket.is_over());
        assert!(
            socket
                .receive(&mut [0; 1 << 16])
                .poll_next(Want::Message)
                .is_err()
        );
    }
    assert!(socket.is_over(), "a flood");

    let mut socket = broken();
    assert_eq!(socket.tick(at(5000)), Ok(Some(at(8000))));
    assert_eq!(socket.tick(at(8000)), Err(TimedOut::Drain));
    assert!(socket.is_over());
    assert!(
        matches!(socket.failure(), Some(Failure::Receive(_))),
        "the first failure stays"
    );
}

/// Output that the transport does not take ends the connection, and taking some of it is a sign of life.
#[test]
fn stalled_output_has_an_end() {
    let stalled = || {
        let config = Config::new().keepalive(None);
        let mut socket =
            WebSocket::server(Negotiated::new(), config).with_stall_time(Duration::from_secs(60));
        socket.sender().send_binary(&[0; 1000]).unwrap();
        assert_eq!(socket.tick(at(0)), Ok(Some(at(60_000))));
        socket
    };
    let mut socket = stalled();
    assert_eq!(socket.tick(at(60_000)), Err(TimedOut::Write));
    assert_eq!(socket.failure(), Some(Failure::TimedOut(TimedOut::Write)));
    assert!(socket.is_over());
    assert!(!socket.sender().can_send());
    assert_eq!(socket.sender().send_text("late"), Err(SendError::Closed));
    assert_eq!(socket.pending_bytes(), 0, "nobody writes it any more");

    let mut socket = stalled();
    for minute in 1..10 {
        socket.consume(1);
        assert!(socket.tick(at(minute * 59_000)).is_ok());
    }
    let waiting = socket.pending_bytes();
    socket.consume(waiting);
    assert_eq!(socket.tick(at(10_000_000)), Ok(None));
}

/// A time that would end at the end of time does not end, and starts again with every call.
#[test]
fn the_end_of_time_ends_no_connection() {
    let config = Config::new().keepalive(None);
    let mut stalled = WebSocket::server(Negotiated::new(), config);
    stalled.sender().send_binary(&[0; 1000]).unwrap();
    let mut failed = server();
    failed.write_failed();
    for socket in [&mut stalled, &mut failed] {
        for _ in 0..2 {
            assert_eq!(socket.tick(at(u64::MAX)), Ok(None));
            assert!(!socket.is_over());
        }
    }
    // The clock is right again.
    assert_eq!(stalled.tick(at(1000)), Ok(Some(at(61_000))));
}

/// A peer that takes a big output slowly and says nothing is alive.
#[test]
fn taking_output_slowly_is_a_sign_of_life() {
    let mut socket = server();
    socket.sender().send_binary(&vec![0; 900_000]).unwrap();
    for second in 0..120 {
        assert!(socket.tick(at(second * 1000)).is_ok(), "at {second} s");
        socket.consume(5_000);
    }
    assert_eq!(socket.transport(), Transport::Open);
}

/// With `manual_close` the peer's Close is reported once, and sending goes on until the caller closes.
#[test]
fn a_manual_close_leaves_the_last_word_to_the_caller() {
    for want in [Want::Message, Want::Event, Want::Piece] {
        let config = Config::new().manual_close(true);
        let mut socket = WebSocket::server(Negotiated::new(), config);
        let mut wire = frame(0x88, b"\x03\xe8");
        let next = seen(socket.receive(&mut wire).poll_next(want).unwrap());
        if want == Want::Event {
            assert_eq!(next, Seen::Close(Some(CloseCode::NORMAL), String::new()));
        } else {
            assert_eq!(next, Seen::End);
        }
        for _ in 0..2 {
            assert_eq!(poll(&mut socket, want), Seen::End, "once");
        }
        assert!(socket.wants_read(), "for the end of the input");
        socket.sender().send_text("more").unwrap();
        socket
            .sender()
            .close(CloseCode::NORMAL, CloseReason::EMPTY)
            .unwrap();
        let waiting = socket.pending_bytes();
        assert_eq!(waiting, 6 + 4);
        socket.consume(waiting);
        assert!(socket.wants_half_close());
        socket.half_closed();
        assert_eq!((socket.is_over(), socket.failure()), (true, None));
    }
}

/// What is dropped gives nothing, and holds nothing.
#[test]
fn what_is_discarded_is_not_kept() {
    let mut socket = server();
    let mut wire = [frame(TEXT, b"one"), frame(0x01, b"two")].concat();
    assert_eq!(
        seen(socket.receive(&mut wire).poll_next(Want::Nothing).unwrap()),
        Seen::Untaken
    );
    socket.discard();
    assert_eq!(poll(&mut socket, Want::Message), Seen::Read);
    let mut wire = [frame(PING, b"p"), frame(0x80, b"end"), frame(0x88, b"")].concat();
    assert_eq!(
        seen(socket.receive(&mut wire).poll_next(Want::Message).unwrap()),
        Seen::End
    );
    assert_eq!(socket.pending(), b"\x8a\x01p\x88\x00");
}

/// Frames without content are work too: others get their turn.
#[test]
fn a_flood_of_empty_frames_yields() {
    let mut socket = server();
    let mut wire = [0x01, 0x80, 0, 0, 0, 0].to_vec();
    wire.extend([0x00, 0x80, 0, 0, 0, 0].repeat(1 << 20));
    let mut reading = socket.receive(&mut wire);
    let mut yields = 0;
    let mut previous = None;
    while previous != Some(Seen::Read) {
        match reading.poll_next(Want::Message) {
            Ok(next) => {
                let next = seen(next);
                yields += usize::from(next == Seen::Yield);
                previous = Some(next);
            }
            Err(_) => return, // there is a limit of fragments
        }
    }
    assert!(yields > 0);
}

/// With compression input is taken in bites. Nothing of one is lost where the output is full, or where others get
/// their turn.
#[cfg(feature = "deflate")]
#[test]
fn no_bite_of_the_input_is_lost() {
    use ws_proto::extension::deflate::{Deflate, DeflateParams};

    let params = DeflateParams::new();
    let floods: [(u8, &[u8], usize); 2] = [(0x89, &[7; 125], 400), (0x8a, b"", 200_000)];
    for (first, payload, count) in floods {
        let mut wire = frame(first, payload).repeat(count);
        wire.extend(frame(0x81, b"end"));
        for (want, is_lent) in [
            (Want::Message, false),
            (Want::Message, true),
            (Want::Piece, false),
            (Want::Piece, true),
        ] {
            let mut socket = WebSocket::server(params.negotiated(), Config::new())
                .with_deflate(&Deflate::new(), params)
                .with_high_water(1000);
            if is_lent {
                let mut lent = wire.clone();
                let mut reading = socket.receive(&mut lent);
                let next = reading.poll_next(want);
                assert!(matches!(next, Ok(Next::Write | Next::Yield)), "{next:?}");
            } else {
                put(&mut socket, &wire);
            }
            let mut written = 0;
            loop {
                match socket.poll_next(want).unwrap() {
                    Next::Write => {
                        let n = socket.pending_bytes();
                        socket.consume(n);
                        written += n;
                    }
                    Next::Yield => {}
                    Next::Received(Received::Message(message, _)) => {
                        assert_eq!(message, Message::Text("end"));
                        break;
                    }
                    Next::Received(Received::Piece(piece, _)) => {
                        assert_eq!(piece.data, Message::Text("end"));
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
            let answers = if first == 0x89 { 127 * count } else { 0 };
            assert_eq!(written + socket.pending_bytes(), answers);
        }
    }
}

/// Parts of a server too.
#[test]
fn a_big_shared_payload_is_not_copied() {
    type Send = fn(&mut Sender<'_, Server>, Vec<u8>) -> Result<(), SendError>;
    let ways: [Send; 4] = [
        |sender, data| sender.send_binary_shared(data),
        |sender, data| sender.send_text_shared(String::from_utf8(data).unwrap()),
        |sender, data| sender.send_binary_part_shared(data, Fin::No),
        |sender, data| sender.send_text_part_shared(String::from_utf8(data).unwrap(), Fin::No),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let mut socket = server();
        let data = vec![b'x'; 20_000];
        let address = data.as_ptr();
        way(&mut socket.sender(), data).unwrap();
        let there = socket
            .pending_slices()
            .any(|slice| slice.as_ptr() == address);
        assert!(there, "{number}");
    }
}

/// Payloads that are shared go out in their place, however the transport takes them.
#[test]
fn shared_payloads_keep_their_place() {
    let big = vec![b'x'; 20_000];
    for step in [1, 3, 100, 19_999, 20_003, 20_004, 20_005, 80_000] {
        let mut socket = server();
        let mut sender = socket.sender();
        sender.send_text("a").unwrap();
        sender.send_binary_shared(big.clone()).unwrap();
        sender.send_binary_shared(big.clone()).unwrap();
        sender.send_binary_shared(b"small".to_vec()).unwrap();
        sender.ping(b"p").unwrap();
        let whole: Vec<u8> = socket.pending_slices().flatten().copied().collect();
        assert_eq!(socket.pending_bytes(), whole.len());
        let head = [0x82, 126, 0x4e, 0x20];
        let expected = [
            b"\x81\x01a",
            &head[..],
            &big,
            &head,
            &big,
            b"\x82\x05small",
            b"\x89\x01p",
        ]
        .concat();
        assert!(whole == expected);
        let mut written = Vec::new();
        while socket.pending_bytes() > 0 {
            let first = socket.pending();
            assert!(!first.is_empty());
            let n = first.len().min(step);
            written.extend_from_slice(&first[..n]);
            socket.consume(n);
        }
        assert!(written == expected, "{step}");
    }
}

/// A role that is chosen at run time sends and expects the same.
#[test]
fn either_role_is_like_the_one_it_stands_for() {
    let mut wire = frame(TEXT, b"hi");
    let mut server = WebSocket::with_role(
        Negotiated::new(),
        Config::new(),
        EitherRole::<Key>::server(),
    );
    let mut reading = server.receive(&mut wire);
    let Ok(Next::Received(Received::Message(message, mut sender))) =
        reading.poll_next(Want::Message)
    else {
        panic!("a message")
    };
    sender.send(message).unwrap();
    drop(reading);
    assert_eq!(server.pending(), b"\x81\x02hi");
    let mut client = WebSocket::with_role(
        Negotiated::new(),
        Config::new(),
        EitherRole::client(key as Key),
    );
    client.sender().send_text("hi").unwrap();
    assert_eq!(client.pending(), b"\x81\x82\0\0\0\0hi");
    assert!(
        client
            .receive(&mut frame(TEXT, b"x"))
            .poll_next(Want::Message)
            .is_err()
    );
}

/// What was collected of one message does not count towards the limit of the next, whose first piece was
/// emitted where it lay.
#[test]
fn the_limit_is_that_of_one_message() {
    let config = Config::new().max_message(1000);
    let mut socket = WebSocket::server(Negotiated::new(), config);
    for _ in 0..2 {
        let mut one = [frame(0x02, &[1; 400]), frame(0x80, &[1; 500])].concat();
        let next = socket.receive(&mut one).poll_next(Want::Message).map(seen);
        assert_eq!(next, Ok(Seen::Message(vec![1; 900])));
        let mut two = frame(0x02, &[2; 300]);
        let next = socket.receive(&mut two).poll_next(Want::Piece).map(seen);
        assert_eq!(next, Ok(Seen::Piece(vec![2; 300], true, false)));
        // The caller sends for a while.
        let mut two = frame(0x80, &[2; 600]);
        let next = socket.receive(&mut two).poll_next(Want::Nothing).map(seen);
        assert_eq!(next, Ok(Seen::Untaken));
        assert_eq!(
            poll(&mut socket, Want::Piece),
            Seen::Piece(vec![2; 600], false, true)
        );
    }
}

/// Bytes and the end of the input can come together, as in a completion queue.
#[test]
fn the_end_of_the_input_waits_for_what_came_before() {
    type End = fn(&mut WebSocket<Server>);
    let ends: [(End, Failure); 2] = [
        (
            |socket| {
                let _ = socket.receive_eof();
            },
            Failure::Eof(UnexpectedEof),
        ),
        (WebSocket::read_failed, Failure::Read),
    ];
    let messages = [frame(TEXT, b"a"), frame(TEXT, b"b"), frame(PING, b"p")].concat();
    for (end, failure) in ends {
        for is_lent in [false, true] {
            for closes in [false, true] {
                let mut wire = messages.clone();
                if closes {
                    wire.extend(frame(0x88, &[3, 0xe8]));
                }
                let mut socket = server();
                if is_lent {
                    drop(socket.receive(&mut wire));
                } else {
                    socket.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
                    socket.advance(wire.len());
                }
                end(&mut socket);
                assert!(!socket.is_over() && !socket.wants_read());
                assert_eq!(socket.failure(), None, "not known yet");
                // Nobody is silent whose bytes lie there.
                for second in 0..100 {
                    socket.tick(at(second * 1000)).unwrap();
                }
                assert_eq!(poll(&mut socket, Want::Event), Seen::Message(b"a".to_vec()));
                assert_eq!(poll(&mut socket, Want::Event), Seen::Message(b"b".to_vec()));
                assert_eq!(poll(&mut socket, Want::Event), Seen::Ping(b"p".to_vec()));
                if closes {
                    let close = Seen::Close(Some(CloseCode::NORMAL), String::new());
                    assert_eq!(poll(&mut socket, Want::Event), close);
                }
                assert_eq!(poll(&mut socket, Want::Event), Seen::End);
                assert_eq!(socket.failure(), (!closes).then_some(failure));
                socket.consume(usize::MAX);
                if socket.wants_half_close() {
                    socket.half_closed();
                }
                assert!(socket.is_over());
            }
        }
    }
}

/// As the test before, for those who take messages only.
#[test]
fn next_message_emits_what_came_before_the_end() {
    let mut socket = server();
    let wire = [frame(TEXT, b"a"), frame(TEXT, b"b")].concat();
    socket.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
    socket.advance(wire.len());
    socket.receive_eof().unwrap();
    for expected in ["a", "b"] {
        let (message, _) = socket.next_message().unwrap().unwrap();
        assert_eq!(message, Message::Text(expected));
    }
    assert!(socket.next_message().unwrap().is_none());
    assert_eq!(socket.failure(), Some(Failure::Eof(UnexpectedEof)));
}

/// As well for those who take pieces, of which the last waits for an answer to be written.
#[test]
fn a_piece_behind_an_answer_comes_before_the_end() {
    for header in [TEXT, TEXT & 0x0f] {
        let mut socket = server();
        let mut cut = frame(header, b"hello");
        cut.truncate(cut.len() - 2);
        put(&mut socket, &[frame(PING, b""), cut].concat());
        assert_eq!(poll(&mut socket, Want::Piece), Seen::Write);
        assert!(!socket.wants_read());
        assert_eq!(socket.receive_eof(), Ok(()));
        assert_eq!(socket.failure(), None);
        let piece = Seen::Piece(b"hel".to_vec(), true, false);
        assert_eq!(poll(&mut socket, Want::Piece), piece);
        assert_eq!(poll(&mut socket, Want::Piece), Seen::End);
        assert_eq!(socket.failure(), Some(Failure::Eof(UnexpectedEof)));
    }
}

/// Behind what needs nobody's attention, too.
#[test]
fn a_piece_comes_before_the_rest_of_its_frame() {
    for in_front in [vec![], frame(PONG, b""), frame(PONG, &[7; 100]).repeat(3)] {
        for size in [5, 20_000] {
            let mut socket = server();
            let mut cut = frame(TEXT, &vec![b'a'; size]);
            cut.truncate(cut.len() - 2);
            put(&mut socket, &[&*in_front, &*cut].concat());
            let piece = Seen::Piece(vec![b'a'; size - 2], true, false);
            assert_eq!(poll(&mut socket, Want::Piece), piece);
            assert_eq!(poll(&mut socket, Want::Piece), Seen::Read);
        }
    }
}

/// What the peer has sent lies there unread, and may be its Pong.
#[test]
fn a_peer_is_not_blamed_for_output_that_it_may_not_get() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(20)))
        .pong_timeout(Duration::from_secs(5));
    let mut socket = WebSocket::server(Negotiated::new(), config).with_high_water(131);
    let mut wire = frame(PING, b"are you there").repeat(20);
    drop(socket.receive(&mut wire));
    assert_eq!(poll(&mut socket, Want::Message), Seen::Write);
    for second in 0..60 {
        let ticked = socket.tick(at(second * 1000));
        assert!(ticked.is_ok(), "{second}: {ticked:?}");
    }
    assert_eq!(socket.tick(at(60_000)), Err(TimedOut::Write));
}

#[test]
fn whatever_starts_a_timer_needs_a_tick() {
    let config = Config::new().keepalive(None);
    let idle = || {
        let mut socket = WebSocket::server(Negotiated::new(), config);
        assert_eq!(socket.tick(at(0)), Ok(None));
        assert!(!socket.needs_tick());
        socket
    };
    let mut socket = idle();
    socket.sender().send_text("x").unwrap();
    assert!(socket.needs_tick(), "output waits");
    assert_eq!(socket.tick(at(0)), Ok(Some(at(60_000))));
    assert!(!socket.needs_tick());
    let mut socket = idle();
    socket
        .sender()
        .close(CloseCode::NORMAL, CloseReason::EMPTY)
        .unwrap();
    assert!(socket.needs_tick(), "a Close waits");
    socket.consume(usize::MAX);
    assert!(socket.needs_tick(), "a Close was written");
    assert_eq!(socket.tick(at(0)), Ok(Some(at(10_000))));
    assert!(!socket.needs_tick());
    let mut socket = idle();
    socket.receive_eof().unwrap_err();
    assert!(socket.needs_tick(), "the input has ended");
}

#[test]
fn a_fault_is_known_to_whoever_asks_next() {
    let mut socket = server();
    let mut wire = frame(TEXT, b"\xff");
    let mut input = ws_proto::Input::new(&mut wire);
    assert!(socket.next_whole_in(&mut input).is_none());
    assert!(
        matches!(socket.failure(), Some(Failure::Receive(_))),
        "{:?}",
        socket.failure()
    );
    assert!(socket.next_message().is_err());
    socket.receive_eof().unwrap_err();
    assert!(matches!(socket.failure(), Some(Failure::Receive(_))));
}

/// Reads `wire` into the connection's own buffer.
fn put<R: Role>(socket: &mut WebSocket<R>, wire: &[u8]) {
    socket.read_buf(wire.len())[..wire.len()].copy_from_slice(wire);
    socket.advance(wire.len());
}

/// How many messages come before nothing or a fault does.
fn take_messages<R: Role>(socket: &mut WebSocket<R>) -> usize {
    let mut count = 0;
    while let Ok(Some(_)) = socket.next_message() {
        count += 1;
    }
    count
}

/// A server that has got a message and then the end of its input, which counts at once or once the message
/// is taken.
fn ended(end: fn(&mut WebSocket<Server>), is_later: bool) -> WebSocket<Server> {
    let mut socket = server();
    put(&mut socket, &frame(TEXT, b"a"));
    if is_later {
        end(&mut socket);
        socket.tick(at(0)).unwrap();
        assert_eq!(take_messages(&mut socket), 1);
    } else {
        assert_eq!(take_messages(&mut socket), 1);
        socket.tick(at(0)).unwrap();
        end(&mut socket);
    }
    socket
}

fn receive_eof(socket: &mut WebSocket<Server>) {
    let _ = socket.receive_eof();
}

#[test]
fn an_end_that_counted_later_stays_the_first_failure() {
    for is_later in [false, true] {
        let eof = Some(Failure::Eof(UnexpectedEof));
        let mut socket = ended(receive_eof, is_later);
        assert_eq!(socket.failure(), eof);
        socket.write_failed();
        assert_eq!(socket.failure(), eof, "{is_later}");

        let failed = Some(Failure::Read);
        for (is_eof, failure) in [(true, eof), (false, failed)] {
            let end = if is_eof {
                receive_eof
            } else {
                WebSocket::read_failed
            };
            let mut socket = ended(end, is_later);
            for second in 0..30 {
                let _ = socket.tick(at(second * 1000));
            }
            assert_eq!(socket.failure(), failure, "{is_later}");
        }
    }
}

/// What the first call has noted stays, and a failed read ends writing whenever it comes.
#[test]
fn the_input_can_end_twice() {
    let mut socket = server();
    put(&mut socket, &frame(TEXT, b"a"));
    socket.read_failed();
    let _ = socket.receive_eof();
    assert_eq!(take_messages(&mut socket), 1);
    assert_eq!(socket.failure(), Some(Failure::Read));
    assert!(socket.is_over());

    let mut socket = server();
    put(&mut socket, &frame(TEXT, b"a"));
    let _ = socket.receive_eof();
    socket.read_failed();
    assert_eq!(take_messages(&mut socket), 1);
    assert_eq!(socket.failure(), Some(Failure::Eof(UnexpectedEof)));
    assert!(socket.is_over());
}

#[test]
fn the_time_for_the_end_begins_when_a_later_end_counts() {
    for is_later in [false, true] {
        let mut socket = ended(receive_eof, is_later);
        assert_eq!(socket.transport(), Transport::Close);
        assert!(socket.needs_tick(), "{is_later}");
        assert!(!socket.tick_can_wait(), "{is_later}");
        assert_eq!(socket.tick(at(0)), Ok(Some(at(10_000))));
        assert!(!socket.needs_tick());
    }
}

/// As the test before, where the fault or the peer's Close was read before the tick and found after it.
#[test]
fn the_time_for_the_end_begins_when_it_is_found() {
    let config = Config::new().keepalive(None);
    let mut client = WebSocket::client(Negotiated::new(), config, NoKey);
    put(&mut client, b"\x83\x00");
    assert_eq!(client.tick(at(0)), Ok(None));
    client.next_message().unwrap_err();
    assert!(client.needs_tick(), "it owes a Close");
    assert!(!client.tick_can_wait(), "it owes a Close");
    assert_eq!(client.tick(at(0)), Ok(Some(at(10_000))));
    assert!(!client.needs_tick());

    let mut server = WebSocket::server(Negotiated::new(), config);
    let mut sender = server.sender();
    sender.close(CloseCode::NORMAL, CloseReason::EMPTY).unwrap();
    server.consume(usize::MAX);
    put(&mut server, &frame(0x88, &[3, 0xe8]));
    server.tick(at(0)).unwrap();
    assert_eq!(poll(&mut server, Want::Message), Seen::End);
    assert!(server.needs_tick(), "both Close frames are there");
    assert!(!server.tick_can_wait(), "both Close frames are there");
    server.tick(at(0)).unwrap();
    assert!(!server.needs_tick());
}

/// Its Close frame may wait for ever, and nothing is due.
#[test]
fn a_connection_that_is_over_needs_no_tick() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(20)))
        .pong_timeout(Duration::from_secs(5));
    let mut socket = WebSocket::server(Negotiated::new(), config);
    for second in [0, 20, 21] {
        socket.tick(at(second * 1000)).unwrap();
        socket.consume(usize::MAX);
    }
    assert_eq!(socket.tick(at(25_000)), Err(TimedOut::Pong));
    assert!(socket.is_over() && socket.pending_bytes() > 0);
    let _ = socket.tick(at(25_000));
    assert!(!socket.needs_tick());
}

/// A fault in bytes before a failed read is found later, and then it is over as if it was found before.
#[test]
fn a_fault_before_a_failed_read_is_the_end() {
    for bad in [frame(TEXT, b"\xff"), frame(0x83, b"")] {
        for is_later in [false, true] {
            let mut socket = server();
            put(&mut socket, &[frame(TEXT, b"a"), bad.clone()].concat());
            if is_later {
                socket.read_failed();
            }
            assert_eq!(take_messages(&mut socket), 1);
            if !is_later {
                socket.read_failed();
            }
            assert!(
                matches!(socket.failure(), Some(Failure::Receive(_))),
                "{:?}",
                socket.failure()
            );
            assert!(socket.is_over(), "{is_later}");
            assert_eq!(socket.pending(), b"");
        }
    }
}

struct NoKey;

impl MaskSource for NoKey {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        None
    }
}

/// A client without a masking key owes its Close, and nobody waits for it after the end of the input.
#[test]
fn a_fault_without_a_key_ends_with_the_input() {
    for is_later in [false, true] {
        let mut socket = WebSocket::client(Negotiated::new(), Config::new(), NoKey);
        put(&mut socket, b"\x81\x01a\x83\x00");
        if is_later {
            let _ = socket.receive_eof();
        }
        assert_eq!(take_messages(&mut socket), 1);
        if !is_later {
            let _ = socket.receive_eof();
        }
        assert!(socket.wants_half_close(), "{is_later}");
        socket.half_closed();
        assert!(socket.is_over());
    }
}

/// A frame that is waited for in the own buffer, then taken in pieces, and goes on in a lent buffer: the bytes
/// after it are neither more of it nor lost.
#[test]
fn nothing_is_missing_of_a_frame_that_was_taken_in_pieces() {
    let big = frame(0x82, &[7; 60_000]);
    let mut socket = server();
    put(&mut socket, &big[..1000]);
    assert_eq!(poll(&mut socket, Want::Message), Seen::Read);
    let is_piece = |seen| matches!(seen, Seen::Piece(..));
    assert!(is_piece(poll(&mut socket, Want::Piece)));
    assert_eq!(poll(&mut socket, Want::Piece), Seen::Read);
    let mut rest = [&big[1000..], &frame(TEXT, b"b"), &frame(TEXT, b"c")].concat();
    let mut reading = socket.receive(&mut rest);
    assert!(is_piece(seen(reading.poll_next(Want::Piece).unwrap())));
    drop(reading);
    assert!(!socket.wants_read());
    socket.receive_eof().unwrap();
    assert_eq!(
        poll(&mut socket, Want::Message),
        Seen::Message(b"b".to_vec())
    );
    assert_eq!(
        poll(&mut socket, Want::Message),
        Seen::Message(b"c".to_vec())
    );
    assert_eq!(poll(&mut socket, Want::Message), Seen::End);
}

/// The input has ended inside a message: a sender leaves the received part to whoever asks for pieces.
#[test]
fn a_sender_leaves_the_last_piece_to_the_reader() {
    let mut socket = server();
    put(&mut socket, &frame(0x82, &[7; 9000])[..8000]);
    socket.receive_eof().unwrap();
    assert_eq!(poll(&mut socket, Want::Nothing), Seen::Untaken);
    assert!(matches!(poll(&mut socket, Want::Piece), Seen::Piece(..)));
    assert_eq!(poll(&mut socket, Want::Nothing), Seen::End);
    assert_eq!(socket.failure(), Some(Failure::Eof(UnexpectedEof)));
}

/// While much comes, the time is left to the deadline, which is a quarter of the keepalive away.
#[test]
fn bytes_that_come_leave_the_time_to_the_deadline() {
    let time = Duration::from_secs(20);
    let keepalive = Config::new().keepalive(Some(time)).pong_timeout(time);
    let mut socket = WebSocket::server(Negotiated::new(), keepalive);
    let receive = |socket: &mut WebSocket<Server>| {
        let mut wire = frame(TEXT, b"a");
        let mut reading = socket.receive(&mut wire);
        let next = reading.poll_next(Want::Message).unwrap();
        assert!(matches!(next, Next::Received(_)));
    };
    assert!(!socket.tick_can_wait(), "no timer runs yet");
    assert_eq!(socket.tick_lazily(at(0)), Ok(Some(at(20_000))));
    assert!(socket.tick_can_wait());
    receive(&mut socket);
    assert!(!socket.tick_can_wait(), "the deadline is far");
    assert_eq!(socket.tick_lazily(at(9_000)), Ok(Some(at(29_000))));
    receive(&mut socket);
    assert_eq!(socket.tick_lazily(at(9_100)), Ok(Some(at(14_100))));
    for _ in 0..100 {
        receive(&mut socket);
        assert!(socket.tick_can_wait());
    }
    assert_eq!(socket.tick_lazily(at(14_100)), Ok(Some(at(34_100))));
    assert!(socket.tick_can_wait(), "it is silent");
    assert_eq!(socket.tick_lazily(at(34_100)), Ok(Some(at(54_100))));
    assert_eq!(socket.pending(), b"\x89\0", "a Ping");
    socket.consume(2);
    assert_eq!(socket.tick_lazily(at(34_200)), Ok(Some(at(54_100))));
    receive(&mut socket);
    assert!(!socket.tick_can_wait(), "the peer has answered");
}

/// Whatever may end before the deadline does not wait for it.
#[test]
fn what_starts_another_timer_does_not_wait_for_the_deadline() {
    let busy = || {
        let config = Config::new().keepalive(None);
        let mut socket = WebSocket::server(Negotiated::new(), config);
        assert_eq!(socket.tick_lazily(at(0)), Ok(None));
        assert!(socket.tick_can_wait());
        socket
    };
    let mut socket = busy();
    socket.sender().send_text("x").unwrap();
    assert!(!socket.tick_can_wait(), "output waits");
    socket.consume(3);
    assert!(socket.tick_can_wait());
    let close = |socket: &mut WebSocket<Server>| {
        let (code, reason) = (CloseCode::NORMAL, CloseReason::EMPTY);
        socket.sender().close(code, reason).unwrap();
        socket.consume(usize::MAX);
    };
    close(&mut socket);
    assert!(!socket.tick_can_wait(), "a Close was written");
    let mut socket = busy();
    socket.receive_eof().unwrap_err();
    assert!(!socket.tick_can_wait(), "the input has ended");
    let mut socket = busy();
    socket.write_failed();
    assert!(!socket.tick_can_wait(), "writing has failed");
    let mut socket = busy();
    socket.read_buf(100_000);
    assert!(!socket.tick_can_wait(), "there is memory to give back");
}
