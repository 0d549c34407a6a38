//! A stream that prints the handshake and the frames that pass through it.

use std::io::{Read, Result, Write};

use ws_proto::frame::{Header, MAX_HEADER, Mask, Opcode, Rsv};

/// A stream whose traffic is printed.
pub(crate) struct Traced<S> {
    inner: S,
    received: Trace,
    sent: Trace,
}

impl<S> Traced<S> {
    pub(crate) fn new(inner: S, name: &'static str, quiet: bool) -> Self {
        Self {
            inner,
            received: Trace::new(name, "<-", quiet),
            sent: Trace::new(name, "->", quiet),
        }
    }

    pub(crate) fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: Read> Read for Traced<S> {
    fn read(&mut self, space: &mut [u8]) -> Result<usize> {
        let n = self.inner.read(space)?;
        self.received.pass(&space[..n]);
        Ok(n)
    }
}

impl<S: Write> Write for Traced<S> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let n = self.inner.write(bytes)?;
        self.sent.pass(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> Result<()> {
        self.inner.flush()
    }
}

/// One direction of the traffic.
struct Trace {
    label: String,
    quiet: bool,
    in_head: bool,
    /// The line or the header, and the beginning of the payload, that are coming in.
    kept: Vec<u8>,
    /// The bytes of the current frame that are not kept.
    skip: u64,
}

/// How much of a payload is printed.
const SHOWN: usize = 48;

impl Trace {
    fn new(name: &str, direction: &str, quiet: bool) -> Self {
        let label = format!("{name} {direction}");
        Self {
            label,
            quiet,
            in_head: true,
            kept: Vec::new(),
            skip: 0,
        }
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        if self.quiet {
            return;
        }
        while let [byte, rest @ ..] = bytes {
            if self.skip > 0 {
                let n = self.skip.min(bytes.len() as u64);
                self.skip -= n;
                bytes = &bytes[n as usize..];
                continue;
            }
            self.kept.push(*byte);
            bytes = rest;
            if self.in_head {
                self.pass_head();
            } else {
                self.pass_frame();
            }
        }
    }

    fn pass_head(&mut self) {
        let Some(line) = self.kept.strip_suffix(b"\r\n") else {
            return;
        };
        println!("{} {}", self.label, String::from_utf8_lossy(line));
        self.in_head = !line.is_empty();
        self.kept.clear();
    }

    fn pass_frame(&mut self) {
        let Ok(Some((header, at))) = Header::parse(&self.kept[..self.kept.len().min(MAX_HEADER)])
        else {
            return;
        };
        let shown = header.len.min(SHOWN as u64) as usize;
        if self.kept.len() < at + shown {
            return;
        }
        let mut payload = self.kept.split_off(at);
        if let Some(key) = header.mask {
            Mask::new(key).apply(&mut payload);
        }
        self.print_frame(&header, &payload);
        self.skip = header.len - shown as u64;
        self.kept.clear();
    }

    fn print_frame(&self, header: &Header, payload: &[u8]) {
        let fin = if header.fin { "FIN" } else { "   " };
        // Of a compressed message only the first frame has it.
        let rsv1 = if header.rsv.contains(Rsv::RSV1) {
            "RSV1"
        } else {
            "    "
        };
        let mask = if header.mask.is_some() {
            "masked"
        } else {
            "      "
        };
        let more = if header.len > payload.len() as u64 {
            "..."
        } else {
            ""
        };
        let what = match header.opcode {
            Opcode::Close if payload.len() >= 2 => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                format!("{code} \"{}\"", payload[2..].escape_ascii())
            }
            _ => format!("\"{}\"{more}", payload.escape_ascii()),
        };
        let opcode = format!("{:?}", header.opcode);
        println!(
            "{} {fin} {rsv1} {opcode:<12} {mask} {:>7} bytes {what}",
            self.label, header.len
        );
    }
}
