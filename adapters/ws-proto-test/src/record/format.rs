//! The format of recordings: reading and writing.

use std::fmt;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::settings::{Agreed, Settings};
use crate::Side;

/// The `format` in the first line of every recording.
pub const FORMAT: &str = "ws-proto-recording";

/// The version that this crate writes. It reads all up to this one.
pub const VERSION: u32 = 1;

/// The subject of a recording.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::record::{Header, Subject};
///
/// assert_eq!(Header::stream(Side::Client).of, Subject::Stream);
/// assert_eq!(Header::websocket(Side::Client).of, Subject::WebSocket);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Subject {
    /// A stream, from the first byte of the handshake on.
    Stream,
    /// A [`WebSocket`](ws_proto::WebSocket), after its handshake: every call.
    WebSocket,
}

/// The first line of a recording.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::record::{Header, Settings, Subject};
///
/// let mut settings = Settings::default();
/// settings.max_message = 64 * 1024;
/// let header = Header::stream(Side::Client).program("chat 1.2").settings(settings);
/// assert_eq!((header.of, &*header.program), (Subject::Stream, "chat 1.2"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    version: u32,
    /// What was recorded.
    pub of: Subject,
    /// Which end of the connection it was.
    #[serde(with = "side")]
    pub side: Side,
    /// Which program it was, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub program: String,
    /// How that end was set up.
    #[serde(default)]
    pub settings: Settings,
}

impl Header {
    /// For the stream of this end.
    #[must_use]
    pub fn stream(side: Side) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            of: Subject::Stream,
            side,
            program: String::new(),
            settings: Settings::default(),
        }
    }

    /// For the [`WebSocket`](ws_proto::WebSocket) of this end.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder};
    ///
    /// let header = Header::websocket(Side::Server).program("chat 1.2");
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let server = RecordedWebSocket::server(&header, None, recorder);
    /// # let _ = server;
    /// ```
    #[must_use]
    pub fn websocket(side: Side) -> Self {
        Self {
            of: Subject::WebSocket,
            ..Self::stream(side)
        }
    }

    /// Sets the name of the program.
    #[must_use]
    pub fn program(mut self, program: &str) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    /// Sets the settings of the recorded end, which a replay uses too.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
}

mod side {
    use super::{Deserialize, Deserializer, Serializer, Side};

    pub(super) fn serialize<S: Serializer>(side: &Side, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match side {
            Side::Server => "server",
            Side::Client => "client",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Side, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "server" => Ok(Side::Server),
            "client" => Ok(Side::Client),
            other => Err(serde::de::Error::custom(format!(
                "there is no side {other:?}"
            ))),
        }
    }
}

/// Bytes, in base64 in a recording.
///
/// ```
/// use ws_proto_test::record::Bytes;
///
/// let bytes = Bytes(b"Hi\r\n".to_vec());
/// assert_eq!(format!("{bytes:?}"), r#"b"Hi\r\n""#);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// A line of a recording after the first one: the time, and the event.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::record::{Event, Line, Recording};
///
/// let header = r#"{"format":"ws-proto-recording","version":1,"of":"stream","side":"client"}"#;
/// let mut recording = Recording::read(header.as_bytes())?;
/// recording.lines.push(Line { micros: 1500, event: Event::ReceivedEnd });
/// assert_eq!(recording.duration(), Duration::from_micros(1500));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Microseconds since the recording began.
    #[serde(rename = "at")]
    pub micros: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened. The events from [`Opened`](Self::Opened) on happen to a recorded
