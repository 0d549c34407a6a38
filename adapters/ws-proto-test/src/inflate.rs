//! A slow, strict inflater that knows nothing of the engine.

use std::fmt;

/// Inflates message after message as RFC 1951 and RFC 7692 say, with a window of exactly that size.
///
/// ```
/// use ws_proto_test::inflate::Inflater;
///
/// let mut inflater = Inflater::new(15);
/// assert_eq!(inflater.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00").unwrap(), b"Hello"); // RFC 7692 7.2.3.1
/// assert_eq!(inflater.message(b"\xf2\x00\x11\x00\x00").unwrap(), b"Hello");
/// ```
#[derive(Debug)]
pub struct Inflater {
    window: usize,
    limit: usize,
    history: Vec<u8>,
    longest: usize,
}

/// Compressed data is wrong, or longer than the limit. `Display` has the fault.
///
/// ```
/// use ws_proto_test::inflate::Inflater;
///
/// let corrupt = Inflater::new(15).message(b"\xff").unwrap_err();
/// assert_eq!(corrupt.to_string(), "corrupt: block type");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Corrupt(&'static str);

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corrupt: {}", self.0)
    }
}

impl std::error::Error for Corrupt {}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Result<usize, Corrupt> {
        let byte = self.bytes.get(self.at / 8).ok_or(Corrupt("end of data"))?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Ok(bit.into())
    }

    fn bits(&mut self, n: usize) -> Result<usize, Corrupt> {
        (0..n).try_fold(0, |value, i| Ok(value | self.bit()? << i))
    }

    fn is_empty(&self) -> bool {
        self.at == self.bytes.len() * 8
    }
}

/// A canonical Huffman code, by lengths.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        for &length in lengths {
            counts[length] += 1;
        }
        counts[0] = 0;
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&s| lengths[s] != 0).collect();
        symbols.sort_by_key(|&s| (lengths[s], s));
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Result<usize, Corrupt> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for length in 1..16 {
            code |= bits.bit()?;
            let count = self.counts[length];
            if (first..first + count).contains(&code) {
                return Ok(self.symbols[index + code - first]);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Corrupt("no such code"))
    }
}

impl Inflater {
    /// An inflater with a window of this many bits: 8 to 15.
    #[must_use]
    pub const fn new(window_bits: u8) -> Self {
        Self {
            window: 1 << window_bits,
            limit: usize::MAX,
            history: Vec::new(),
            longest: 0,
        }
    }

    /// Sets a limit: a message of more bytes is an error.
    ///
    /// ```
    /// use ws_proto_test::inflate::Inflater;
    ///
    /// let mut inflater = Inflater::new(15).limit(4);
    /// assert!(inflater.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00").is_err()); // "Hello"
    /// ```
    #[must_use]
    pub const fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The longest distance of a copy that was seen, in bytes.
    ///
    /// ```
    /// use ws_proto_test::inflate::Inflater;
    ///
    /// let mut inflater = Inflater::new(15);
    /// inflater.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00").unwrap();
    /// inflater.message(b"\xf2\x00\x11\x00\x00").unwrap(); // copies "Hello"
    /// assert_eq!(inflater.longest(), 5);
    /// ```
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// Forgets the history, as between messages without context takeover.
    ///
    /// ```
    /// use ws_proto_test::inflate::Inflater;
    ///
    /// let mut inflater = Inflater::new(15);
    /// inflater.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00").unwrap(); // "Hello"
    /// inflater.reset();
    /// assert!(inflater.message(b"\xf2\x00\x11\x00\x00").is_err()); // copies from the message before
    /// ```
    pub fn reset(&mut self) {
        self.history.clear();
    }

    /// Inflates a payload, all fragments of it joined, into the message.
    ///
    /// # Errors
    ///
    /// [`Corrupt`]. Nothing of that message is kept.
    pub fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, Corrupt> {
        let from = self.history.len();
        if let Err(corrupt) = self.inflate(payload, from) {
            self.history.truncate(from);
            return Err(corrupt);
        }
        let message = self.history[from..].to_vec();
        let keep = self.history.len().saturating_sub(self.window);
        self.history.drain(..keep);
        Ok(message)
    }

