//! Random streams of frames: valid ones, ones with a fault on purpose, and mutated ones.

use crate::naive::{self, Length};
use ws_proto_test::random::Random;

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A stream as a server receives it (`masked`) or as a client does.
pub(crate) fn stream(rng: &mut Random, masked: bool, limit: usize) -> Vec<u8> {
    let mut maker = Maker {
        masked,
        limit,
        // Most streams are right until they are mutated.
        fault_percent: rng.pick(&[0, 0, 0, 3, 10]),
        out: Vec::new(),
        ends: Vec::new(),
    };
    for _ in 0..rng.between(1, 6) {
        maker.message(rng);
    }
    if rng.percent(50) {
        maker.close(rng);
        if rng.percent(20) {
            maker.message(rng);
        }
    }
    let (mut stream, ends) = (maker.out, maker.ends);
    if rng.percent(45) {
        mutate(rng, &mut stream, &ends);
    }
    stream
}

struct Maker {
    masked: bool,
    limit: usize,
    fault_percent: usize,
    out: Vec<u8>,
    /// Where each frame starts.
    ends: Vec<usize>,
}

impl Maker {
    fn message(&mut self, rng: &mut Random) {
        if rng.percent(25) {
            return self.control(rng);
        }
        let opcode = rng.pick(&[TEXT, TEXT, BINARY]);
        let payload = if opcode == TEXT {
            self.text(rng)
        } else {
            let n = size(rng, self.limit);
            rng.bytes(n)
        };
        let parts = rng.pick(&[1, 1, 1, 2, 3, 6]);
        let mut cuts: Vec<usize> = (1..parts).map(|_| rng.between(0, payload.len())).collect();
        cuts.extend([0, payload.len()]);
        cuts.sort_unstable();
        for (index, cut) in cuts.windows(2).enumerate() {
            let fin = if index + 2 == cuts.len() { FIN } else { 0 };
            let opcode = if index == 0 { opcode } else { 0 };
            self.frame(rng, fin | opcode, &payload[cut[0]..cut[1]]);
            if fin == 0 && rng.percent(20) {
                self.control(rng);
            }
        }
    }

    fn text(&self, rng: &mut Random) -> Vec<u8> {
        let mut text = text(rng, self.limit).into_bytes();
        if rng.percent(self.fault_percent) {
            let at = rng.between(0, text.len());
            let bad: &[u8] = rng.pick(&[
                &b"\xff"[..],
                b"\x80",
                b"\xc0\xaf",
                b"\xe0\x80\x80",
                b"\xed\xa0\x80",
                b"\xf4\x90\x80\x80",
                b"\xe2\x82",
                b"\xf0\x9f\x98",
            ]);
            text.splice(at..at, bad.iter().copied());
        }
        text
    }

    fn control(&mut self, rng: &mut Random) {
        let opcode = rng.pick(&[PING, PONG]);
        let longest = if rng.percent(self.fault_percent) {
            300
        } else {
            125
        };
        let n = rng.pick(&[0, 1, 4, 124, 125, longest]);
        let payload = rng.bytes(n);
        self.frame(rng, FIN | opcode, &payload);
    }

    fn close(&mut self, rng: &mut Random) {
        let mut body = Vec::new();
        match rng.below(12) {
            0..=1 => {}
            2 => body.push(rng.byte()),
            _ => {
                let code = rng.pick(&[
                    1000, 1001, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4000, 4999, 0, 999, 1004,
                    1005, 1006, 1015, 1016, 2999, 5000, 65535,
                ]);
                body.extend(u16::to_be_bytes(code));
                let mut reason = text(rng, 40).into_bytes();
                if rng.percent(10) {
                    reason.push(0xe2);
                }
                body.extend(reason.into_iter().take(123));
            }
        }
        self.frame(rng, FIN | CLOSE, &body);
    }

    /// A frame, perhaps with something wrong in its header.
    fn frame(&mut self, rng: &mut Random, mut first: u8, payload: &[u8]) {
        let mut masked = self.masked;
        let mut length = Length::Shortest;
        if rng.percent(self.fault_percent) {
            match rng.below(7) {
                0 => first |= rng.pick(&[0x40, 0x20, 0x10]),
                1 => first = (first & 0xf0) | rng.pick(&[0, 1, 2, 3, 7, 11, 15]),
                2 => first ^= FIN,
                3 => masked = !masked,
                4 => length = Length::Bits16,
                5 => length = Length::Bits64,
                _ => {
                    let claims = [self.limit as u64 + 1, 1 << 40, 1 << 63, u64::MAX];
                    length = Length::Claim(rng.pick(&claims));
                }
            }
        }
        self.ends.push(self.out.len());
        let key = masked.then(|| rng.key());
        naive::write(&mut self.out, first, key, length, payload);
    }
}

fn size(rng: &mut Random, limit: usize) -> usize {
    let n = match rng.below(100) {
        0..=69 => rng.between(0, 30),
        70..=96 => rng.pick(&[0, 1, 124, 125, 126, 127, 128, 199, 200, 201]),
        97..=98 => rng.pick(&[limit - 1, limit, limit + 1]),
        _ => rng.pick(&[999, 1000, 65_535, 65_536]),
    };
    // The big ones stay rare: they take long.
    if n > 2000 && rng.percent(80) {
        n % 200
    } else {
        n
    }
}

/// Text of characters of 1 to 4 bytes.
fn text(rng: &mut Random, limit: usize) -> String {
    const CHARS: [char; 12] = [
        'a',
        'z',
        ' ',
        '\0',
        '\u{7f}',
        '\u{80}',
        '\u{7ff}',
        '\u{800}',
        '\u{20ac}',
        '\u{ffff}',
        '\u{1f600}',
        '\u{10ffff}',
    ];
    let n = size(rng, limit);
    let mut text = String::new();
    while text.len() < n {
        text.push(if n > 300 { 'x' } else { rng.pick(&CHARS) });
    }
    text
}

/// Changes one to three places.
fn mutate(rng: &mut Random, stream: &mut Vec<u8>, ends: &[usize]) {
    for _ in 0..rng.pick(&[1, 1, 1, 2, 3]) {
        if stream.is_empty() {
            return;
        }
        // Headers are where most of the rules are.
        let at = match rng.below(2) {
            0 => (rng.pick(ends) + rng.below(4)).min(stream.len() - 1),
            _ => rng.below(stream.len()),
        };
        match rng.below(6) {
            0 => stream[at] ^= 1 << rng.below(8),
            1 => stream.insert(at, rng.byte()),
            2 => drop(stream.remove(at)),
            3 => stream[at] = rng.pick(&[0, 1, 0x7e, 0x7f, 0x80, 0x81, 0x88, 0xfe, 0xff]),
            4 => stream.truncate(at),
            _ => {
                let end = rng.between(at, stream.len()).min(at + 64);
                let piece = stream[at..end].to_vec();
                stream.splice(at..at, piece);
            }
        }
    }
}