/// [`WebSocket`](ws_proto::WebSocket) only.
///
/// ```
/// use ws_proto_test::record::{Bytes, Event, Recording};
///
/// let text = r#"{"format":"ws-proto-recording","version":1,"of":"stream","side":"client"}
/// {"at":1500,"event":"sent","bytes":"R0VUIA=="}
/// {"at":2000,"event":"received_end"}
/// "#;
/// let recording = Recording::read(text.as_bytes())?;
/// assert_eq!(recording.lines[0].event, Event::Sent { bytes: Bytes(b"GET ".to_vec()) });
/// assert_eq!(recording.lines[1].event, Event::ReceivedEnd);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// These bytes were read.
    Received {
        /// Those.
        bytes: Bytes,
    },
    /// These bytes were written.
    Sent {
        /// Those.
        bytes: Bytes,
    },
    /// Reading came to the end of the stream.
    ReceivedEnd,
    /// The writing side was ended.
    SentEnd,
    /// Reading failed.
    ReceiveFailed {
        /// The name of the [`ErrorKind`](io::ErrorKind).
        error: String,
    },
    /// Writing failed.
    SendFailed {
        /// The name of the [`ErrorKind`](io::ErrorKind).
        error: String,
    },
    /// The connection was made.
    Opened {
        /// What the handshake had agreed on of permessage-deflate.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deflate: Option<Agreed>,
    },
    /// The program looked at the clock.
    Tick {
        /// The time that it has passed on, in milliseconds.
        now: u64,
        /// What came of it.
        result: String,
    },
    /// The program asked for received items.
    Next {
        /// For what.
        want: Wanted,
        /// What it has got: see [`Found`](super::Found).
        result: String,
        /// The message or the payload.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<Bytes>,
    },
    /// The program sent something.
    Send {
        /// What.
        #[serde(flatten)]
        send: Send,
        /// What came of it.
        result: String,
    },
    /// A masking key was drawn; without bytes, there was none.
    Key {
        /// The key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<Bytes>,
    },
    /// An event of a later version.
    #[serde(other)]
    Unknown,
}

/// The item that a call asks for: [`Want`](ws_proto::socket::Want).
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::record::{Found, Header, RecordedWebSocket, Recorder, Wanted};
///
/// let header = Header::websocket(Side::Server);
/// let recorder = Recorder::new(std::io::sink(), &header);
/// let mut server = RecordedWebSocket::server(&header, None, recorder);
/// server.receive(b"\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0");
/// assert!(matches!(server.next(Wanted::Piece), Ok(Found::Piece { is_last: true, .. })));
/// assert_eq!(server.next(Wanted::Event), Ok(Found::Ping(Vec::new())));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of `Want`")]
pub enum Wanted {
    Nothing,
    Message,
    Event,
    Piece,
}

/// Something that is sent: see [`RecordedWebSocket::send`](super::RecordedWebSocket::send).
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::record::{Bytes, Header, RecordedWebSocket, Recorder, Send};
///
/// let header = Header::websocket(Side::Server);
/// let recorder = Recorder::new(std::io::sink(), &header);
/// let mut server = RecordedWebSocket::server(&header, None, recorder);
/// server.send(Send::Binary { bytes: Bytes(vec![1, 2]) })?;
/// server.send(Send::Close { code: Some(1001), reason: "bye".to_owned() })?;
/// assert_eq!(server.pending(), b"\x82\x02\x01\x02\x88\x05\x03\xe9bye");
/// # Ok::<(), ws_proto::SendError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "send", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Send {
    /// A text message.
    Text {
        /// The text.
        text: String,
    },
    /// A binary message.
    Binary {
        /// The payload.
        bytes: Bytes,
    },
    /// A part of a text message.
    TextPart {
        /// The part.
        text: String,
        /// Whether it is the last one.
        last: bool,
    },
    /// A part of a binary message.
    BinaryPart {
        /// The part.
        bytes: Bytes,
        /// Whether it is the last one.
        last: bool,
    },
    /// A Ping.
    Ping {
        /// Its payload.
        bytes: Bytes,
    },
    /// A Pong.
    Pong {
        /// Its payload.
        bytes: Bytes,
    },
    /// A Close; without a code, one without a body.
    Close {
        /// The code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        /// The reason.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
}

