//! What the calls of an encoder refuse, each as it is documented: nothing is written, nothing changes.

use core::cell::Cell;

use ws_proto::extension::deflate::{Deflate, DeflateEncoder, DeflateParams};
use ws_proto::frame::Rsv;
use ws_proto::{
    CloseCode, CloseReason, Config, Connection, Fin, FixedBuf, Kind, MaskSource, Negotiated,
    Output, Role, SendError,
};
use ws_proto_suite::deflate::{Emitted, receive};

const TEXT: &str = "a text that is said again, a text that is said again";

/// Every call of an encoder.
fn calls<R: Role>(
    encoder: &mut DeflateEncoder,
    connection: &mut Connection<R>,
    out: &mut impl Output,
) -> [Result<(), SendError>; 5] {
    let bytes = TEXT.as_bytes();
    [
        encoder.send_text(connection, TEXT, out),
        encoder.send_binary(connection, bytes, out),
        encoder.send_text_part(connection, TEXT, Fin::Yes, out),
        encoder.send_utf8_part(connection, bytes, Fin::Yes, out),
        encoder.send_binary_part(connection, bytes, Fin::Yes, out),
    ]
}

fn both_roles(check: fn(DeflateEncoder, &mut dyn Opens)) {
    let params = DeflateParams::new();
    let negotiated = params.negotiated().with_rsv(Rsv::RSV1 | Rsv::RSV2);
    let deflate = Deflate::new().threshold(0);
    check(
        deflate.server(params).0,
        &mut Connection::server(negotiated, Config::new()),
    );
    check(
        deflate.client(params).0,
        &mut Connection::client(negotiated, Config::new(), || [1, 2, 3, 4]),
    );
}

/// A connection in either role.
trait Opens {
    /// Opens a message in one of several ways.
    fn open(&mut self, kind: Kind, rsv: Rsv);
    fn close(&mut self);
    fn calls(&mut self, encoder: &mut DeflateEncoder) -> [Result<(), SendError>; 5];
}

impl<R: Role> Opens for Connection<R> {
    fn open(&mut self, kind: Kind, rsv: Rsv) {
        let out = &mut Vec::new();
        let opened = match kind {
            _ if !rsv.is_none() => self.send_extended(kind, rsv, b"\0", Fin::No, out),
            Kind::Text => self.send_text_part("", Fin::No, out),
            Kind::Binary => self.send_binary_part(b"", Fin::No, out),
        };
        opened.unwrap();
    }

    fn close(&mut self) {
        let out = &mut Vec::new();
        Self::close(self, CloseCode::NORMAL, CloseReason::EMPTY, out).unwrap();
    }

    fn calls(&mut self, encoder: &mut DeflateEncoder) -> [Result<(), SendError>; 5] {
        let mut out = Vec::new();
        let results = calls(encoder, self, &mut out);
        assert!(out.is_empty() || results.iter().any(Result::is_ok));
        results
    }
}

const OPEN: Result<(), SendError> = Err(SendError::MessageOpen);

#[test]
fn while_a_message_is_open() {
    both_roles(|mut encoder, connection| {
        // The first part that fits ends the message, and then another fits.
        connection.open(Kind::Text, Rsv::NONE);
        assert_eq!(
            connection.calls(&mut encoder),
            [OPEN, OPEN, Ok(()), Ok(()), Ok(())]
        );
        connection.open(Kind::Binary, Rsv::NONE);
        assert_eq!(
            connection.calls(&mut encoder),
            [OPEN, OPEN, OPEN, OPEN, Ok(())]
        );
        connection.open(Kind::Text, Rsv::RSV1);
        assert_eq!(
            connection.calls(&mut encoder),
            [OPEN, OPEN, Ok(()), Ok(()), Ok(())]
        );
        connection.open(Kind::Binary, Rsv::RSV1);
        assert_eq!(
            connection.calls(&mut encoder),
            [OPEN, OPEN, OPEN, OPEN, Ok(())]
        );
        connection.open(Kind::Binary, Rsv::RSV1 | Rsv::RSV2);
        assert_eq!(connection.calls(&mut encoder), [OPEN; 5]);
    });
    both_roles(|mut encoder, connection| {
        connection.open(Kind::Text, Rsv::RSV2);
        assert_eq!(connection.calls(&mut encoder), [OPEN; 5]);
    });
}

#[test]
fn after_a_close() {
    both_roles(|mut encoder, connection| {
        connection.close();
        assert_eq!(connection.calls(&mut encoder), [Err(SendError::Closed); 5]);
    });
}

/// Keys as long as a switch is on.
struct Switch<'s>(&'s Cell<bool>);

impl MaskSource for Switch<'_> {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        self.0.get().then_some([1, 2, 3, 4])
    }
}

#[test]
fn without_room_or_a_key_the_same_can_be_sent_later() {
    let params = DeflateParams::new();
    let deflate = Deflate::new().threshold(0);
    let on = Cell::new(true);
    let mut encoder = deflate.client(params).0;
    let mut client = Connection::client(params.negotiated(), Config::new(), Switch(&on));
    let mut out = Vec::new();
    encoder.send_text(&mut client, TEXT, &mut out).unwrap();
    for room_for in [false, true] {
        let mut small = FixedBuf::<8>::new();
        if room_for {
            on.set(false);
            let results = calls(&mut encoder, &mut client, &mut out);
            assert_eq!(results, [Err(SendError::NoMaskKey); 5]);
            on.set(true);
        } else {
            let results = calls(&mut encoder, &mut client, &mut small);
            assert_eq!(results, [Err(SendError::OutputFull); 5]);
            assert!(small.is_empty());
        }
        encoder.send_text(&mut client, TEXT, &mut out).unwrap();
    }
    let emitted = receive(true, params, 1 << 20, usize::MAX, &[&out]);
    assert_eq!(emitted, vec![Emitted::Text(TEXT.into()); 3]);
}

/// Where it was not agreed on nothing is compressed, and that is no error.
#[test]
fn where_it_was_not_agreed_on_messages_stay_as_they_are() {
    let mut encoder = Deflate::new().threshold(0).server(DeflateParams::new()).0;
    let mut server = Connection::server(Negotiated::new(), Config::new());
    let mut out = Vec::new();
    assert_eq!(calls(&mut encoder, &mut server, &mut out), [Ok(()); 5]);
    assert!(out.starts_with(b"\x81\x34a text"));
}
