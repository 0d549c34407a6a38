//! Recordings for people.

use std::fmt::{self, Write};

use super::format::{Event, Recording, Subject, printable};
use crate::Side;
use crate::inflate::Inflater;
use crate::peer::Head;
use crate::wire::{self, CONTINUATION, FIN, Frame, TEXT};

/// How many bytes of a payload are shown.
const SHOWN: usize = 64;

/// How many bytes of a message are inflated to be shown.
const INFLATED: usize = 16 << 20;

/// Prints a recording: heads line by line, frames one a line, with mask, opcode, close code, and the text of compressed
/// messages. Nothing in it steers a terminal, even if a stranger has made the recording: characters that are not printable are
/// escaped, and each event is one line.
///
/// ```
/// use ws_proto_test::record::{Recording, show};
///
/// let recording = Recording::read(&br#"{"format":"ws-proto-recording","version":1,"of":"websocket","side":"server"}
/// {"at":1500,"event":"received","bytes":"gYU3+iE9f59NUVg="}
/// {"at":2000,"event":"sent","bytes":"gQVIZWxsbw=="}
/// "#[..])?;
/// let mut text = String::new();
/// show(&recording, &mut text)?;
/// assert_eq!(text, "\
/// websocket of a server
///     0.001500 < text, masked 37fa213d, 5 bytes: \"Hello\"
///     0.002000 > text, 5 bytes: \"Hello\"
/// ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of the writer.
pub fn show(recording: &Recording, mut out: impl Write) -> fmt::Result {
    let out = &mut out;
    let header = &recording.header;
    let of = match header.of {
        Subject::Stream => "stream",
        Subject::WebSocket => "websocket",
    };
    let side = match header.side {
        Side::Server => "server",
        Side::Client => "client",
    };
    write!(out, "{of} of a {side}")?;
    if header.program.is_empty() {
        writeln!(out)?;
    } else {
        writeln!(out, ": {}", header.program.escape_debug())?;
    }
    let has_heads = header.of == Subject::Stream;
    let (mut inward, mut outward) = (Lane::new('<', has_heads), Lane::new('>', has_heads));
    for line in &recording.lines {
        if let Some(agreed) = inward.agreed.take().or_else(|| outward.agreed.take()) {
            let is_server = header.side == Side::Server;
            for (lane, by_server) in [(&mut inward, !is_server), (&mut outward, is_server)] {
                let name = if by_server { "server" } else { "client" };
                lane.takes_over = !agreed.contains(&format!("{name}_no_context_takeover"));
            }
        }
        let at = format!("{:12.6}", line.micros as f64 / 1e6);
        match &line.event {
            Event::Received { bytes } => inward.take(&at, &bytes.0, out)?,
            Event::Sent { bytes } => outward.take(&at, &bytes.0, out)?,
            Event::ReceivedEnd => writeln!(out, "{at} < the end")?,
            Event::SentEnd => writeln!(out, "{at} > the end")?,
            Event::ReceiveFailed { error } => {
                writeln!(out, "{at} < reading failed {}", printable(error))?;
            }
            Event::SendFailed { error } => {
                writeln!(out, "{at} > writing failed {}", printable(error))?;
            }
            Event::Opened { .. } | Event::Key { .. } | Event::Unknown => {}
            Event::Tick { now, result } => {
                writeln!(out, "{at} | tick({now}): {}", printable(result))?;
            }
            Event::Next { want, result, .. } => {
                writeln!(out, "{at} | next({want:?}): {}", printable(result))?;
            }
            Event::Send { result, .. } if result == "()" => {}
            Event::Send { result, .. } => writeln!(out, "{at} | send: {}", printable(result))?,
        }
    }
    for lane in [inward, outward] {
        lane.finish(out)?;
    }
    if recording.is_cut {
        writeln!(out, "the last line is cut off")?;
    }
    Ok(())
}

/// One direction.
struct Lane {
    arrow: char,
    bytes: Vec<u8>,
    expects_head: bool,
    /// Something is in place of frames: the body of a refusal, bytes after a fault.
    is_lost: bool,
    inflater: Inflater,
    /// The message that is open: whether it is text, and what there is of it if it is compressed.
    message: Option<(bool, Option<Vec<u8>>)>,
    takes_over: bool,
    /// The extensions of a response that has just come.
    agreed: Option<String>,
}

impl Lane {
    fn new(arrow: char, expects_head: bool) -> Self {
        Self {
            arrow,
            bytes: Vec::new(),
            expects_head,
            is_lost: false,
            inflater: Inflater::new(15).limit(INFLATED),
            message: None,
            takes_over: true,
            agreed: None,
        }
    }

    fn take(&mut self, at: &str, bytes: &[u8], out: &mut impl Write) -> fmt::Result {
        self.bytes.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = &bytes[..];
        while let Some(len) = self.take_one(at, rest, out)? {
            rest = rest.get(len..).unwrap_or_default();
        }
        // Once, not for each frame of many.
        let taken = bytes.len() - rest.len();
        self.bytes = bytes;
        self.bytes.drain(..taken);
        Ok(())
    }