/// A recording.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::record::Recording;
///
/// let text = r#"{"format":"ws-proto-recording","version":1,"of":"websocket","side":"server"}
/// {"at":1500,"event":"received","bytes":"gYU3+iE9f59NUVg="}
/// {"at":2000,"event":"sent","bytes":"gQVIZWxsbw=="}
/// "#;
/// let recording = Recording::read(text.as_bytes())?;
/// assert_eq!(recording.received(), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
/// assert_eq!((recording.sent(), recording.duration()), (b"\x81\x05Hello".to_vec(), Duration::from_millis(2)));
/// let mut again = Vec::new();
/// recording.write(&mut again)?;
/// assert_eq!(Recording::read(&again[..])?, recording);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The first line.
    pub header: Header,
    /// The events, in order.
    pub lines: Vec<Line>,
    /// Whether the last line is cut off: the program was killed.
    pub is_cut: bool,
}

impl Recording {
    /// Reads a recording. Empty lines are skipped, and a last line that is cut off, without an end of line, is left out.
    ///
    /// # Errors
    ///
    /// Those of the reader, and [`InvalidData`](io::ErrorKind::InvalidData) with the number of the line, for text that is not a
    /// recording or has a later version.
    pub fn read(mut reader: impl BufRead) -> io::Result<Self> {
        let invalid = |number: usize, error: &dyn fmt::Display| {
            let words = format!("line {number}: {}", printable(&error.to_string()));
            io::Error::new(io::ErrorKind::InvalidData, words)
        };
        // As bytes: a cut can be within a character.
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(invalid(1, &"it is empty"));
        }
        let header: Header = serde_json::from_slice(&line).map_err(|error| invalid(1, &error))?;
        if header.format != FORMAT || header.version > VERSION {
            let words = format!("{} of version {}", header.format, header.version);
            return Err(invalid(1, &format_args!("{words} is not known here")));
        }
        let mut recording = Self {
            header,
            lines: Vec::new(),
            is_cut: false,
        };
        for number in 2.. {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(line) => recording.lines.push(line),
                Err(_) if line.last() != Some(&b'\n') => recording.is_cut = true,
                Err(error) => return Err(invalid(number, &error)),
            }
        }
        Ok(recording)
    }

    /// Reads a file, as [`read`](Self::read) does.
    ///
    /// ```no_run
    /// use ws_proto_test::record::{Recording, replay};
    ///
    /// let recording = Recording::open("fault.jsonl")?;
    /// println!("{}", replay(&recording)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read), and if the file cannot be opened.
    pub fn open(path: impl AsRef<std::path::Path>) -> io::Result<Self> {
        Self::read(io::BufReader::new(std::fs::File::open(path)?))
    }

    /// Writes the recording, line by line.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, mut writer: impl Write) -> io::Result<()> {
        write_line(&mut writer, &self.header)?;
        for line in &self.lines {
            write_line(&mut writer, line)?;
        }
        writer.flush()
    }

    /// The time of the last event.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.lines.last().map_or(0, |line| line.micros))
    }

    /// All bytes that were received.
    #[must_use]
    pub fn received(&self) -> Vec<u8> {
        self.joined(|event| match event {
            Event::Received { bytes } => Some(bytes),
            _ => None,
        })
    }

    /// All bytes that were sent.
    #[must_use]
    pub fn sent(&self) -> Vec<u8> {
        self.joined(|event| match event {
            Event::Sent { bytes } => Some(bytes),
            _ => None,
        })
    }

    fn joined(&self, pick: impl Fn(&Event) -> Option<&Bytes>) -> Vec<u8> {
        let picked = self.lines.iter().filter_map(|line| pick(&line.event));
        picked.flat_map(|bytes| bytes.0.iter().copied()).collect()
    }
}

pub(super) fn write_line(writer: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(line).map_err(io::Error::other)?;
    text.push('\n');
    writer.write_all(text.as_bytes())
}

/// A text of a recording on one line, without anything that steers a terminal.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}
