//! Every sequence of up to four frames of an alphabet, against a model of RFC 6455 5.4, 5.5 and 7
//! that knows only whole frames.

use ws_proto::frame::Rsv;
use ws_proto::{Config, Kind, Negotiated};

use ws_proto_suite::*;

/// How a header is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Good,
    WrongMask,
    /// The length in a longer form than it needs.
    Wide,
    Wider,
}
use Form::{Good, Wide, Wider, WrongMask};

#[derive(Clone, Copy, Debug)]
struct Letter(u8, &'static [u8], Form);

/// RSV1 was negotiated, the other bits were not. No message may have more than 8 bytes.
const ALPHABET: [Letter; 42] = [
    Letter(0x81, b"t", Good),
    Letter(0x81, b"", Good),
    Letter(0x81, b"\xc3", Good),
    Letter(0x81, b"123456789", Good),
    Letter(0x01, b"\xc3", Good),
    Letter(0x01, b"", Good),
    Letter(0x01, b"\xff", Good),
    Letter(0x01, b"\xe2\x82", Good),
    Letter(0x82, b"\xff", Good),
    Letter(0x82, b"", Good),
    Letter(0x02, b"\xc3", Good),
    Letter(0x02, b"12345678", Good),
    Letter(0x00, b"", Good),
    Letter(0x00, b"\xa9", Good),
    Letter(0x00, b"\xac1234", Good),
    Letter(0x80, b"", Good),
    Letter(0x80, b"\xa9z", Good),
    Letter(0x80, b"\xacyz", Good),
    Letter(0x89, b"p", Good),
    Letter(0x89, b"", Good),
    Letter(0x8a, b"", Good),
    Letter(0x8a, b"unasked", Good),
    Letter(0x88, b"", Good),
    Letter(0x88, b"\x03", Good),
    Letter(0x88, b"\x03\xe8", Good),
    Letter(0x88, b"\x03\xe8\xc3\xa9", Good),
    Letter(0x88, b"\x03\xe8\xc3", Good),
    Letter(0x88, b"\x03\xed", Good),
    Letter(0x88, b"\x0b\xb8\xff", Good),
    Letter(0xc1, b"\xff", Good),
    Letter(0x42, b"\xc3", Good),
    Letter(0xc2, b"123456789", Good),
    Letter(0xc0, b"z", Good),
    Letter(0xc9, b"", Good),
    Letter(0xa1, b"r", Good),
    Letter(0x92, b"", Good),
    Letter(0x09, b"", Good),
    Letter(0x83, b"", Good),
    Letter(0x8b, b"", Good),
    Letter(0x81, b"m", WrongMask),
    Letter(0x82, b"w", Wide),
    Letter(0x02, b"ww", Wider),
];

const MAX_MESSAGE: usize = 8;

impl Letter {
    fn bytes(&self, to: Side) -> Vec<u8> {
        let Self(first, payload, form) = *self;
        match form {
            Good => frame(to, first, payload),
            WrongMask => frame(to.peer(), first, payload),
            Wide | Wider => {
                let mut bytes = frame(to, first, payload);
                let len = u64::from(bytes[1] & 0x7f).to_be_bytes();
                let (code, len) = if form == Wide {
                    (126, &len[6..])
                } else {
                    (127, &len[..])
                };
                bytes[1] = bytes[1] & 0x80 | code;
                bytes.splice(2..2, len.iter().copied());
                bytes
            }
        }
    }
}

/// What a sequence of frames has to lead to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Outcome {
    items: Vec<Item>,
    /// The close code of the error.
    failed: Option<u16>,
    /// First bytes and payloads of the written frames.
    written: Vec<(u8, Vec<u8>)>,
}

#[derive(Clone, Default)]
struct Model {
    outcome: Outcome,
    open: Option<(u8, Vec<u8>)>,
    closed: bool,
}

