//! Text that is cut inside characters, whoever sends its parts: where it stands is known to the connection.

use ws_proto::extension::deflate::{Deflate, DeflateEncoder, DeflateParams};
use ws_proto::frame::Rsv;
use ws_proto::{Config, Connection, Fin, Kind, Role, SendError};
use ws_proto_suite::deflate::{Compressor, Emitted, receive};

struct Sender<R: Role> {
    connection: Connection<R>,
    elsewhere: Connection<R>,
    encoders: [DeflateEncoder; 2],
    wire: Vec<u8>,
}

impl<R: Role> Sender<R> {
    fn part(&mut self, encoder: usize, part: &[u8], fin: Fin) -> Result<(), SendError> {
        let (connection, wire) = (&mut self.connection, &mut self.wire);
        let written = wire.len();
        let sent = self.encoders[encoder].send_utf8_part(connection, part, fin, wire);
        assert!(sent.is_ok() || self.wire.len() == written);
        sent
    }

    fn whole(&mut self, encoder: usize, part: &str, fin: Fin) -> Result<(), SendError> {
        let (connection, wire) = (&mut self.connection, &mut self.wire);
        self.encoders[encoder].send_text_part(connection, part, fin, wire)
    }

    /// A part that was compressed elsewhere.
    fn foreign(&mut self, part: &[u8], fin: Fin) {
        let encoder = Deflate::new().threshold(0).server(DeflateParams::new()).0;
        let encoded = Compressor::new(encoder).part(part, fin);
        let wire = &mut self.wire;
        self.connection
            .send_extended(Kind::Text, Rsv::RSV1, &encoded, fin, wire)
            .unwrap();
    }
}

/// What the peer makes of what `send` sends: in both roles, with and without context takeover.
fn each(expected: &str, send: impl Fn(&mut dyn Steps)) {
    let without = DeflateParams::new()
        .with_server_takeover(false)
        .with_client_takeover(false);
    for params in [DeflateParams::new(), without] {
        let deflate = Deflate::new().threshold(0).mem_level(1);
        let server = || Connection::server(params.negotiated(), Config::new());
        let mut sender = Sender {
            connection: server(),
            elsewhere: server(),
            encoders: [deflate.server(params).0, deflate.server(params).0],
            wire: Vec::new(),
        };
        send(&mut sender);
        let emitted = receive(false, params, 1 << 20, usize::MAX, &[&sender.wire]);
        assert_eq!(emitted, [Emitted::Text(expected.into())], "server");

        let client = || Connection::client(params.negotiated(), Config::new(), || [1, 2, 3, 4]);
        let mut sender = Sender {
            connection: client(),
            elsewhere: client(),
            encoders: [deflate.client(params).0, deflate.client(params).0],
            wire: Vec::new(),
        };
        send(&mut sender);
        let emitted = receive(true, params, 1 << 20, usize::MAX, &[&sender.wire]);
        assert_eq!(emitted, [Emitted::Text(expected.into())], "client");
    }
}

/// A sender in either role.
trait Steps {
    fn part(&mut self, encoder: usize, part: &[u8], fin: Fin) -> Result<(), SendError>;
    fn whole(&mut self, encoder: usize, part: &str, fin: Fin) -> Result<(), SendError>;
    fn foreign(&mut self, part: &[u8], fin: Fin);
    /// A message by the first encoder on another connection.
    fn elsewhere(&mut self);
    fn plain_part(&mut self) -> Result<(), SendError>;
}

impl<R: Role> Steps for Sender<R> {
    fn part(&mut self, encoder: usize, part: &[u8], fin: Fin) -> Result<(), SendError> {
        Self::part(self, encoder, part, fin)
    }

    fn whole(&mut self, encoder: usize, part: &str, fin: Fin) -> Result<(), SendError> {
        Self::whole(self, encoder, part, fin)
    }

    fn foreign(&mut self, part: &[u8], fin: Fin) {
        Self::foreign(self, part, fin);
    }

    fn elsewhere(&mut self) {
        let to = &mut self.elsewhere;
        self.encoders[0]
            .send_text(to, "elsewhere", &mut Vec::new())
            .unwrap();
    }

    fn plain_part(&mut self) -> Result<(), SendError> {
        let wire = &mut self.wire;
        self.connection
            .send_utf8_part(b"\x82\xac", Fin::No, wire)
            .and(self.connection.send_text_part("x", Fin::No, wire))
    }
}

