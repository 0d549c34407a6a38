//! Everything of a kind, not a sample of it, against references that are written from the RFCs and
//! know nothing of the engine: they are slow, plain, and see whole frames and whole strings.
//!
//! `WS_PROTO_DEEP=1` takes the spaces that are too big for every day (all strings of four bytes as
//! UTF-8, longer strings in heads). That is for an optimised build:
//! `WS_PROTO_DEEP=1 cargo test --release --test enumerate`.

mod close_codes;
mod headers;
mod heads;
mod lists;
mod masks;
mod sequences;
mod utf8;

use std::io::Write;

fn deep() -> bool {
    std::env::var_os("WS_PROTO_DEEP").is_some_and(|value| value != "0")
}

/// Prints how much was tried, past the harness, which swallows output.
fn report(what: &str, count: u64) {
    let _ = writeln!(std::io::stdout(), "enumerated: {count:>11} {what}");
}

/// Calls `body` with every string of `len` letters.
fn strings<const N: usize>(alphabet: [u8; N], len: usize, mut body: impl FnMut(&[u8])) {
    let mut indices = vec![0; len];
    let mut string = vec![alphabet[0]; len];
    loop {
        body(&string);
        let Some(at) = indices.iter().rposition(|n| n + 1 < N) else {
            return;
        };
        indices[at] += 1;
        string[at] = alphabet[indices[at]];
        for behind in at + 1..len {
            indices[behind] = 0;
            string[behind] = alphabet[0];
        }
    }
}
