//! What several targets need: cuts, masking keys, sinks, and the replay of seeds.

use std::cell::Cell;
use std::rc::Rc;

use ws_proto::{Kind, MaskSource, Output, PreparedMessage};

/// Cuts `bytes` into pieces of these sizes, which repeat; into one piece if there are none. A size
/// of zero counts as one.
pub fn pieces<'b>(bytes: &'b mut [u8], sizes: &[u8]) -> impl Iterator<Item = &'b mut [u8]> {
    let mut sizes = sizes.iter().copied().cycle();
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = sizes.next().map_or(rest.len(), usize::from).max(1);
        let size = size.min(rest.len());
        let (piece, behind) = std::mem::take(&mut rest).split_at_mut(size);
        rest = behind;
        Some(piece)
    })
}

/// Keys that count: the frames of a client have to use them one after the other.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    drawn: Rc<Cell<u32>>,
    dry: Rc<Cell<bool>>,
}

impl Keys {
    /// How many keys have been drawn.
    pub fn drawn(&self) -> u32 {
        self.drawn.get()
    }

    /// Whether none are available for now.
    pub fn set_dry(&self, dry: bool) {
        self.dry.set(dry);
    }

    /// The key that is drawn after `drawn` others.
    pub fn nth(drawn: u32) -> [u8; 4] {
        (drawn + 1).wrapping_mul(0x9e37_79b1).to_be_bytes()
    }
}

impl MaskSource for Keys {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        if self.dry.get() {
            return None;
        }
        let drawn = self.drawn.get();
        self.drawn.set(drawn + 1);
        Some(Self::nth(drawn))
    }
}

/// An output with a limit, which is strict about the contract of `Output`.
#[derive(Debug)]
pub struct Sink {
    bytes: Vec<u8>,
    pub limit: usize,
}

impl Sink {
    pub const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }

    pub fn pending(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the first `n` bytes out.
    pub fn drain(&mut self, n: usize) -> Vec<u8> {
        self.bytes.drain(..n.min(self.bytes.len())).collect()
    }

    /// The bytes that the caller writes after the header of a frame.
    pub fn write_behind(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
    }
}

impl Output for Sink {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    fn put(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "more than there is room for");
        self.bytes.extend_from_slice(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.bytes.len().checked_sub(n).expect("only what was put");
        &mut self.bytes[from..]
    }
}

/// A prepared message; `data` is text for a text.
pub fn prepared(kind: Kind, data: &[u8]) -> PreparedMessage<Vec<u8>> {
    match kind {
        Kind::Text => PreparedMessage::text(core::str::from_utf8(data).expect("made as text")),
        Kind::Binary => PreparedMessage::binary(data.to_vec()),
    }
}

/// `len` bytes that differ from each other.
pub fn binary(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|at| (at as u8).wrapping_mul(31) ^ seed ^ (at >> 8) as u8)
        .collect()
}

/// About `len` bytes of text, with characters of all four widths.
pub fn text(len: usize, seed: u8) -> String {
    const CHARS: [char; 6] = [
        'a',
        '\u{e9}',
        '\u{20ac}',
        '\u{1f600}',
        '\u{10ffff}',
        '\u{0}',
    ];
    let mut text = String::with_capacity(len + 3);
    let mut next = usize::from(seed);
    while text.len() < len {
        text.push(CHARS[next % CHARS.len()]);
        next = next / 2 + 7 * text.len();
    }
    text
}

/// Runs `check` over the committed seeds of a target, and over prefixes of them.
#[cfg(test)]
pub fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = format!("{}/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut seeds = 0;
    for seed in std::fs::read_dir(&folder).expect("the seeds are there") {
        let bytes = std::fs::read(seed.expect("a seed").path()).expect("a readable seed");
        for end in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
            check(&bytes[..end]);
        }
        check(&bytes);
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds in {folder}");
}

/// What the fuzzer would make of these bytes.
#[cfg(test)]
pub fn read<'a, T: arbitrary::Arbitrary<'a>>(bytes: &'a [u8]) -> T {
    T::arbitrary_take_rest(arbitrary::Unstructured::new(bytes)).expect("any bytes will do")
}
