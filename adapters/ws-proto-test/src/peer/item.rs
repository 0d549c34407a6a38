use std::fmt;
use std::time::Duration;

use super::Head;
use crate::wire::{Frame, PING, PONG, TEXT};

/// Something that a peer receives or sends: a head, a message with all its frames joined, a control frame, or the end.
/// `Display` is a text for people.
///
/// ```
/// use ws_proto_test::peer::Item;
///
/// assert_eq!(Item::Text("hi".into()).to_string(), "a text of 2 bytes: hi");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item {
    /// A request or a response.
    Head(Head),
    /// A text message. What is not UTF-8 is replaced.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A Ping.
    Ping(Vec<u8>),
    /// A Pong.
    Pong(Vec<u8>),
    /// A Close frame: its code, if it has one, and its reason.
    Close(Option<u16>, String),
    /// A frame that no peer may send: with a reserved opcode, with a wrong mask, or out of place. The bytes after it are
    /// ignored.
    Wrong(Frame),
    /// The stream has ended.
    End,
    /// The stream has failed: it was reset.
    Reset,
}

impl Item {
    pub(super) fn control(frame: &Frame) -> Option<Self> {
        let payload = frame.payload.clone();
        match frame.first {
            PING => Some(Self::Ping(payload)),
            PONG => Some(Self::Pong(payload)),
            _ if frame.is_close() => {
                let reason = payload.get(2..).unwrap_or_default();
                let reason = String::from_utf8_lossy(reason).into_owned();
                Some(Self::Close(frame.close_code(), reason))
            }
            _ => None,
        }
    }

    pub(super) fn message(opcode: u8, payload: Vec<u8>) -> Self {
        if opcode == TEXT {
            Self::Text(String::from_utf8_lossy(&payload).into_owned())
        } else {
            Self::Binary(payload)
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |f: &mut fmt::Formatter<'_>, what: &str, bytes: &[u8]| {
            let shown = bytes.get(..40).unwrap_or(bytes);
            write!(
                f,
                "{what} of {} bytes: {}",
                bytes.len(),
                shown.escape_ascii()
            )
        };
        match self {
            Self::Head(head) => write!(f, "a head: {}", head.line),
            Self::Text(text) => short(f, "a text", text.as_bytes()),
            Self::Binary(data) => short(f, "a binary message", data),
            Self::Ping(payload) => short(f, "a Ping", payload),
            Self::Pong(payload) => short(f, "a Pong", payload),
            Self::Close(None, _) => f.write_str("a Close without a code"),
            Self::Close(Some(code), reason) => write!(f, "a Close with {code} {reason:?}"),
            Self::Wrong(frame) => write!(f, "a wrong frame: {frame:02x?}"),
            Self::End => f.write_str("the end of the stream"),
            Self::Reset => f.write_str("a reset of the stream"),
        }
    }
}

/// The result of a script.
///
/// ```
/// use ws_proto_test::link::Link;
/// use ws_proto_test::peer::{Item, Peer};
/// use ws_proto_test::task::join;
///
/// let link = Link::new();
/// let (left, right) = link.ends();
/// let client = Peer::client().request("/").expect_accepted().send_text("hi").send_close(1000, "").drain();
/// let server = Peer::server().accept().expect_text("HI").drain();
/// let (_, report) = link.time().run(join(client.play(left), server.play(right)))?;
/// assert_eq!(report.texts().collect::<Vec<_>>(), ["hi"]);
/// let mismatch = report.check().unwrap_err().to_string();
/// assert!(mismatch.contains("HI") && mismatch.contains("hi"));
/// # Ok::<(), ws_proto_test::link::Hang>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The received items, each with the time since the peer began; of a flood, the last few thousand.
    pub received: Vec<(Duration, Item)>,
    /// The step that failed: something else came, or nothing within the peer's patience.
    pub mismatch: Option<String>,
    /// How many steps of the script were not done.
    pub steps_left: usize,
    /// How many bytes were received.
    pub bytes_received: u64,
    /// How many bytes were written.
    pub bytes_written: u64,
}

impl Report {
    /// The code of the received Close frame; `Some(None)` if the frame had none.
    ///
    /// ```
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::peer::{Item, Peer};
    ///
    /// let client = Peer::client().request("/").expect_accepted().drain();
    /// let server = Peer::server().accept().send_close(1001, "a restart").drain();
    /// let (report, _) = Link::new().run_threads(|end| client.play_blocking(end), |end| server.play_blocking(end));
    /// assert_eq!((report.status(), report.close_code()), (Some(101), Some(Some(1001))));
    /// assert!(report.has_ended());
    /// assert_eq!(report.items().last(), Some(&Item::End));
    /// ```
    #[must_use]
    pub fn close_code(&self) -> Option<Option<u16>> {
        self.items().find_map(|item| match item {
            Item::Close(code, _) => Some(*code),
            _ => None,
        })
    }

    /// The status of the received response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.items().find_map(|item| match item {
            Item::Head(head) => head.status(),
            _ => None,
        })
    }

    /// Whether the other end has ended or reset its side.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.items()
            .any(|item| matches!(item, Item::End | Item::Reset))
    }

    /// The received texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().filter_map(|item| match item {
            Item::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The received items, in order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.received.iter().map(|(_, item)| item)
    }

    /// Checks that every step was met.
    ///
    /// # Errors
    ///
    /// [`Mismatch`], which has all received items in it.
    pub fn check(&self) -> Result<(), Mismatch> {
        match &self.mismatch {
            None => Ok(()),
            Some(mismatch) => Err(Mismatch(format!("{mismatch}\n{self}"))),
        }
    }
}

/// A step of a script was not met: see [`Report::check`]. `Display`, and `Debug` for `unwrap`, are a text of several lines
/// for people: the expected item, and all received ones.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::link::Link;
/// use ws_proto_test::peer::Peer;
///
/// let server = Peer::open(Side::Server).expect_text("hello");
/// let ((), report) = Link::new().run_threads(drop, |end| server.play_blocking(end));
/// let mismatch = report.check().unwrap_err().to_string();
/// assert!(mismatch.starts_with("expected a text of 5 bytes: hello, and the end of the stream came"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As `Display`, so that `unwrap` shows the lines.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (read, written) = (self.bytes_received, self.bytes_written);
        write!(f, "{read} bytes received, {written} written:")?;
        let skipped = self.received.len().saturating_sub(20);
        if skipped > 0 {
            write!(f, "\n  (the first {skipped} are left out)")?;
        }
        for (at, item) in &self.received[skipped..] {
            write!(f, "\n  {:>12.6} s  {item}", at.as_secs_f64())?;
        }
        Ok(())
    }
}
