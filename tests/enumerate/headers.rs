//! Frame headers: all first two bytes, with every length that is at an edge, for both roles, in
//! and outside of messages, with and without an extension.

use ws_proto::frame::Rsv;
use ws_proto::{Config, FixedBuf, Input, Negotiated};

use ws_proto_suite::{Endpoint, Side, frame};

const LIMIT: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    Nothing,
    Text,
    Binary,
    Encoded,
}

/// What a header leads to, and with which of its bytes.
#[derive(Debug, PartialEq)]
enum Verdict {
    Fine,
    Fails(usize, u16),
}

/// RFC 6455 5.2, 5.4, 5.5, and the limits, on a whole header.
fn reference(header: &[u8], to: Side, open: Open, rsv1: bool) -> Verdict {
    let fin = header[0] >= 128;
    let bits = (header[0] / 16) % 8;
    let opcode = header[0] % 16;
    let masked = header[1] >= 128;
    let short = header[1] % 128;
    let is_control = opcode >= 8;
    // The first byte.
    if ![0, 1, 2, 8, 9, 10].contains(&opcode) {
        return Verdict::Fails(0, 1002);
    }
    let may_be_encoded = rsv1 && (opcode == 1 || opcode == 2);
    if bits != 0 && !(bits == 4 && may_be_encoded) {
        return Verdict::Fails(0, 1002);
    }
    if is_control && !fin {
        return Verdict::Fails(0, 1002);
    }
    if !is_control && (opcode == 0) != (open != Open::Nothing) {
        return Verdict::Fails(0, 1002);
    }
    // The second byte.
    if masked != (to == Side::Server) || is_control && short > 125 || opcode == 8 && short == 1 {
        return Verdict::Fails(1, 1002);
    }
    // The length.
    let (mut len, mut last) = (u128::from(short), 1);
    if short >= 126 {
        last = if short == 126 { 3 } else { 9 };
        len = 0;
        for byte in &header[2..=last] {
            len = len * 256 + u128::from(*byte);
        }
        let least = if short == 126 { 126 } else { 65_536 };
        if len < least || len >= 1 << 63 {
            return Verdict::Fails(last, 1002);
        }
    }
    let before = if opcode == 0 { 1 } else { 0 };
    let encoded = bits != 0 || opcode == 0 && open == Open::Encoded;
    let sum = if encoded { len } else { before + len };
    if !is_control && sum > u128::from(LIMIT) {
        return Verdict::Fails(last, 1009);
    }
    Verdict::Fine
}

fn endpoint(side: Side, open: Open, rsv1: bool) -> Endpoint {
    let rsv = if rsv1 { Rsv::RSV1 } else { Rsv::NONE };
    let config = Config::new().max_message(LIMIT).max_frame(LIMIT);
    let mut endpoint = Endpoint::with(side, Negotiated::new().with_rsv(rsv), config);
    let first = match open {
        Open::Nothing => return endpoint,
        Open::Text => 0x01,
        Open::Binary => 0x02,
        Open::Encoded => 0x41,
    };
    assert!(feed(&mut endpoint, &mut frame(side, first, b"a")).is_none());
    endpoint
}

/// The code that these bytes fail the connection with.
fn feed(endpoint: &mut Endpoint, bytes: &mut [u8]) -> Option<u16> {
    let mut out = FixedBuf::<256>::new();
    let mut input = Input::new(bytes);
    loop {
        match endpoint.receive(&mut input, &mut out) {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => {
                let code = error.close_code().expect("room for a Close").as_u16();
                let close = &out.pending()[..2];
                assert!(
                    close[0] == 0x88 && close[1] & 0x7f == 2,
                    "one Close is written"
                );
                return Some(code);
            }
        }
    }
}

fn lengths(short: u8) -> Vec<u64> {
    match short {
        126 => vec![
            0, 1, 124, 125, 126, 127, 128, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff,
        ],
        127 => {
            let mut lengths = vec![0, 1, 125, 126, 255, LIMIT - 1, LIMIT, LIMIT + 1, u64::MAX];
            for edge in [16, 20, 31, 32, 33, 40, 48, 56, 62, 63] {
                lengths.extend([(1 << edge) - 1, 1 << edge, (1 << edge) + 1]);
            }
            lengths
        }
        _ => vec![0],
    }
}

#[test]
fn all_headers_are_judged_as_the_rfc_says_on_the_byte_that_proves_it() {
    let every_prefix = crate::deep();
    let (mut count, mut fine) = (0, 0);
    let states = [Open::Nothing, Open::Text, Open::Binary, Open::Encoded];
    for first in 0..=255 {
        for second in 0..=255_u8 {
            let wide = match second % 128 {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            for len in lengths(second % 128) {
                let mut header = vec![first, second];
                header.extend(&len.to_be_bytes()[8 - wide..]);
                if second >= 128 {
                    header.extend([0; 4]);
                }
                for (side, open, rsv1) in Side::BOTH
                    .into_iter()
                    .flat_map(|side| states.map(|open| (side, open)))
                    .flat_map(|(side, open)| [false, true].map(|rsv1| (side, open, rsv1)))
                    .filter(|(_, open, rsv1)| *rsv1 || *open != Open::Encoded)
                {
                    let expected = reference(&header, side, open, rsv1);
                    let at_once = feed(&mut endpoint(side, open, rsv1), &mut header.clone());
                    let single = by_byte(&header, endpoint(side, open, rsv1));
                    assert_eq!(single, expected, "{header:x?} {side:?} {open:?} {rsv1}");
                    let code = match expected {
                        Verdict::Fine => None,
                        Verdict::Fails(_, code) => Some(code),
                    };
                    assert_eq!(at_once, code, "{header:x?} {side:?} {open:?} {rsv1}");
                    if every_prefix {
                        for n in 0..header.len() {
                            let prefix = &mut header.clone()[..n];
                            let there = matches!(expected, Verdict::Fails(at, _) if at < n);
                            let failed = feed(&mut endpoint(side, open, rsv1), prefix);
                            assert_eq!(failed.is_some(), there, "{header:x?}, {n} bytes");
                        }
                    }
                    count += 1;
                    fine += u64::from(code.is_none());
                }
            }
        }
    }
    assert!(
        count > 1_000_000 && fine > 1000,
        "{count}, of which {fine} fine"
    );
    crate::report("frame headers in all states", count);
}

fn by_byte(header: &[u8], mut endpoint: Endpoint) -> Verdict {
    for (at, byte) in header.iter().enumerate() {
        if let Some(code) = feed(&mut endpoint, &mut [*byte]) {
            return Verdict::Fails(at, code);
        }
    }
    Verdict::Fine
}
