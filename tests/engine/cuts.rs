//! However the same bytes are cut, and however slowly the output drains: the same messages, the
//! same output, the same error.

use proptest::prelude::*;
use ws_proto::{Config, FixedBuf, Limited};
use ws_proto_suite::data::{frame_attacks, frame_vectors, reply_vectors};
use ws_proto_suite::*;

/// Bytes for one endpoint, and its limits.
struct Exchange {
    name: String,
    side: Side,
    config: Config,
    bytes: Vec<u8>,
}

impl Exchange {
    fn new(name: &str, side: Side, frames: &[(u8, &[u8])]) -> Self {
        let bytes = frames
            .iter()
            .flat_map(|(first, payload)| frame(side, *first, payload));
        Self {
            name: format!("{name}, {side:?}"),
            side,
            config: Config::new(),
            bytes: bytes.collect(),
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::configured(self.side, self.config)
    }

    fn whole(&self) -> Trace {
        run(&mut self.endpoint(), &self.bytes)
    }

    fn assert_same(&self, chunks: &[Vec<u8>], whole: &Trace) {
        let trace = drive(&mut self.endpoint(), chunks);
        assert!(trace == *whole, "{}: {:?}", self.name, lens(chunks));
    }

    /// Every place to cut it in two; of a long one the ends, the powers of two and every 997th.
    fn cuts(&self) -> Vec<usize> {
        let len = self.bytes.len();
        let sampled = |cut: &usize| {
            len < 2048 || *cut < 32 || len - cut < 32 || cut % 997 == 0 || cut.is_power_of_two()
        };
        (0..=len).filter(sampled).collect()
    }
}

fn lens(chunks: &[Vec<u8>]) -> Vec<usize> {
    chunks.iter().map(Vec::len).collect()
}

fn from_files() -> Vec<Exchange> {
    let vectors = frame_vectors()
        .into_iter()
        .filter(|v| v.pmd.is_none())
        .map(|v| {
            let config = v
                .max
                .map_or(Config::new(), |max| Config::new().max_message(max));
            Exchange {
                name: v.id.clone(),
                side: v.to,
                config,
                bytes: v.bytes(),
            }
        });
    let replies = reply_vectors().into_iter().map(|v| {
        let (side, config) = (Side::Server, Config::new());
        Exchange {
            name: v.id.clone(),
            side,
            config,
            bytes: v.input,
        }
    });
    let attacks = frame_attacks().into_iter().filter(|a| !a.cfg.pmd).map(|a| {
        let config = a
            .cfg
            .max_message
            .map_or(Config::new(), |max| Config::new().max_message(max));
        Exchange {
            name: a.id.clone(),
            side: a.to,
            config,
            bytes: a.bytes,
        }
    });
    vectors.chain(replies).chain(attacks).collect()
}

/// Texts of four-byte characters in fragments cut inside them, control frames between, and a Close.
fn recorded(side: Side) -> Vec<Exchange> {
    let text = "a\u{1f600}\u{e9}\u{20ac}\u{10ffff}z".as_bytes();
    let fragmented = Exchange::new(
        "fragmented text",
        side,
        &[
            (TEXT, &text[..2]),
            (PING, b"between"),
            (CONTINUATION, &text[2..3]),
            (CONTINUATION, b""),
            (PONG, b""),
            (CONTINUATION, &text[3..9]),
            (PING, &[7; 125]),
            (FIN | CONTINUATION, &text[9..]),
            (FIN | BINARY, b"next"),
            (CLOSE, &close_body(3001, "gr\u{fc}\u{df}e".as_bytes())),
            (FIN | TEXT, b"too late"),
        ],
    );
    let lengths = Exchange::new(
        "lengths",
        side,
        &[
            (FIN | TEXT, "\u{1f600}".repeat(31).as_bytes()),
            (FIN | TEXT, "\u{e9}".repeat(63).as_bytes()),
            (FIN | BINARY, &[1; 125]),
            (FIN | BINARY, &[2; 126]),
            (FIN | TEXT, b""),
            (BINARY, b""),
            (FIN | CONTINUATION, b""),
            (CLOSE, b""),
        ],
    );
    let bad_text = Exchange::new(
        "text that fails in the third frame",
        side,
        &[
            (TEXT, b"good \xf0\x9f"),
            (PING, b"1"),
            (CONTINUATION, b"\x98"),
            (CONTINUATION, b"\xc0 never"),
            (PING, b"2"),
        ],
    );
    let bad_reason = Exchange::new(
        "bad reason",
        side,
        &[(PING, b"x"), (CLOSE, &close_body(1000, b"ab\xed\xa0"))],
    );
    let mut limited = Exchange::new(
        "limits",
        side,
        &[(BINARY, &[0; 60]), (CONTINUATION, &[0; 41]), (PING, b"")],
    );
    limited.config = Config::new().max_message(100);
    vec![fragmented, lengths, bad_text, bad_reason, limited]
}

fn long(side: Side) -> Vec<Exchange> {
    let text = "\u{1f600}".repeat(16_384);
    vec![
        Exchange::new(
            "65535",
            side,
            &[(FIN | BINARY, &[3; 65_535]), (PING, b"p"), (CLOSE, b"")],
        ),
        Exchange::new(
            "65536",
            side,
            &[(FIN | TEXT, text.as_bytes()), (FIN | BINARY, b"n")],
        ),
    ]
}

fn all() -> Vec<Exchange> {
    let mut all = from_files();
    for side in Side::BOTH {
        all.extend(recorded(side));
        all.extend(long(side));
    }
    all
}

#[test]
fn cut_in_two_anywhere() {
    for exchange in all() {
        let whole = exchange.whole();
        for cut in exchange.cuts() {
            let (head, tail) = exchange.bytes.split_at(cut);
            exchange.assert_same(&[head.to_vec(), tail.to_vec()], &whole);
        }
    }
}

#[test]
fn cut_into_single_bytes_with_empty_feeds_between() {
    for exchange in all() {
        let whole = exchange.whole();
        // shows: RFC6455-2-01, RFC6455-5.2-22
        exchange.assert_same(&one_byte_at_a_time(&exchange.bytes), &whole);
        if exchange.bytes.len() < 2048 {
            let with_empty: Vec<_> = exchange
                .bytes
                .iter()
                .flat_map(|byte| [vec![], vec![*byte]])
                .collect();
            exchange.assert_same(&with_empty, &whole);
        }
    }
}

#[test]
fn cut_in_three_anywhere() {
    for exchange in from_files()
        .into_iter()
        .filter(|exchange| exchange.bytes.len() < 40)
    {
        let whole = exchange.whole();
        for first in 0..exchange.bytes.len() {
            for second in first..exchange.bytes.len() {
                let (head, tail) = exchange.bytes.split_at(second);
                let (head, middle) = head.split_at(first);
                exchange.assert_same(&[head.to_vec(), middle.to_vec(), tail.to_vec()], &whole);
            }
        }
    }
}

#[test]
fn recordings_are_what_they_are_meant_to_be() {
    for side in Side::BOTH {
        let traces: Vec<_> = recorded(side).iter().map(Exchange::whole).collect();
        let text = Item::Text("a\u{1f600}\u{e9}\u{20ac}\u{10ffff}z".to_owned());
        assert!(traces[0].items.contains(&text));
        assert_eq!(traces[0].close, (Some(3001), "gr\u{fc}\u{df}e".to_owned()));
        assert_eq!(traces[1].items.len(), 7);
        let errors: Vec<_> = traces
            .iter()
            .map(|trace| trace.error.map(|error| error.close_code().as_u16()))
            .collect();
        assert_eq!(errors, [None, None, Some(1007), Some(1007), Some(1009)]);
    }
}

/// Small sinks, drained a byte at a time only when the engine waits.
#[test]
fn drained_a_byte_at_a_time_from_any_sink() {
    for exchange in all() {
        let whole = exchange.whole();
        for chunks in [
            vec![exchange.bytes.clone()],
            one_byte_at_a_time(&exchange.bytes),
        ] {
            let assert_same = |sink: &mut dyn FnMut(&mut Endpoint) -> Trace| {
                let trace = sink(&mut exchange.endpoint());
                assert!(trace == whole, "{}: {} chunks", exchange.name, chunks.len());
            };
            assert_same(&mut |e| drive_with(e, &chunks, &mut FixedBuf::<131>::new(), 1));
            assert_same(&mut |e| drive_with(e, &chunks, &mut FixedBuf::<132>::new(), 1));
            assert_same(&mut |e| drive_with(e, &chunks, &mut FixedBuf::<200>::new(), 1));
            assert_same(&mut |e| drive_with(e, &chunks, &mut FixedBuf::<300>::new(), 7));
            assert_same(&mut |e| drive_with(e, &chunks, &mut Limited::new(131), 1));
            assert_same(&mut |e| drive_with(e, &chunks, &mut Limited::new(190), 3));
            assert_same(&mut |e| drive_with(e, &chunks, &mut Bounded::new(131), 1));
            assert_same(&mut |e| drive_with(e, &chunks, &mut Bounded::new(140), 131));
        }
    }
}

fn random_cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![3 => 0..20_usize, 1 => 0..200_usize], 1..40)
}

