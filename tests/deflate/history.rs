//! What a compressor refers to is what its peer has, whatever else has sent compressed data.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{Deflate, DeflateEncoder, DeflateParams};
use ws_proto::frame::Rsv;
use ws_proto::{Config, Connection, Fin, Kind, SendError, Server};
use ws_proto_suite::deflate::{Compressor, Emitted, receive};

const A: &str = "the first message, the first message, again the first message";
const B: &str = "something else was compressed elsewhere, elsewhere, elsewhere";

/// What can be sent in one step, or one frame of it.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// By one of the two encoders.
    Encoder(usize),
    /// A part by an encoder: it opens a message, or ends the one that is open.
    Part(usize),
    /// A message that was compressed elsewhere.
    Foreign,
    /// A part that was compressed elsewhere.
    ForeignPart,
    /// Without compression.
    Plain,
    /// The same, without a copy.
    Frame,
    /// By the first encoder, on another connection.
    Elsewhere,
}

const STEPS: [Step; 9] = [
    Step::Encoder(0),
    Step::Encoder(1),
    Step::Part(0),
    Step::Part(1),
    Step::Foreign,
    Step::ForeignPart,
    Step::Plain,
    Step::Frame,
    Step::Elsewhere,
];

struct Sender {
    connection: Connection<Server>,
    elsewhere: Connection<Server>,
    encoders: [DeflateEncoder; 2],
    foreign: Vec<u8>,
    wire: Vec<u8>,
    /// The text of the compressed message that is open.
    open: Option<String>,
    expected: Vec<Emitted>,
}

