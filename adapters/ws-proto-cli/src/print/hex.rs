//! Hex dumps of bytes that come piece by piece.

use std::io::{self, Write};

const WIDTH: usize = 16;

/// How many columns a line takes, with the text.
const COLUMNS: usize = 78;

/// Writes lines of 16 bytes, numbered from the start of the message.
#[derive(Debug)]
pub(crate) struct HexDump {
    line: Vec<u8>,
    offset: u64,
    /// The bytes as text too, which must not begin a line of the terminal.
    with_text: bool,
}

impl HexDump {
    /// For a terminal with so many columns, if that is known.
    pub(crate) fn new(columns: Option<usize>) -> Self {
        Self {
            line: Vec::new(),
            offset: 0,
            with_text: columns.is_none_or(|columns| columns >= COLUMNS),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        for byte in bytes {
            self.line.push(*byte);
            if self.line.len() == WIDTH {
                self.write_line(out)?;
            }
        }
        Ok(())
    }

    /// Writes the rest, and gives the number of bytes.
    pub(crate) fn finish(&mut self, out: &mut impl Write) -> io::Result<u64> {
        if !self.line.is_empty() {
            self.write_line(out)?;
        }
        Ok(std::mem::take(&mut self.offset))
    }

    fn write_line(&mut self, out: &mut impl Write) -> io::Result<()> {
        let hex: Vec<String> = self.line.iter().map(|byte| format!("{byte:02x}")).collect();
        let (left, right) = hex.split_at(hex.len().min(WIDTH / 2));
        let text: String = self.line.iter().map(|byte| shown(*byte)).collect();
        let (left, right) = (left.join(" "), right.join(" "));
        write!(out, "{:08x}  {left:<23}  {right:<23}", self.offset)?;
        if self.with_text {
            write!(out, "  |{text}|")?;
        }
        writeln!(out)?;
        self.offset += self.line.len() as u64;
        self.line.clear();
        Ok(())
    }
}

fn shown(byte: u8) -> char {
    match byte {
        b' '..=b'~' => byte.into(),
        _ => '.',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_the_same_however_it_is_cut() {
        let bytes: Vec<u8> = (0x30..0x50).chain([0xff]).collect();
        let expected = "\
00000000  30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e 3f  |0123456789:;<=>?|
00000010  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  |@ABCDEFGHIJKLMNO|
00000020  ff                                                |.|
";
        for cut in 0..=bytes.len() {
            let (mut dump, mut out) = (HexDump::new(None), Vec::new());
            let (one, two) = bytes.split_at(cut);
            dump.push(one, &mut out).unwrap();
            dump.push(two, &mut out).unwrap();
            assert_eq!(dump.finish(&mut out).unwrap(), bytes.len() as u64);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
