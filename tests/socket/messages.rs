//! `WebSocket`: whole messages, queued output, bounded and released memory.

use ws_proto::extension::DecodeError;
use ws_proto::frame::Rsv;
use ws_proto::{
    AssembleError, Client, CloseCode, CloseReason, Config, Fin, Instant, Limited,
    MAX_CONTROL_FRAME, Message, Negotiated, ProtocolError, Role, SendError, Server, TimedOut,
    Transport, UnexpectedEof, WebSocket, WebSocketError,
};

type Keys = fn() -> [u8; 4];

fn server() -> WebSocket<Server> {
    WebSocket::server(Negotiated::new(), Config::new())
}

fn client() -> WebSocket<Client<Keys>> {
    WebSocket::client(Negotiated::new(), Config::new(), || {
        [0x11, 0x22, 0x33, 0x44]
    })
}

fn feed<R: Role>(to: &mut WebSocket<R>, bytes: &[u8]) {
    to.read_buf(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    to.advance(bytes.len());
}

/// Moves the queued bytes, `step` at a time, and echoes messages; the messages received.
fn pass<A: Role, B: Role>(from: &mut WebSocket<A>, to: &mut WebSocket<B>, step: usize) -> usize {
    let mut messages = 0;
    while !from.pending().is_empty() {
        let n = step.min(from.pending().len());
        let bytes = from.pending()[..n].to_vec();
        from.consume(n);
        feed(to, &bytes);
        while let Some((message, mut reply)) = to.next_message().expect("no fault") {
            messages += 1;
            reply.send(message).expect("room");
        }
    }
    messages
}

#[test]
fn messages_come_whole_however_they_are_cut() {
    for step in [1, 2, 7, 4096, usize::MAX] {
        let (mut client, mut server) = (client(), server());
        let mut sender = client.sender();
        sender.send_text("in one frame").unwrap();
        sender.send_text_part("in \u{20ac}", Fin::No).unwrap();
        sender.ping(b"!").unwrap();
        sender.send_text_part(" two", Fin::Yes).unwrap();
        sender.send_binary_part(&[7; 70_000], Fin::No).unwrap();
        sender.send_binary_part(&[], Fin::Yes).unwrap();
        assert_eq!(pass(&mut client, &mut server, step), 3);

        let echo = server.pending().to_vec();
        server.consume(echo.len());
        feed(&mut client, &echo);
        let mut received = Vec::new();
        while let Some((message, _)) = client.next_message().unwrap() {
            received.push(message.as_bytes().to_vec());
        }
        let expected: [&[u8]; 3] = [b"in one frame", "in \u{20ac} two".as_bytes(), &[7; 70_000]];
        // shows: RFC7118-5-01
        assert_eq!(received, expected, "{step} bytes a step");
        assert_eq!(client.transport(), Transport::Open);
    }
}

/// What a server makes of `wire`, read in pieces of `step` bytes.
fn received(wire: &[u8], step: usize) -> Vec<Vec<u8>> {
    let mut server = server();
    let mut messages = Vec::new();
    for bytes in wire.chunks(step) {
        feed(&mut server, bytes);
        while let Some((message, _)) = server.next_message().expect("no fault") {
            messages.push(message.as_bytes().to_vec());
        }
        assert!(server.wants_read());
    }
    messages
}

#[test]
fn big_frames_are_messages_or_parts_of_them_wherever_they_are_cut() {
    let big: Vec<u8> = (0..150_000u32).map(|n| (n / 7) as u8).collect();
    let huge = vec![0x5a; (2 << 20) + 17];
    let mut client = client().with_high_water(16 << 20);
    let mut sender = client.sender();
    sender.send_binary(b"small").unwrap();
    sender.send_binary(&big).unwrap();
    sender.send_binary(&big[..9000]).unwrap();
    sender.send_binary_part(&big, Fin::No).unwrap();
    sender.ping(b"!").unwrap();
    sender.send_binary_part(&big[..5000], Fin::No).unwrap();
    sender.send_binary_part(b"end", Fin::Yes).unwrap();
    sender.send_text("small").unwrap();
    sender.send_binary_part(&big, Fin::No).unwrap();
    sender.send_binary_part(&[], Fin::Yes).unwrap();
    sender.send_binary(&huge).unwrap();
    sender.send_binary(&big).unwrap();
    let expected = [
        b"small".to_vec(),
        big.clone(),
        big[..9000].to_vec(),
        [&big[..], &big[..5000], b"end"].concat(),
        b"small".to_vec(),
        big.clone(),
        huge,
        big.clone(),
    ];
    let wire = client.pending();
    for step in [1, 4096, 16_384, 65_537, 150_009, 1 << 20, usize::MAX] {
        // Byte by byte only as far as it shows something new.
        let (wire, count) = if step == 1 {
            (&wire[..300_000], 3)
        } else {
            (wire, 8)
        };
        let messages = received(wire, step);
        assert_eq!(messages.len(), count, "in steps of {step}");
        assert!(messages == expected[..count], "in steps of {step}");
    }
    // Cut around every boundary of the first frames.
    for cut in (1..40).chain(150_000..150_060).chain(159_020..159_060) {
        let mut server = server();
        let mut messages = 0;
        for bytes in [
            &wire[..cut],
            &wire[cut..cut + 70_000],
            &wire[cut + 70_000..300_000],
        ] {
            feed(&mut server, bytes);
            while let Some((message, _)) = server.next_message().expect("no fault") {
                assert!(message.as_bytes() == expected[messages], "cut at {cut}");
                messages += 1;
            }
        }
        assert_eq!(messages, 3, "cut at {cut}");
    }
}

#[test]
fn nothing_comes_of_a_big_frame_that_the_transport_cuts_off() {
    let mut client = client();
    client.sender().send_binary(&[7; 20_000]).unwrap();
    let mut server = server();
    feed(&mut server, &client.pending()[..10_000]);
    assert!(server.next_message().unwrap().is_none());
    assert_eq!(server.receive_eof(), Err(UnexpectedEof));
    assert!(server.next_message().unwrap().is_none());
    assert_eq!(server.transport(), Transport::Close);
}

#[test]
fn a_message_is_answered_while_it_is_borrowed() {
    let mut server = server();
    feed(&mut server, b"\x81\x82\0\0\0\0hi");
    let (message, mut reply) = server.next_message().unwrap().expect("a message");
    assert_eq!(message, Message::Text("hi"));
    reply.send(message).unwrap();
    reply.close(CloseCode::NORMAL, CloseReason::EMPTY).unwrap();
    assert!(!reply.can_send());
    assert_eq!(reply.send(message), Err(SendError::Closed));
    assert_eq!(server.pending(), b"\x81\x02hi\x88\x02\x03\xe8");
}

#[test]
fn a_fault_leaves_a_close_frame_and_stays() {
    let mut server = server();
    feed(&mut server, b"\x81\x82\0\0\0\0hi\x81\x02hi");
    assert!(server.next_message().unwrap().is_some());
    let error = WebSocketError::Protocol(ProtocolError::MaskMissing);
    for _ in 0..3 {
        assert_eq!(server.next_message().unwrap_err(), error);
        feed(&mut server, b"\x81\x80\0\0\0\0");
    }
    assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL_ERROR));
    assert_eq!(server.pending(), b"\x88\x02\x03\xea");
    assert_eq!(server.transport(), Transport::Close);
    assert_eq!(server.sender().send_text("late"), Err(SendError::Closed));
}