    /// Prints the item at the front. Returns its length, or `None` if it is not whole.
    fn take_one(
        &mut self,
        at: &str,
        bytes: &[u8],
        out: &mut impl Write,
    ) -> Result<Option<usize>, fmt::Error> {
        let arrow = self.arrow;
        if self.is_lost {
            if bytes.is_empty() {
                return Ok(None);
            }
            writeln!(out, "{at} {arrow} {}", shown(bytes))?;
            return Ok(Some(bytes.len()));
        }
        if !self.expects_head {
            let Some((frame, len)) = wire::decode(bytes) else {
                return Ok(None);
            };
            writeln!(out, "{at} {arrow} {}", self.describe(&frame))?;
            return Ok(Some(len));
        }
        let Some((head, len)) = Head::parse(bytes) else {
            return Ok(None);
        };
        writeln!(out, "{at} {arrow} {}", head.line.escape_debug())?;
        for (name, value) in &head.fields {
            writeln!(
                out,
                "{:12} |  {}: {}",
                "",
                name.escape_debug(),
                value.escape_debug()
            )?;
        }
        let status = head.status();
        self.expects_head = matches!(status, Some(100 | 102..=199));
        self.is_lost = matches!(status, Some(200..));
        if status == Some(101) {
            self.agreed = head.field("Sec-WebSocket-Extensions").map(str::to_owned);
        }
        Ok(Some(len))
    }

    fn describe(&mut self, frame: &Frame) -> String {
        let payload = &frame.payload;
        let name = match frame.opcode() {
            CONTINUATION => "continuation",
            TEXT => "text",
            0x2 => "binary",
            0x8 => "Close",
            0x9 => "Ping",
            0xa => "Pong",
            _ => "reserved opcode",
        };
        let mut words = name.to_owned();
        let mut add = |text: String| {
            words.push_str(", ");
            words.push_str(&text);
        };
        if matches!(frame.opcode(), 0x3..=0x7 | 0xb..=0xf) {
            add(format!("{:x}", frame.opcode()));
        }
        if frame.first & FIN == 0 {
            add("more follows".to_owned());
        }
        let reserved = frame.first & 0x30;
        if reserved != 0 {
            add(format!("reserved bits {:03b}", (frame.first >> 4) & 0x7));
        }
        if let Some(key) = frame.key {
            add(format!(
                "masked {}",
                key.map(|byte| format!("{byte:02x}")).concat()
            ));
        }
        let is_compressed = frame.first & 0x40 != 0 && frame.is_data();
        if is_compressed {
            add("compressed".to_owned());
        }
        add(format!("{} bytes", payload.len()));
        if frame.is_close() {
            let reason = payload.get(2..).unwrap_or_default();
            return match frame.close_code() {
                Some(code) => format!("{words}: {code} {}", shown_text(reason)),
                None => words,
            };
        }
        if !frame.is_data() {
            return format!("{words}: {}", shown(payload));
        }
        if frame.opcode() != CONTINUATION {
            self.message = Some((frame.opcode() == TEXT, is_compressed.then(Vec::new)));
        }
        let Some((is_text, compressed)) = &mut self.message else {
            return format!("{words}: {}", shown(payload));
        };
        let is_text = *is_text;
        let Some(joined) = compressed else {
            let payload = if is_text {
                shown_text(payload)
            } else {
                shown(payload)
            };
            return format!("{words}: {payload}");
        };
        joined.extend_from_slice(payload);
        if frame.first & FIN == 0 {
            return words;
        }
        let inflated = self.inflater.message(joined);
        if !self.takes_over {
            self.inflater.reset();
        }
        self.message = None;
        match inflated {
            Ok(bytes) => {
                let text = if is_text {
                    shown_text(&bytes)
                } else {
                    shown(&bytes)
                };
                format!("{words}, inflated to {}: {text}", bytes.len())
            }
            Err(error) => format!("{words}, {error}: {}", shown(payload)),
        }
    }

    fn finish(self, out: &mut impl Write) -> fmt::Result {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let what = if self.expects_head { "head" } else { "frame" };
        let (arrow, len) = (self.arrow, self.bytes.len());
        writeln!(
            out,
            "{:12} {arrow} {len} bytes of a {what} that is not whole: {}",
            "",
            shown(&self.bytes)
        )
    }
}

fn shown(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return shown_text(bytes);
    }
    let first = bytes.get(..SHOWN / 2).unwrap_or(bytes);
    let hex: Vec<String> = first.iter().map(|byte| format!("{byte:02x}")).collect();
    let more = if first.len() < bytes.len() {
        " ..."
    } else {
        ""
    };
    format!("{}{more}", hex.join(" "))
}

fn shown_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let first: String = text.chars().take(SHOWN).collect();
    let more = if first.len() < text.len() { "..." } else { "" };
    format!("\"{}\"{more}", first.escape_default())
}