    fn inflate(&mut self, payload: &[u8], from: usize) -> Result<(), Corrupt> {
        let bytes = [payload, &[0, 0, 0xff, 0xff]].concat();
        let mut bits = Bits {
            bytes: &bytes,
            at: 0,
        };
        while !bits.is_empty() {
            let last = bits.bit()? == 1;
            match bits.bits(2)? {
                0 => self.stored(&mut bits)?,
                1 => {
                    let lengths: Vec<usize> = (0..288)
                        .map(|s| match s {
                            0..=143 | 280..=287 => 8,
                            144..=255 => 9,
                            _ => 7,
                        })
                        .collect();
                    let lengths = lengths
                        .iter()
                        .enumerate()
                        .map(|(s, &l)| if s >= 280 { 8 } else { l })
                        .collect::<Vec<_>>();
                    self.codes(&mut bits, from, &Code::new(&lengths), &Code::new(&[5; 30]))?;
                }
                2 => self.dynamic(&mut bits, from)?,
                _ => return Err(Corrupt("block type")),
            }
            if self.history.len() - from > self.limit {
                return Err(Corrupt("too long"));
            }
            if last {
                bits.at = bits.at.next_multiple_of(8);
            }
        }
        Ok(())
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Result<(), Corrupt> {
        bits.at = bits.at.next_multiple_of(8);
        let length = bits.bits(16)?;
        if bits.bits(16)? != length ^ 0xffff {
            return Err(Corrupt("stored length"));
        }
        for _ in 0..length {
            let byte = bits.bits(8)?;
            self.history.push(byte as u8);
        }
        Ok(())
    }

    fn dynamic(&mut self, bits: &mut Bits<'_>, from: usize) -> Result<(), Corrupt> {
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        let literals = bits.bits(5)? + 257;
        let distances = bits.bits(5)? + 1;
        let codes = bits.bits(4)? + 4;
        let mut lengths = [0; 19];
        for &at in &ORDER[..codes] {
            lengths[at] = bits.bits(3)?;
        }
        let code = Code::new(&lengths);
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match code.read(bits)? {
                16 => (
                    *lengths.last().ok_or(Corrupt("nothing to repeat"))?,
                    3 + bits.bits(2)?,
                ),
                17 => (0, 3 + bits.bits(3)?),
                18 => (0, 11 + bits.bits(7)?),
                length => (length, 1),
            };
            lengths.extend(core::iter::repeat_n(length, times));
        }
        if lengths.len() > literals + distances {
            return Err(Corrupt("too many lengths"));
        }
        let (literal, distance) = lengths.split_at(literals);
        self.codes(bits, from, &Code::new(literal), &Code::new(distance))
    }

    fn codes(
        &mut self,
        bits: &mut Bits<'_>,
        from: usize,
        lit: &Code,
        dist: &Code,
    ) -> Result<(), Corrupt> {
        const LENGTHS: [usize; 29] = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
            115, 131, 163, 195, 227, 258,
        ];
        loop {
            if self.history.len() - from > self.limit {
                return Err(Corrupt("too long"));
            }
            let symbol = match lit.read(bits)? {
                literal @ 0..=255 => {
                    self.history.push(literal as u8);
                    continue;
                }
                256 => return Ok(()),
                symbol => symbol - 257,
            };
            let base = *LENGTHS.get(symbol).ok_or(Corrupt("length symbol"))?;
            let extra = match symbol {
                0..=7 | 28 => 0,
                _ => symbol / 4 - 1,
            };
            let length = base + bits.bits(extra)?;
            let symbol = dist.read(bits)?;
            let distance = match symbol {
                0..=3 => symbol + 1,
                4..=29 => {
                    let extra = symbol / 2 - 1;
                    ((2 + symbol % 2) << extra) + 1 + bits.bits(extra)?
                }
                _ => return Err(Corrupt("distance symbol")),
            };
            if distance > self.window || distance > self.history.len() {
                return Err(Corrupt("distance"));
            }
            self.longest = self.longest.max(distance);
            for _ in 0..length {
                self.history
                    .push(self.history[self.history.len() - distance]);
            }
        }
    }
}
