//! Compressed data that is much longer once it is inflated.

/// The payload of a compressed message of zeros: one, and `repeats` times 258 (RFC 1951 3.2.6, RFC 7692 7.2.1).
pub(super) fn zeros(repeats: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push("010"); // a block with fixed codes, not the last one
    bits.push("00110000"); // the literal 0
    for _ in 0..repeats {
        bits.push("11000101"); // 258 bytes
        bits.push("00000"); // of what is one byte back
    }
    bits.push("0000000"); // the end of the block
    bits.push("000"); // an empty stored block, of which the rest is left out
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn push(&mut self, bits: &str) {
        for bit in bits.bytes() {
            if self.used % 8 == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= (bit - b'0') << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inflate::Inflater;

    #[test]
    fn zeros_are_inflated() {
        let message = Inflater::new(15).message(&zeros(1000)).unwrap();
        assert_eq!(message, vec![0; 258_001]);
    }
}
