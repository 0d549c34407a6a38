//! Buffers that connections of a thread share: memory kept, memory given back, memory counted.

use std::time::Duration;

use ws_proto::socket::{Failure, Next, OutputMemory, Received, Want};
use ws_proto::{
    CloseCode, Config, Instant, Message, Negotiated, Server, TimedOut, Transport, WebSocket,
    WebSocketError,
};
use ws_proto_test::Side;
use ws_proto_test::wire::{CLOSE, FIN, PING, PONG, TEXT, close_body, frame};

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn server(config: Config) -> WebSocket<Server> {
    WebSocket::server(Negotiated::new(), config)
}

/// What is found in `bytes`, of which the rest is kept after `calls` calls.
fn found(socket: &mut WebSocket<Server>, bytes: &[u8], calls: usize) -> Vec<String> {
    let mut lent = bytes.to_vec();
    let mut used = 0;
    let mut found = Vec::new();
    assert!(socket.note_read(lent.len()));
    for _ in 0..calls {
        match socket
            .poll_next_in(&mut lent, &mut used, Want::Event)
            .unwrap()
        {
            Next::Received(Received::Message(Message::Text(text), _)) => {
                found.push(text.to_owned());
            }
            Next::Received(Received::Ping(payload)) => {
                found.push(format!("ping {}", payload.len()));
            }
            Next::Received(Received::Pong(_)) => found.push("pong".into()),
            Next::Write => {
                let n = socket.pending_bytes();
                socket.consume(n);
            }
            Next::Read => break,
            other => panic!("{other:?}"),
        }
    }
    socket.keep(&lent[used..]);
    found
}

#[test]
fn what_is_left_of_lent_buffers_comes_first() {
    let wire: Vec<u8> = (0..20)
        .flat_map(|i| {
            let mut bytes = frame(Side::Server, FIN | TEXT, format!("{i}").as_bytes());
            if i % 5 == 0 {
                bytes.extend(frame(Side::Server, PING, b"abc"));
            }
            bytes
        })
        .collect();
    let mut expected = Vec::new();
    for i in 0..20 {
        expected.push(format!("{i}"));
        if i % 5 == 0 {
            expected.push("ping 3".into());
        }
    }
    for size in [1, 2, 7, 50, wire.len()] {
        for calls in [0, 1, 3, 100] {
            let mut socket = server(Config::new());
            let mut got = Vec::new();
            for bytes in wire.chunks(size) {
                got.extend(found(&mut socket, bytes, calls));
            }
            got.extend(found(&mut socket, &[], 1000));
            assert_eq!(got, expected, "{size} bytes, {calls} calls");
        }
    }
}

#[test]
fn a_fault_in_a_lent_buffer_is_reported_by_the_next_call_and_stays() {
    for bad in [
        frame(Side::Server, FIN | TEXT, b"\xff"),
        frame(Side::Server, FIN | 0x3, b""),
    ] {
        let mut socket = server(Config::new());
        let mut lent = [frame(Side::Server, FIN | TEXT, b"good"), bad].concat();
        let mut used = 0;
        socket.note_read(lent.len());
        let next = socket.poll_next_in(&mut lent, &mut used, Want::Event);
        assert!(matches!(next, Ok(Next::Received(Received::Message(..)))));
        for _ in 0..3 {
            let next = socket.poll_next_in(&mut lent, &mut used, Want::Event);
            let error = next.map(drop).unwrap_err();
            assert!(matches!(error, WebSocketError::Protocol(_)), "{error:?}");
            assert_eq!(used, lent.len());
        }
        assert!(matches!(socket.failure(), Some(Failure::Receive(_))));
        assert_eq!(socket.transport(), Transport::Close);
    }
}