const REFUSED: Result<(), SendError> = Err(SendError::TextNotUtf8);

#[test]
fn another_encoder_completes_the_character_and_nothing_else() {
    each("a\u{20ac}b\u{1f600}", |sender| {
        assert_eq!(sender.part(0, b"a\xe2", Fin::No), Ok(()));
        for no in [&b"b"[..], b"\xe2", b"\x82b"] {
            assert_eq!(sender.part(1, no, Fin::No), REFUSED);
            assert_eq!(sender.part(0, no, Fin::No), REFUSED);
        }
        assert_eq!(sender.whole(1, "b", Fin::No), REFUSED);
        assert_eq!(sender.part(1, b"\x82", Fin::Yes), REFUSED);
        assert_eq!(sender.part(1, b"\x82", Fin::No), Ok(()));
        assert_eq!(sender.whole(0, "b", Fin::No), REFUSED);
        assert_eq!(sender.part(0, b"\xac", Fin::No), Ok(()));
        assert_eq!(sender.whole(1, "b", Fin::No), Ok(()));
        assert_eq!(sender.part(0, b"\xf0\x9f", Fin::No), Ok(()));
        assert_eq!(sender.part(1, b"\x98\x80", Fin::Yes), Ok(()));
    });
}

#[test]
fn a_message_on_another_connection_changes_nothing() {
    each("\u{20ac}", |sender| {
        assert_eq!(sender.part(0, b"\xe2", Fin::No), Ok(()));
        sender.elsewhere();
        assert_eq!(sender.part(0, b"b", Fin::No), REFUSED);
        assert_eq!(sender.part(0, b"\x82\xac", Fin::Yes), Ok(()));
    });
}

#[test]
fn without_compression_it_does_not_go_on() {
    each("\u{20ac}", |sender| {
        assert_eq!(sender.part(0, b"\xe2", Fin::No), Ok(()));
        assert_eq!(sender.plain_part(), Err(SendError::MessageOpen));
        assert_eq!(sender.part(0, b"\x82\xac", Fin::Yes), Ok(()));
    });
}

/// What was compressed elsewhere is not looked at, so a character may be cut after it or not.
#[test]
fn after_a_part_that_was_compressed_elsewhere_all_that_may_follow_does() {
    // Completed elsewhere.
    each("\u{20ac}b", |sender| {
        assert_eq!(sender.part(0, b"\xe2", Fin::No), Ok(()));
        sender.foreign(b"\x82\xac", Fin::No);
        assert_eq!(sender.part(0, b"b", Fin::Yes), Ok(()));
    });
    // Cut elsewhere, or before; by bytes too.
    each("a\u{1f600}b", |sender| {
        sender.foreign(b"a\xf0", Fin::No);
        assert_eq!(sender.part(0, b"\x9f", Fin::No), Ok(()));
        assert_eq!(sender.part(1, b"", Fin::No), Ok(()));
        assert_eq!(sender.part(1, b"\x98\x80b", Fin::Yes), Ok(()));
    });
    each("a\u{20ac}", |sender| {
        assert_eq!(sender.part(1, b"a\xe2", Fin::No), Ok(()));
        sender.foreign(b"\x82", Fin::No);
        assert_eq!(sender.part(1, b"\xac", Fin::Yes), Ok(()));
    });
    each("ab\u{20ac}", |sender| {
        sender.foreign(b"a", Fin::No);
        assert_eq!(sender.whole(0, "b", Fin::No), Ok(()));
        assert_eq!(sender.part(0, b"\xac", Fin::No), REFUSED, "known again");
        assert_eq!(sender.part(1, b"\xe2\x82", Fin::No), Ok(()));
        assert_eq!(sender.part(0, b"\xac", Fin::Yes), Ok(()));
    });
    // No character has four more bytes, and the next bytes are text.
    each("a", |sender| {
        sender.foreign(b"a", Fin::No);
        for no in [&b"\x80\x80\x80\x80"[..], b"\x80\xff", b"\xc0", b"\x80b\x80"] {
            assert_eq!(sender.part(0, no, Fin::No), REFUSED, "{no:x?}");
        }
        assert_eq!(sender.part(0, b"\xe2", Fin::Yes), REFUSED);
        assert_eq!(sender.part(0, b"", Fin::Yes), Ok(()));
    });
}