impl Model {
    fn frame(&mut self, letter: Letter) {
        let Letter(first, payload, form) = letter;
        if self.closed {
            return;
        }
        let opcode = first & 0x0f;
        let starts = opcode == 1 || opcode == 2;
        // 5.2: values without a meaning; 5.1: masking; 5.4: the order of fragments; 5.5: control frames.
        let nonsense = !matches!(opcode, 0 | 1 | 2 | 8 | 9 | 10)
            || first & 0x30 != 0
            || first & 0x40 != 0 && !starts
            || opcode >= 8 && first & FIN == 0
            || opcode == 0 && self.open.is_none()
            || starts && self.open.is_some();
        if nonsense || form != Good {
            return self.fail(1002);
        }
        match opcode {
            9 => {
                self.outcome.items.push(Item::Ping(payload.to_vec()));
                self.outcome.written.push((PONG, payload.to_vec()));
            }
            10 => self.outcome.items.push(Item::Pong(payload.to_vec())),
            8 => self.close(payload),
            _ => self.data(first, payload),
        }
    }

    fn data(&mut self, first: u8, payload: &[u8]) {
        let (kind, mut bytes) = self.open.take().unwrap_or((first, Vec::new()));
        bytes.extend_from_slice(payload);
        // The length of an encoded message says nothing of the message.
        if bytes.len() > MAX_MESSAGE && kind & 0x40 == 0 {
            return self.fail(1009);
        }
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
        // 5.5.1, 7.4: of the codes in the alphabet 1005 must not be there.
        if body.len() == 1 || code == Some(1005) {
            return self.fail(1002);
        }
        let Ok(reason) = core::str::from_utf8(body.get(2..).unwrap_or_default()) else {
            return self.fail(1007);
        };
        self.outcome
            .items
            .push(Item::Close(code, reason.to_owned()));
        let answer = body.get(..2).unwrap_or_default().to_vec();
        self.outcome.written.push((CLOSE, answer));
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

fn check(side: Side, chunks: &[Vec<u8>], model: &Model, letters: &[Letter]) {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let config = Config::new().max_message(MAX_MESSAGE as u64);
    let mut endpoint = Endpoint::with(side, negotiated, config);
    let trace = drive(&mut endpoint, chunks);
    let written = parse_output(side, &trace.output);
    let outcome = Outcome {
        items: trace.items,
        failed: trace.error.map(|error| error.close_code().as_u16()),
        written: written
            .into_iter()
            .map(|frame| (frame.first, frame.payload))
            .collect(),
    };
    assert_eq!(outcome, model.outcome, "{side:?}: {letters:x?}");
}

struct Walk {
    side: Side,
    /// How many more frames are tried after the end of a connection.
    behind: usize,
    count: u64,
}

impl Walk {
    /// Tries every sequence of up to `more` letters after these.
    fn go(&mut self, letters: &mut Vec<Letter>, bytes: &[u8], model: &Model, more: usize) {
        for letter in ALPHABET {
            let mut model = model.clone();
            model.frame(letter);
            let bytes = [bytes, &letter.bytes(self.side)].concat();
            letters.push(letter);
            check(self.side, core::slice::from_ref(&bytes), &model, letters);
            if letters.len() < 4 {
                check(self.side, &one_byte_at_a_time(&bytes), &model, letters);
            }
            self.count += 1;
            let more = if model.closed {
                (more - 1).min(self.behind)
            } else {
                more - 1
            };
            if more > 0 {
                self.go(letters, &bytes, &model, more);
            }
            letters.pop();
        }
    }
}

/// Behind the end of a connection one frame is tried; in deep mode all of them.
#[test]
fn all_sequences_of_four_frames_do_what_the_model_says() {
    let mut count = 0;
    for side in Side::BOTH {
        let mut walk = Walk {
            side,
            behind: if crate::deep() { 4 } else { 1 },
            count: 0,
        };
        walk.go(&mut Vec::new(), &[], &Model::default(), 4);
        count += walk.count;
    }
    if crate::deep() {
        let n = ALPHABET.len() as u64;
        assert_eq!(count, 2 * (n + n.pow(2) + n.pow(3) + n.pow(4)));
    }
    assert!(count > 100_000, "{count}");
    crate::report("sequences of up to four frames", count);
}