#[test]
fn the_time_for_a_pong_does_not_count_while_there_is_more_to_read() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(2)))
        .pong_timeout(Duration::from_secs(1))
        .close_timeout(Duration::from_secs(1));
    let mut socket = server(config);
    socket.tick(at(0)).unwrap();
    socket.tick(at(2000)).unwrap(); // a Ping is sent
    for second in 3..20 {
        socket.note_unread();
        socket.tick(at(second * 1000)).unwrap();
    }
    found(&mut socket, &frame(Side::Server, PONG, b""), 1);
    socket.tick(at(21_000)).unwrap();

    // The time for a closing handshake does.
    socket
        .sender()
        .close(CloseCode::NORMAL, Default::default())
        .unwrap();
    let n = socket.pending_bytes();
    socket.consume(n);
    assert_eq!(socket.tick(at(22_000)), Ok(Some(at(23_000))));
    socket.note_unread();
    assert_eq!(socket.tick(at(23_000)), Err(TimedOut::Close));
}

#[test]
fn memory_is_lent_and_what_waits_keeps_it() {
    let mut memory = OutputMemory::new();
    let mut sockets = [server(Config::new()), server(Config::new())];
    for socket in &mut sockets {
        socket.swap_output_memory(&mut memory);
        socket.sender().send_text("hello").unwrap();
        let n = socket.pending_bytes();
        socket.consume(n);
        socket.return_output_memory(&mut memory);
        assert!(!format!("{memory:?}").contains("(0)"), "{memory:?}");
    }
    let [socket, other] = &mut sockets;
    socket.swap_output_memory(&mut memory);
    socket.sender().send_text("waits").unwrap();
    socket.return_output_memory(&mut memory);
    assert_eq!(format!("{memory:?}"), "OutputMemory(0)");
    other.swap_output_memory(&mut memory);
    other.sender().send_text("other").unwrap();
    assert_eq!(socket.pending(), frame(Side::Client, FIN | TEXT, b"waits"));
    socket.swap_output_memory(&mut memory);
    assert_eq!(socket.pending(), frame(Side::Client, FIN | TEXT, b"waits"));
    assert_eq!(other.pending(), frame(Side::Client, FIN | TEXT, b"other"));
}

#[test]
fn a_refusal_is_written_then_read_on_and_nothing_is_received() {
    for ends in [true, false] {
        let mut socket = server(Config::new())
            .with_linger_time(Duration::from_secs(3))
            .with_output(b"HTTP/1.1 403 No\r\n\r\n")
            .refused();
        assert!(!socket.wants_half_close() && !socket.sender().can_send());
        assert_eq!(socket.tick(at(0)), Ok(Some(at(3000))));
        let n = socket.pending_bytes();
        socket.consume(n);
        assert!(socket.wants_half_close());
        socket.half_closed();
        assert!(socket.wants_read() && !socket.is_over());
        let mut early = frame(Side::Server, FIN | TEXT, b"early");
        assert!(!socket.note_read(early.len()));
        let next = socket.poll_next_in(&mut early, &mut 0, Want::Event);
        assert!(matches!(next, Ok(Next::End)), "{next:?}");
        if ends {
            let _ = socket.receive_eof();
        } else {
            assert_eq!(socket.tick(at(3000)).map_err(drop), Err(()));
        }
        assert!(socket.is_over());
    }
}

#[test]
fn after_the_peers_close_sending_goes_on_until_ours() {
    let mut socket = server(Config::new().manual_close(true));
    let mut lent = frame(Side::Server, CLOSE, &close_body(1000, b"bye"));
    let mut used = 0;
    socket.note_read(lent.len());
    let next = socket.poll_next_in(&mut lent, &mut used, Want::Event);
    assert!(matches!(
        next,
        Ok(Next::Received(Received::Close(Some(_), "bye")))
    ));
    let next = socket.poll_next_in(&mut lent, &mut used, Want::Event);
    assert!(matches!(next, Ok(Next::End)));
    socket.sender().send_text("more").unwrap();
    socket
        .sender()
        .close(CloseCode::NORMAL, Default::default())
        .unwrap();
    assert_eq!(socket.transport(), Transport::Close);
}