/// Cuts with the given lengths, over and over. Zero is an empty feed.
fn chunks_of(bytes: &[u8], lens: &[usize]) -> Vec<Vec<u8>> {
    let mut rest = bytes;
    let mut chunks = Vec::new();
    for len in lens.iter().chain(&[1]).cycle() {
        let (chunk, after) = rest.split_at((*len).min(rest.len()));
        chunks.push(chunk.to_vec());
        rest = after;
        if rest.is_empty() {
            return chunks;
        }
    }
    chunks
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn cut_at_random(lens in random_cuts(), limit in 131_usize..400, step in 1_usize..140) {
        for side in Side::BOTH {
            for exchange in recorded(side) {
                let whole = exchange.whole();
                let chunks = chunks_of(&exchange.bytes, &lens);
                exchange.assert_same(&chunks, &whole);
                let mut sink = Bounded::new(limit);
                let trace = drive_with(&mut exchange.endpoint(), &chunks, &mut sink, step);
                prop_assert_eq!(trace, whole);
            }
        }
    }

    /// Not only valid frames: any bytes, after a valid start.
    #[test]
    fn random_bytes_cut_at_random(
        start in 0..3_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        lens in random_cuts(),
    ) {
        for side in Side::BOTH {
            let starts = [vec![], frame(side, TEXT, b"open \xf0"), frame(side, BINARY, b"")];
            let bytes = [&starts[start][..], &bytes].concat();
            let config = Config::new().max_message(4096);
            let exchange = Exchange { name: "random".to_owned(), side, config, bytes };
            let whole = exchange.whole();
            // shows: RFC6455-10.1-01
            exchange.assert_same(&chunks_of(&exchange.bytes, &lens), &whole);
        }
    }
}