#[test]
fn a_fault_is_reported_again_without_further_input() {
    let mut server = server();
    feed(&mut server, b"\x83");
    let error = WebSocketError::Protocol(ProtocolError::OpcodeReserved);
    for _ in 0..3 {
        assert_eq!(server.next_message().unwrap_err(), error);
        assert!(server.wants_read());
    }
}

/// A message that cannot be put together ends it: later input is dropped, not kept.
#[test]
fn behind_a_message_that_cannot_be_read_nothing_is_kept() {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let mut server = WebSocket::server(negotiated, Config::new());
    let hi = b"\x81\x82\0\0\0\0hi";
    feed(&mut server, &[b"\xc1\x81\0\0\0\0?", &hi[..], hi].concat());
    let error = WebSocketError::Assemble(AssembleError::Decode(DecodeError::Unsupported));
    assert_eq!(server.next_message().unwrap_err(), error);
    for _ in 0..3 {
        assert_eq!(server.next_message().unwrap_err(), error);
        assert!(server.wants_read(), "all is used up");
        feed(&mut server, hi);
    }
    assert_eq!(server.pending(), b"\x88\x02\x03\xeb", "one Close");
    assert_eq!(server.transport(), Transport::Close);
}

#[test]
fn a_flood_of_pings_without_a_reader_stops_at_the_high_water_mark() {
    const HIGH: usize = 2_000;
    let mut server = server().with_high_water(HIGH);
    let mut pings = Vec::new();
    for n in 0..1_000u16 {
        pings.extend_from_slice(&[0x89, 0x82, 0, 0, 0, 0]);
        pings.extend_from_slice(&n.to_be_bytes());
    }
    feed(&mut server, &pings);
    let mut pongs = Vec::new();
    loop {
        let full = match server.next_message() {
            Ok(None) => false,
            Err(WebSocketError::OutputFull) => true,
            other => panic!("{other:?}"),
        };
        assert!(server.pending().len() <= HIGH);
        if server.pending().is_empty() {
            assert!(!full);
            break;
        }
        // Not all of it is written at once.
        let n = server.pending().len().div_ceil(2);
        pongs.extend_from_slice(&server.pending()[..n]);
        server.consume(n);
    }
    let answered: Vec<u16> = pongs
        .chunks(4)
        .map(|pong| u16::from_be_bytes([pong[2], pong[3]]))
        .collect();
    assert_eq!(
        answered,
        (0..1_000).collect::<Vec<_>>(),
        "each Ping once, in order"
    );
}