impl Sender {
    fn new(params: DeflateParams) -> Self {
        let deflate = Deflate::new().threshold(0).mem_level(1);
        let foreign =
            Compressor::new(deflate.server(DeflateParams::new()).0).part(B.as_bytes(), Fin::Yes);
        let connection = || Connection::server(params.negotiated(), Config::new());
        Self {
            connection: connection(),
            elsewhere: connection(),
            encoders: [deflate.server(params).0, deflate.server(params).0],
            foreign,
            wire: Vec::new(),
            open: None,
            expected: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        let (connection, out) = (&mut self.connection, &mut self.wire);
        let fin = if self.open.is_some() {
            Fin::Yes
        } else {
            Fin::No
        };
        let whole = match step {
            Step::Encoder(n) => self.encoders[n].send_text(connection, A, out).map(|()| A),
            Step::Plain => connection.send_text(B, out).map(|()| B),
            Step::Frame => connection.frame_text(B, out).map(|payload| {
                self.wire.extend_from_slice(payload);
                B
            }),
            Step::Foreign => {
                if self.open.is_some() {
                    return;
                }
                connection
                    .send_extended(Kind::Text, Rsv::RSV1, &self.foreign, Fin::Yes, out)
                    .map(|()| B)
            }
            Step::Elsewhere => {
                let sent = self.encoders[0].send_text(&mut self.elsewhere, B, &mut Vec::new());
                return sent.unwrap();
            }
            Step::Part(n) => {
                let sent = self.encoders[n].send_text_part(connection, A, fin, out);
                return self.part(sent, A, fin);
            }
            Step::ForeignPart => {
                // One that is flushed, as a part has to be.
                let encoded = match fin {
                    Fin::Yes => self.foreign.clone(),
                    Fin::No => [&self.foreign[..], &[0, 0, 0xff, 0xff]].concat(),
                };
                let sent = connection.send_extended(Kind::Text, Rsv::RSV1, &encoded, fin, out);
                return self.part(sent, B, fin);
            }
        };
        match whole {
            Ok(text) => {
                assert!(self.open.is_none(), "{step:?} went into a message");
                self.expected.push(Emitted::Text(text.into()));
            }
            Err(error) => {
                assert_eq!(error, SendError::MessageOpen);
                assert!(self.open.is_some());
            }
        }
    }

    fn part(&mut self, sent: Result<(), SendError>, text: &str, fin: Fin) {
        assert_eq!(sent, Ok(()));
        let open = self.open.get_or_insert_default();
        open.push_str(text);
        if fin == Fin::Yes {
            let text = self.open.take().unwrap();
            self.expected.push(Emitted::Text(text));
        }
    }
}

/// Every order of three of these, with and without context takeover.
#[test]
fn in_every_order() {
    for params in [
        DeflateParams::new(),
        DeflateParams::new().with_server_takeover(false),
    ] {
        let n = STEPS.len();
        for order in 0..n.pow(3) {
            let steps = [order, order / n, order / n / n].map(|i| STEPS[i % n]);
            let mut sender = Sender::new(params);
            // First something to refer to, last something that may.
            sender.step(Step::Encoder(0));
            for step in steps {
                sender.step(step);
            }
            if sender.open.is_some() {
                sender.step(Step::Part(0));
            }
            sender.step(Step::Encoder(0));
            let emitted = receive(false, params, 1 << 20, usize::MAX, &[&sender.wire]);
            assert_eq!(emitted, sender.expected, "{steps:?} {params:?}");
        }
    }
}

/// While nobody else sends compressed data, the window is used.
#[test]
fn without_anything_foreign_the_window_stays() {
    let params = DeflateParams::new();
    let mut sender = Sender::new(params);
    sender.step(Step::Encoder(0));
    let first = std::mem::take(&mut sender.wire).len();
    for between in [Step::Plain, Step::Frame] {
        sender.step(between);
        sender.wire.clear();
        sender.step(Step::Encoder(0));
        let again = std::mem::take(&mut sender.wire).len();
        assert!(again < 12, "{again} bytes");
    }
    sender.step(Step::Foreign);
    sender.wire.clear();
    sender.step(Step::Encoder(0));
    assert_eq!(sender.wire.len(), first, "begins anew");
}

/// Text that is cut inside characters is compressed as it is, and only as a text.
#[test]
fn text_that_is_cut_inside_characters() {
    let params = DeflateParams::new();
    let text = "a\u{e9}\u{20ac}\u{1f600}z";
    for size in 1..=text.len() {
        let mut sender = Sender::new(params);
        let (connection, out) = (&mut sender.connection, &mut sender.wire);
        let encoder = &mut sender.encoders[0];
        let mut rest = text.as_bytes();
        while let Some((part, after)) = rest.split_at_checked(size).filter(|(_, a)| !a.is_empty()) {
            encoder
                .send_utf8_part(connection, part, Fin::No, out)
                .unwrap();
            rest = after;
            let written = out.len();
            let cut = std::str::from_utf8(&text.as_bytes()[..text.len() - rest.len()]).is_err();
            if cut {
                let whole = encoder.send_text_part(connection, "x", Fin::No, out);
                assert_eq!(whole, Err(SendError::TextNotUtf8));
                let end = encoder.send_utf8_part(connection, b"", Fin::Yes, out);
                assert_eq!(end, Err(SendError::TextNotUtf8));
            }
            let invalid = encoder.send_utf8_part(connection, b"\xff", Fin::No, out);
            assert_eq!(invalid, Err(SendError::TextNotUtf8));
            assert_eq!(out.len(), written);
        }
        encoder
            .send_utf8_part(connection, rest, Fin::Yes, out)
            .unwrap();
        let emitted = receive(false, params, 1 << 20, usize::MAX, &[&sender.wire]);
        assert_eq!(emitted, [Emitted::Text(text.into())], "{size}");
    }
}

/// A text as bytes goes on as it began: by the connection, not compressed.
#[test]
fn a_text_as_bytes_that_began_without_compression_goes_on_so() {
    let params = DeflateParams::new();
    let mut sender = Sender::new(params);
    let (connection, out) = (&mut sender.connection, &mut sender.wire);
    connection.send_utf8_part(b"\xe2", Fin::No, out).unwrap();
    sender.encoders[0]
        .send_utf8_part(connection, b"\x82\xac", Fin::Yes, out)
        .unwrap();
    let emitted = receive(false, params, 1 << 20, usize::MAX, &[&sender.wire]);
    assert_eq!(emitted, [Emitted::Text("\u{20ac}".into())]);
}

/// What was agreed on with one peer is a setting for the other: a proxy asks for the same.
#[test]
fn agreed_parameters_are_settings() {
    let params = DeflateParams::new()
        .with_client_takeover(false)
        .with_server_window_bits(9)
        .and_then(|params| params.with_client_window_bits(12))
        .unwrap();
    let expected = Deflate::new()
        .client_takeover(false)
        .server_window_bits(9)
        .client_window_bits(12);
    let settings = Deflate::from(params);
    assert_eq!(format!("{settings:?}"), format!("{expected:?}"));
    assert_ne!(format!("{settings:?}"), format!("{:?}", Deflate::new()));
}
