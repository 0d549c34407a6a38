//! A `WebSocket` that has failed stays failed: nothing is sent, and only the time to close runs.

use std::cell::Cell;

use ws_proto::{
    AssembleError, CloseCode, CloseReason, Config, Instant, MaskSource, Negotiated, ProtocolError,
    Role, SendError, TimedOut, Transport, WebSocket, WebSocketError,
};

fn read<R: Role>(socket: &mut WebSocket<R>, wire: &[u8]) -> Option<WebSocketError> {
    socket.read_buf(wire.len())[..wire.len()].copy_from_slice(wire);
    socket.advance(wire.len());
    loop {
        match socket.next_message() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Every call that sends is refused and leaves nothing.
fn assert_failed<R: Role>(socket: &mut WebSocket<R>, error: WebSocketError) {
    let waiting = socket.pending().to_vec();
    let mut sender = socket.sender();
    assert!(!sender.can_send());
    assert_eq!(sender.send_text("x"), Err(SendError::Closed));
    assert_eq!(sender.send_binary(b"x"), Err(SendError::Closed));
    assert_eq!(
        sender.send_text_part("x", ws_proto::Fin::No),
        Err(SendError::Closed)
    );
    assert_eq!(sender.ping(b""), Err(SendError::Closed));
    assert_eq!(sender.pong(b""), Err(SendError::Closed));
    // Asking for a step that is done already is no fault, and does nothing.
    assert_eq!(sender.close(CloseCode::NORMAL, CloseReason::EMPTY), Ok(()));
    assert_eq!(sender.close_empty(), Ok(()));
    assert_eq!(socket.pending(), waiting);
    assert_eq!(read(socket, b"\x89\x00\x81\x01x"), Some(error));
    assert_eq!(socket.pending(), waiting);
    // While its Close is owed, the writing side has to stay open.
    let is_owed = waiting.is_empty();
    let transport = if is_owed {
        Transport::AwaitEof
    } else {
        Transport::Close
    };
    assert_eq!(socket.transport(), transport);
}

/// The time to close runs from the first tick, and then the transport is aborted.
fn assert_ends<R: Role>(socket: &mut WebSocket<R>) {
    let waiting = socket.pending().to_vec();
    assert_eq!(socket.tick(at(500)), Ok(Some(at(10_500))));
    assert_eq!(socket.tick(at(10_499)), Ok(Some(at(10_500))));
    assert_eq!(socket.pending(), waiting);
    assert_eq!(socket.tick(at(10_500)), Err(TimedOut::Drain));
    assert_eq!(socket.tick(at(90_000)), Err(TimedOut::Drain));
    assert_eq!(socket.transport(), Transport::Abort);
    assert_eq!(socket.pending(), waiting);
}

/// Keys as long as a switch is on.
struct Switch<'s>(&'s Cell<bool>);

impl MaskSource for Switch<'_> {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        self.0.get().then_some([0; 4])
    }
}

const TOO_BIG: WebSocketError = WebSocketError::Assemble(AssembleError::TooBig);