#[test]
fn reading_waits_while_the_output_is_full() {
    let mut server = server().with_high_water(MAX_CONTROL_FRAME);
    feed(&mut server, b"\x89\x80\0\0\0\0\x89\x80\0\0\0\0");
    assert!(is_full(&mut server), "a Ping waits");
    assert_eq!(server.pending(), [0x8a, 0]);
    server.consume(2);
    assert!(server.next_message().unwrap().is_none());
    assert_eq!(server.pending(), [0x8a, 0]);
    assert!(server.wants_read());
}

#[test]
fn one_message_of_any_size_fits_on_top_of_the_mark_and_no_second() {
    let mut server = server().with_high_water(1_000);
    let big = vec![1; 100_000];
    server.sender().send_binary(&big).unwrap();
    // shows: WHATWG-3.1-11
    assert_eq!(
        server.sender().send_binary(&big),
        Err(SendError::OutputFull)
    );
    assert!(!server.sender().can_send());
    assert_eq!(server.pending().len(), big.len() + 10);
    server.consume(big.len());
    server.sender().send_binary(&big).unwrap();
}

#[test]
fn another_mark_keeps_what_waits() {
    let mut server = server();
    server.sender().send_text("hello").unwrap();
    let mut server = server.with_high_water(1_000);
    assert_eq!(server.pending(), b"\x81\x05hello");
    server.write_failed();
    let mut server = server.with_high_water(2_000);
    assert!(!server.sender().can_send(), "writing has failed for good");
}

#[test]
fn a_small_mark_still_has_room_for_a_control_frame() {
    let mut server = server().with_high_water(0);
    feed(&mut server, b"\x89\x80\0\0\0\0");
    assert!(server.next_message().unwrap().is_none());
    assert_eq!(server.pending(), [0x8a, 0]);
}

#[test]
fn a_message_over_the_limit_is_refused_before_it_is_stored() {
    let mut server = WebSocket::server(Negotiated::new(), Config::new().max_message(10));
    feed(&mut server, b"\x02\x86\0\0\0\0sixsix\x80\x85\0\0\0\0");
    let error = server.next_message().unwrap_err();
    assert_eq!(
        error,
        WebSocketError::Protocol(ProtocolError::MessageTooBig)
    );
    assert_eq!(server.pending(), b"\x88\x02\x03\xf1");
}

#[test]
fn the_end_of_the_transport_is_clean_only_after_the_closing_handshake() {
    let mut open = server();
    assert!(open.receive_eof().is_err());
    assert_eq!(open.transport(), Transport::Close);

    let mut closed = client();
    closed
        .sender()
        .close(CloseCode::GOING_AWAY, CloseReason::EMPTY)
        .unwrap();
    feed(&mut closed, b"\x88\x02\x03\xe9");
    assert!(closed.next_message().unwrap().is_none());
    assert_eq!(closed.transport(), Transport::AwaitEof);
    assert_eq!(
        closed.connection().close_code(),
        Some(CloseCode::GOING_AWAY)
    );
    assert_eq!(closed.receive_eof(), Ok(()));
    assert_eq!(closed.transport(), Transport::Close);
}

#[test]
fn filling_or_writing_more_than_there_is_counts_as_all_of_it() {
    let mut server = server();
    server.advance(10);
    assert!(server.next_message().unwrap().is_none());
    feed(&mut server, b"\x81\x82\0\0\0\0hi");
    let (message, mut reply) = server.next_message().unwrap().expect("a message");
    reply.send(message).unwrap();
    server.consume(usize::MAX);
    assert!(server.pending().is_empty());
}

#[test]
fn a_big_frame_on_its_way_asks_for_bigger_reads() {
    let mut server = server();
    assert_eq!(server.read_hint(), 4096);
    feed(&mut server, b"\x82\xff\0\0\0\0\0\x10\0\0\0\0\0\0");
    assert!(server.next_message().unwrap().is_none());
    assert_eq!(server.read_hint(), 64 * 1024);
}

