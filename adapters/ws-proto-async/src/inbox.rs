//! What has been received and not been taken yet: at most one message, or a part of one.

use bytes::Bytes;
use ws_proto::Text;

use crate::message::{Event, Message, Piece, Utf8Bytes};

/// What the caller is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Nothing: it writes. What comes is kept, up to a limit.
    Nothing,
    /// Nothing, and nobody else does either: what comes is dropped.
    Discard,
    /// A whole message.
    Message,
    /// A whole message, a Ping or a Pong.
    Event,
    /// Some part of a message.
    Piece,
}

/// How many bytes of an unfinished message are taken in while nobody asks for it.
const READ_AHEAD: usize = 64 * 1024;

/// How many bytes are allocated at once for what a peer only claims to send.
const MAX_RESERVE: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    held: Held,
    /// The message that `held` is of has come to its end.
    complete: bool,
    /// A message has begun and not come to its end.
    open: bool,
    /// A part of this message has been taken.
    taken: bool,
    /// What still comes of this message is not wanted.
    skipping: bool,
    control: Option<Event>,
    /// Whether the caller wants to know of Pings and Pongs.
    pub(crate) report_control: bool,
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Text(String),
    Binary(Vec<u8>),
    /// A message that came in one piece.
    Whole(Message),
}

impl Held {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
            Self::Whole(message) => message.len(),
        }
    }

    fn into_message(self) -> Message {
        match self {
            Self::Nothing => Message::Binary(Bytes::new()),
            Self::Text(text) => Message::Text(text.into()),
            Self::Binary(data) => Message::Binary(data.into()),
            Self::Whole(message) => message,
        }
    }
}

impl Inbox {
    pub(crate) fn text(&mut self, piece: &Text<'_>, remaining: u64) {
        if self.begin_piece(piece.first, piece.last) {
            return;
        }
        if let Some(whole) = piece.whole() {
            self.held = Held::Whole(Message::Text(Utf8Bytes::from(whole)));
            return;
        }
        if !matches!(self.held, Held::Text(_)) {
            self.held = Held::Text(String::new());
        }
        if let Held::Text(text) = &mut self.held {
            if text.is_empty() {
                text.reserve(piece.body.len() + remaining.min(MAX_RESERVE) as usize);
            }
            text.extend(piece.head);
            text.push_str(piece.body);
        }
    }

    pub(crate) fn binary(&mut self, piece: &[u8], first: bool, last: bool, remaining: u64) {
        if self.begin_piece(first, last) {
            return;
        }
        if first && last {
            self.held = Held::Whole(Message::Binary(Bytes::copy_from_slice(piece)));
            return;
        }
        if !matches!(self.held, Held::Binary(_)) {
            self.held = Held::Binary(Vec::new());
        }
        if let Held::Binary(data) = &mut self.held {
            if data.is_empty() {
                data.reserve(piece.len() + remaining.min(MAX_RESERVE) as usize);
            }
            data.extend_from_slice(piece);
        }
    }

    pub(crate) fn control(&mut self, event: Event) {
        self.control = Some(event);
    }

    /// Whether there is no use for more input now.
    pub(crate) fn satisfies(&mut self, want: Want) -> bool {
        if self.control.is_some() {
            match want {
                Want::Event => return true,
                Want::Nothing => return true,
                Want::Discard | Want::Message | Want::Piece => self.control = None,
            }
        }
        match want {
            Want::Nothing => self.complete || self.held.len() >= READ_AHEAD,
            Want::Discard => {
                self.drop_message();
                false
            }
            Want::Message | Want::Event => {
                if self.taken {
                    // Its beginning was taken as a piece; a whole message is wanted now.
                    self.drop_message();
                }
                self.complete
            }
            Want::Piece => self.complete || self.held.len() > 0,
        }
    }

    pub(crate) fn take_message(&mut self) -> Option<Message> {
        if !self.complete || self.taken {
            return None;
        }
        self.complete = false;
        Some(std::mem::take(&mut self.held).into_message())
    }

    pub(crate) fn take_event(&mut self) -> Option<Event> {
        match self.control.take() {
            Some(event) => Some(event),
            None => self.take_message().map(Event::Message),
        }
    }

    pub(crate) fn take_piece(&mut self) -> Option<Piece> {
        if !self.complete && self.held.len() == 0 {
            return None;
        }
        let last = std::mem::take(&mut self.complete);
        let first = !std::mem::replace(&mut self.taken, !last);
        let data = match &self.held {
            // Later pieces have to be of the same kind.
            Held::Text(_) if !last => std::mem::replace(&mut self.held, Held::Text(String::new())),
            _ => std::mem::take(&mut self.held),
        };
        Some(Piece {
            data: data.into_message(),
            first,
            last,
        })
    }

    /// Whether there is something to take.
    pub(crate) fn has_some(&self) -> bool {
        self.complete || self.held.len() > 0 || self.control.is_some()
    }

    /// Takes note of a piece; `true` if it is not wanted.
    fn begin_piece(&mut self, first: bool, last: bool) -> bool {
        if first {
            self.held = Held::Nothing;
            self.taken = false;
            self.skipping = false;
        }
        self.open = !last;
        if self.skipping {
            if last {
                self.skipping = false;
            }
            return true;
        }
        self.complete = last;
        false
    }

    fn drop_message(&mut self) {
        self.skipping = self.open;
        self.held = Held::Nothing;
        self.complete = false;
        self.taken = false;
    }
}