/// A message over the limit of a connection, and a frame that breaks the protocol.
fn faults() -> [(Config, &'static [u8], WebSocketError, u16); 2] {
    [
        (
            Config::new(),
            b"\x83\x00",
            ProtocolError::OpcodeReserved.into(),
            1002,
        ),
        (
            Config::new().max_message(2),
            b"\x02\x02ab\x80\x01c",
            ProtocolError::MessageTooBig.into(),
            1009,
        ),
    ]
}

#[test]
fn a_fault_of_the_protocol_is_for_good() {
    for (config, wire, error, code) in faults() {
        let mut client = WebSocket::client(Negotiated::new(), config, || [0; 4]);
        assert_eq!(read(&mut client, wire), Some(error));
        let [high, low] = u16::to_be_bytes(code);
        assert_eq!(client.pending(), [0x88, 0x82, 0, 0, 0, 0, high, low]);
        assert_failed(&mut client, error);
        assert_ends(&mut client);
    }
}

/// Without a masking key at that moment: failed at once, and the Close comes with the next key.
#[test]
fn a_missing_masking_key_changes_nothing_of_that() {
    for (config, wire, error, code) in faults() {
        for key_comes in [true, false] {
            let on = Cell::new(false);
            let mut client = WebSocket::client(Negotiated::new(), config, Switch(&on));
            assert_eq!(read(&mut client, wire), Some(error));
            assert_eq!(client.pending(), b"");
            assert_eq!(client.tick(at(0)), Ok(Some(at(10_000))));
            assert_failed(&mut client, error);
            on.set(key_comes);
            assert_failed(&mut client, error);
            assert_eq!(client.tick(at(9_999)), Ok(Some(at(10_000))));
            if key_comes {
                let [high, low] = u16::to_be_bytes(code);
                assert_eq!(client.pending(), [0x88, 0x82, 0, 0, 0, 0, high, low]);
            } else {
                assert_eq!(client.pending(), b"");
            }
            assert_failed(&mut client, error);
            let waiting = client.pending().to_vec();
            assert_eq!(client.tick(at(10_000)), Err(TimedOut::Drain));
            on.set(true);
            assert_eq!(client.tick(at(10_001)), Err(TimedOut::Drain));
            assert_eq!(
                client.pending(),
                waiting,
                "one Close, and none after the end"
            );
        }
    }
}

/// The answer to the peer's Close waits for a key too.
#[test]
fn an_answer_to_close_is_owed_until_there_is_a_key() {
    for (wire, answer) in [
        (&b"\x88\x02\x03\xe8"[..], &b"\x88\x82\0\0\0\0\x03\xe8"[..]),
        (b"\x88\x00", b"\x88\x80\0\0\0\0"),
    ] {
        let on = Cell::new(false);
        let mut client = WebSocket::client(Negotiated::new(), Config::new(), Switch(&on));
        assert_eq!(read(&mut client, wire), None);
        assert_eq!(client.transport(), Transport::AwaitEof);
        client.tick(at(0)).unwrap();
        assert_eq!(client.pending(), b"");
        on.set(true);
        client.tick(at(1)).unwrap();
        client.tick(at(2)).unwrap();
        assert_eq!(client.pending(), answer);
        assert_eq!(client.receive_eof(), Ok(()));
    }
}

#[cfg(feature = "deflate")]
mod compressed {
    use super::*;
    use ws_proto::extension::DecodeError;
    use ws_proto::extension::deflate::{Deflate, DeflateParams};

    const INVALID: WebSocketError =
        WebSocketError::Assemble(AssembleError::Decode(DecodeError::Invalid));

    #[test]
    fn a_message_that_cannot_be_put_together_is_for_good() {
        let params = DeflateParams::new();
        for (wire, error, code) in [
            (&b"\xc2\x81\0\0\0\0\x07"[..], INVALID, 1007_u16),
            (b"\xc2\x84\0\0\0\0\x4b\x84\x81\x00", TOO_BIG, 1009),
        ] {
            let config = Config::new().max_message(3);
            let mut server = WebSocket::server(params.negotiated(), config)
                .with_deflate(&Deflate::new(), params);
            assert_eq!(read(&mut server, wire), Some(error));
            let [high, low] = code.to_be_bytes();
            assert_eq!(server.pending(), [0x88, 2, high, low]);
            assert_failed(&mut server, error);
            assert_ends(&mut server);
        }
    }

    #[test]
    fn nor_does_a_missing_masking_key_change_that() {
        let params = DeflateParams::new();
        let on = Cell::new(false);
        let mut client = WebSocket::client(params.negotiated(), Config::new(), Switch(&on))
            .with_deflate(&Deflate::new(), params);
        assert_eq!(read(&mut client, b"\xc2\x01\x07"), Some(INVALID));
        assert_eq!(client.transport(), Transport::AwaitEof);
        on.set(true);
        assert_failed(&mut client, INVALID);
        assert_eq!(client.tick(at(500)), Ok(Some(at(10_500))));
        assert_eq!(client.pending(), b"\x88\x82\0\0\0\0\x03\xef");
        assert_failed(&mut client, INVALID);
        assert_ends(&mut client);
    }
}
