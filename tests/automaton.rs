//! Every sequence of up to four frames of an alphabet, against a model of RFC 6455 5.4 to 5.6 that
//! knows only whole frames.

mod common;

use common::*;
use ws_proto::frame::Rsv;
use ws_proto::{Config, Kind, Negotiated};

type Letter = (u8, &'static [u8]);

/// First byte and payload. RSV1 was negotiated, the other bits were not.
const ALPHABET: [Letter; 21] = [
    (0x81, b"t"),
    (0x81, b""),
    (0x81, b"\xc3"),
    (0x01, b"\xc3"),
    (0x01, b""),
    (0x01, b"\xff"),
    (0x82, b"\xff"),
    (0x02, b"\xc3"),
    (0x00, b""),
    (0x00, b"\xa9"),
    (0x80, b""),
    (0x80, b"\xa9z"),
    (0x89, b"p"),
    (0x8a, b""),
    (0x88, b""),
    (0x88, b"\x03\xe8\xc3\xa9"),
    (0x88, b"\x03\xe8\xc3"),
    (0xc1, b"\xff"),
    (0x42, b"\xc3"),
    (0xc0, b"z"),
    (0xc9, b""),
];

/// What a sequence of frames has to lead to.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    items: Vec<Item>,
    /// The close code of the error.
    failed: Option<u16>,
    /// First bytes and payloads of what is written.
    written: Vec<(u8, Vec<u8>)>,
}

#[derive(Default)]
struct Model {
    outcome: Outcome,
    open: Option<(u8, Vec<u8>)>,
    closed: bool,
}

impl Model {
    fn frame(&mut self, first: u8, payload: &[u8]) {
        if self.closed {
            return;
        }
        match first & 0x0f {
            _ if first & 0x40 != 0 && !matches!(first & 0x0f, 1 | 2) => self.fail(1002),
            0x9 => {
                self.outcome.items.push(Item::Ping(payload.to_vec()));
                self.outcome.written.push((PONG, payload.to_vec()));
            }
            0xa => self.outcome.items.push(Item::Pong(payload.to_vec())),
            0x8 => self.close(payload),
            0x0 if self.open.is_none() => self.fail(1002),
            0x1 | 0x2 if self.open.is_some() => self.fail(1002),
            _ => self.data(first, payload),
        }
    }

    fn data(&mut self, first: u8, payload: &[u8]) {
        let (kind, mut bytes) = self.open.take().unwrap_or((first, Vec::new()));
        bytes.extend_from_slice(payload);
        let fin = first & FIN != 0;
        if kind & 0x4f == TEXT {
            let text = core::str::from_utf8(&bytes);
            if text.is_err_and(|error| fin || error.error_len().is_some()) {
                return self.fail(1007);
            }
        }
        if !fin {
            self.open = Some((kind, bytes));
            return;
        }
        self.outcome.items.push(match kind & 0x4f {
            TEXT => Item::Text(String::from_utf8(bytes).unwrap()),
            BINARY => Item::Binary(bytes),
            0x41 => Item::Extended(Kind::Text, Rsv::RSV1, bytes),
            _ => Item::Extended(Kind::Binary, Rsv::RSV1, bytes),
        });
    }

    fn close(&mut self, body: &[u8]) {
        let code = body.first_chunk().map(|code| u16::from_be_bytes(*code));
        let Ok(reason) = core::str::from_utf8(body.get(2..).unwrap_or_default()) else {
            return self.fail(1007);
        };
        self.outcome
            .items
            .push(Item::Close(code, reason.to_owned()));
        self.outcome
            .written
            .push((CLOSE, body.get(..2).unwrap_or_default().to_vec()));
        self.closed = true;
    }

    fn fail(&mut self, code: u16) {
        self.outcome.failed = Some(code);
        self.outcome
            .written
            .push((CLOSE, code.to_be_bytes().to_vec()));
        self.closed = true;
    }
}

fn check(side: Side, frames: &[Letter], single_bytes: bool) {
    let mut model = Model::default();
    let mut bytes = Vec::new();
    for (first, payload) in frames {
        model.frame(*first, payload);
        bytes.extend(frame(side, *first, payload));
    }
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let mut endpoint = Endpoint::with(side, negotiated, Config::new());
    let chunks = if single_bytes {
        one_byte_at_a_time(&bytes)
    } else {
        vec![bytes]
    };
    let trace = drive(&mut endpoint, &chunks);
    let written = parse_output(side, &trace.output);
    let outcome = Outcome {
        items: trace.items,
        failed: trace.error.map(|error| error.close_code().as_u16()),
        written: written
            .into_iter()
            .map(|frame| (frame.first, frame.payload))
            .collect(),
    };
    assert_eq!(outcome, model.outcome, "{side:?}: {frames:x?}");
}

/// Calls `body` with every sequence of `len` letters.
fn sequences(len: usize, body: &mut dyn FnMut(&[Letter])) {
    let mut indices = vec![0; len];
    loop {
        let frames: Vec<_> = indices.iter().map(|n| ALPHABET[*n]).collect();
        body(&frames);
        let Some(at) = indices.iter().rposition(|n| n + 1 < ALPHABET.len()) else {
            return;
        };
        indices[at] += 1;
        indices[at + 1..].fill(0);
    }
}

#[test]
fn all_sequences_of_three_frames_do_what_the_model_says() {
    let mut count = 0;
    for side in Side::BOTH {
        for len in 1..=3 {
            sequences(len, &mut |frames| {
                check(side, frames, false);
                check(side, frames, true);
                count += 1;
            });
        }
    }
    assert_eq!(count, 2 * (21 + 21 * 21 + 21 * 21 * 21));
}

/// Of four frames those that are still alive after the first two.
#[test]
fn all_live_sequences_of_four_frames_do_what_the_model_says() {
    let mut count = 0;
    sequences(4, &mut |frames| {
        let mut model = Model::default();
        frames[..2]
            .iter()
            .for_each(|(first, payload)| model.frame(*first, payload));
        if !model.closed {
            check(Side::Client, frames, false);
            count += 1;
        }
    });
    assert_eq!(count, 81 * 21 * 21);
}