#[test]
fn limited_output_takes_no_more_than_its_limit() {
    use ws_proto::Output;
    let mut out = Limited::new(4);
    out.put(b"abcdef");
    assert_eq!((out.pending(), out.room()), (&b"abcd"[..], 0));
}

/// What the caller asked to answer by hand is left to it: sending goes on until it closes.
#[test]
fn the_manual_modes_leave_the_answers_to_the_caller() {
    let config = Config::new().manual_pong(true).manual_close(true);
    let mut server = WebSocket::server(Negotiated::new(), config);
    feed(&mut server, b"\x89\x80\0\0\0\0\x88\x80\0\0\0\0");
    assert!(server.next_message().unwrap().is_none());
    assert!(server.connection().is_close_received());
    assert_eq!(
        (server.pending(), server.transport()),
        (&b""[..], Transport::Open)
    );
    server.sender().send_text("last").unwrap();
    server.sender().close_empty().unwrap();
    assert_eq!(server.pending(), b"\x81\x04last\x88\0");
    assert_eq!(server.transport(), Transport::Close);
}

#[test]
fn pongs_and_a_close_without_a_code_can_be_sent() {
    let mut server = server();
    let mut sender = server.sender();
    sender.pong(b"alive").unwrap();
    sender.close_empty().unwrap();
    assert_eq!(server.pending(), b"\x8a\x05alive\x88\x00");
}

/// Whether answers stop receiving: it is reported by an error that changes nothing.
fn is_full(server: &mut WebSocket<Server>) -> bool {
    let waiting = server.pending().len();
    let answer = server.next_message().err();
    let full = answer == Some(WebSocketError::OutputFull);
    assert_eq!(
        (server.wants_read(), server.pending().is_empty()),
        (!full, false)
    );
    if full {
        assert_eq!(server.next_message().err(), answer);
        assert_eq!(server.transport(), Transport::Open);
    }
    assert!(server.pending().len() >= waiting);
    full
}

/// While the output is full no Ping can be sent, so what the peer takes shows that it lives.
#[test]
fn a_slow_reader_lives_as_long_as_it_takes_something() {
    let at = |second: u64| Instant::from_millis(second * 1_000);
    for takes in [1, 0] {
        let mut server = server().with_high_water(1_000);
        server.sender().send_binary(&[0; 10_000]).unwrap();
        let mut ended = None;
        for second in 0..1_000 {
            server.consume(takes);
            assert!(server.next_message().unwrap().is_none());
            if let Err(error) = server.tick(at(second)) {
                ended = Some(error);
                break;
            }
        }
        let expected = if takes == 0 {
            Some(TimedOut::Pong)
        } else {
            None
        };
        assert_eq!(ended, expected, "{takes} bytes a second");
    }
}

/// The same where it is an answer that waits, and less than the mark: it holds up receiving too.
#[test]
fn taking_some_of_an_answer_is_a_sign_of_life() {
    let at = |second: u64| Instant::from_millis(second * 1_000);
    let mut server = server().with_high_water(1_000);
    feed(&mut server, b"\x81\x80\0\0\0\0\x81\x80\0\0\0\0");
    let (_, mut reply) = server.next_message().unwrap().expect("a message");
    reply.send_binary(&[0; 990]).unwrap();
    for second in 0..100 {
        server.consume(1);
        assert!(is_full(&mut server), "the next message waits");
        assert!(server.tick(at(second)).is_ok(), "after {second} s");
    }
}

/// Each byte that is taken makes room for one, long before all are.
#[test]
fn receiving_goes_on_when_some_of_the_answers_are_taken() {
    let mut server = server().with_high_water(1_000);
    feed(&mut server, &b"\x89\x80\0\0\0\0".repeat(2_000));
    assert!(is_full(&mut server));
    let full = server.pending().len();
    for _ in 0..100 {
        server.consume(2);
        assert_eq!(server.pending().len(), full - 2);
        assert!(is_full(&mut server));
        assert_eq!(server.pending().len(), full, "one more Pong");
    }
}

/// What is sent unasked does not keep anything from being received: else two ends that both send a
/// lot would wait for each other for ever.
#[test]
fn only_answers_hold_up_receiving() {
    let hi = b"\x81\x82\0\0\0\0hi";
    let mut server = server().with_high_water(1_000);
    server.sender().send_binary(&[0; 10_000]).unwrap();
    feed(&mut server, hi);
    assert!(server.next_message().unwrap().is_some());

    server.consume(usize::MAX);
    for _ in 0..2 {
        feed(&mut server, hi);
    }
    let (_, mut reply) = server.next_message().unwrap().expect("a message");
    reply.send_binary(&[0; 10_000]).unwrap();
    assert!(is_full(&mut server), "the next one waits");
    server.consume(usize::MAX);
    assert!(server.next_message().unwrap().is_some());
}
