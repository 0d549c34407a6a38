//! A `WebSocket` of which every call is recorded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ws_proto::extension::deflate::DeflateParams;
use ws_proto::socket::{Failure, Next, Received, Want};
use ws_proto::{
    CloseCode, CloseReason, ControlPayload, EitherRole, Fin, Instant, MaskSource, Negotiated,
    OwnedMessage, SendError, TimedOut, UnexpectedEof, WebSocket, WebSocketError,
};

use super::format::{Bytes, Event, Header, Send, Wanted};
use super::recorder::Recorder;
use super::settings::Settings;
use crate::Side;

/// The result of [`RecordedWebSocket::next`]: [`Next`] without a borrow.
///
/// ```
/// use ws_proto::OwnedMessage;
/// use ws_proto_test::Side;
/// use ws_proto_test::record::{Found, Header, RecordedWebSocket, Recorder, Wanted};
///
/// let header = Header::websocket(Side::Server);
/// let recorder = Recorder::new(std::io::sink(), &header);
/// let mut server = RecordedWebSocket::server(&header, None, recorder);
/// server.receive(b"\x81\x82\0\0\0\0hi");
/// let text = OwnedMessage::Text("hi".to_owned());
/// assert_eq!(server.next(Wanted::Message), Ok(Found::Message(text)));
/// assert_eq!(server.next(Wanted::Message), Ok(Found::Read));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// A whole message.
    Message(OwnedMessage),
    /// A piece of a message.
    Piece {
        /// Its bytes, with the whole character that the piece before had begun.
        bytes: Vec<u8>,
        /// Whether it is a piece of a text.
        is_text: bool,
        /// Whether it is the last piece of its message.
        is_last: bool,
    },
    /// A Ping.
    Ping(Vec<u8>),
    /// A Pong.
    Pong(Vec<u8>),
    /// The Close of the peer: code and reason.
    Close(Option<u16>, String),
    /// [`Next::Write`].
    Write,
    /// [`Next::Read`].
    Read,
    /// [`Next::Yield`].
    Yield,
    /// [`Next::Untaken`].
    Untaken,
    /// [`Next::End`].
    End,
}

impl Found {
    /// As it stands in a recording: a name, and its arguments.
    fn parts(&self) -> (String, Option<Bytes>) {
        let (name, bytes) = match self {
            Self::Message(OwnedMessage::Text(text)) => ("text", text.as_bytes()),
            Self::Message(OwnedMessage::Binary(data)) => ("binary", &**data),
            Self::Piece {
                bytes,
                is_text,
                is_last,
            } => {
                let name = match (is_text, is_last) {
                    (true, true) => "last text piece",
                    (true, false) => "text piece",
                    (false, true) => "last binary piece",
                    (false, false) => "binary piece",
                };
                (name, &**bytes)
            }
            Self::Ping(payload) => ("ping", &**payload),
            Self::Pong(payload) => ("pong", &**payload),
            Self::Close(code, reason) => {
                let name = code.map_or("close".to_owned(), |code| format!("close {code}"));
                return (name, Some(Bytes(reason.clone().into_bytes())));
            }
            Self::Write => return ("write".to_owned(), None),
            Self::Read => return ("read".to_owned(), None),
            Self::Yield => return ("yield".to_owned(), None),
            Self::Untaken => return ("untaken".to_owned(), None),
            Self::End => return ("end".to_owned(), None),
        };
        (name.to_owned(), Some(Bytes(bytes.to_vec())))
    }
}

/// Masking keys that are recorded, or those of a recording.
pub(super) enum Keys {
    Recorded(Box<dyn MaskSource + std::marker::Send>, Recorder),
    Replayed(Arc<Mutex<VecDeque<Option<[u8; 4]>>>>),
}

impl MaskSource for Keys {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        match self {
            Self::Recorded(keys, recorder) => {
                let key = keys.mask_key();
                recorder.record(Event::Key {
                    bytes: key.map(|key| Bytes(key.to_vec())),
                });
                key
            }
            Self::Replayed(keys) => {
                let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
                keys.pop_front().flatten()
            }
        }
    }
}

/// The driver with the calls that a recording knows; recorded or replayed.
pub(super) struct Driver {
    pub(super) websocket: WebSocket<EitherRole<Keys>>,
}

impl Driver {
    pub(super) fn new(
        side: Side,
        settings: &Settings,
        deflate: Option<DeflateParams>,
        keys: Keys,
    ) -> Self {
        let role = match side {
            Side::Server => EitherRole::server(),
            Side::Client => EitherRole::client(keys),
        };
        let negotiated = deflate.map_or(Negotiated::new(), |params| params.negotiated());
        let mut websocket = WebSocket::with_role(negotiated, settings.config(), role);
        if let Some(params) = deflate {
            websocket = websocket.with_deflate(&settings.deflate.deflate(), params);
        }
        Self {
            websocket: settings.apply(websocket),
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.websocket.read_buf(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.websocket.advance(bytes.len());
    }

    pub(super) fn next(&mut self, want: Wanted) -> Result<Found, WebSocketError> {
        let want = match want {
            Wanted::Nothing => Want::Nothing,
            Wanted::Message => Want::Message,
            Wanted::Event => Want::Event,
            Wanted::Piece => Want::Piece,
        };
        Ok(match self.websocket.poll_next(want)? {
            Next::Received(Received::Message(message, _)) => Found::Message(message.into_owned()),
            Next::Received(Received::Piece(piece, _)) => {
                let is_text = piece.data.as_text().is_some();
                let mut bytes = piece.head.map_or(String::new(), String::from).into_bytes();
                bytes.extend_from_slice(piece.data.as_bytes());
                Found::Piece {
                    bytes,
                    is_text,
                    is_last: piece.last,
                }
            }
            Next::Received(Received::Ping(payload)) => Found::Ping(payload.to_vec()),
            Next::Received(Received::Pong(payload)) => Found::Pong(payload.to_vec()),
            Next::Received(Received::Close(code, reason)) => {
                Found::Close(code.map(CloseCode::as_u16), reason.to_owned())
            }
            Next::Write => Found::Write,
            Next::Read => Found::Read,
            Next::Yield => Found::Yield,
            Next::Untaken => Found::Untaken,
            _ => Found::End,
        })
    }

    pub(super) fn send(&mut self, send: &Send) -> Result<(), SendError> {
        let mut sender = self.websocket.sender();
        let fin = |last: bool| if last { Fin::Yes } else { Fin::No };
        match send {
            Send::Text { text } => sender.send_text(text),
            Send::Binary { bytes } => sender.send_binary(&bytes.0),
            Send::TextPart { text, last } => sender.send_text_part(text, fin(*last)),
            Send::BinaryPart { bytes, last } => sender.send_binary_part(&bytes.0, fin(*last)),
            Send::Ping { bytes } => match ControlPayload::new(&bytes.0) {
                Ok(payload) => sender.ping(payload),
                Err(_) => Ok(()),
            },
            Send::Pong { bytes } => match ControlPayload::new(&bytes.0) {
                Ok(payload) => sender.pong(payload),
                Err(_) => Ok(()),
            },
            Send::Close { code: None, .. } => sender.close_empty(),
            Send::Close {
                code: Some(code),
                reason,
            } => match CloseCode::new(*code) {
                Some(code) => {
                    sender.close(code, CloseReason::new(reason).unwrap_or(CloseReason::EMPTY))
                }
                None => Ok(()),
            },
        }
    }

    pub(super) fn pending(&self) -> Vec<u8> {
        self.websocket.pending_slices().flatten().copied().collect()
    }
}

/// How the result of a call stands in a recording.
pub(super) fn result<T: std::fmt::Debug, E: std::fmt::Debug>(result: &Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error: {error:?}"),
    }
}

pub(super) fn next_result(found: &Result<Found, WebSocketError>) -> (String, Option<Bytes>) {
    match found {
        Ok(found) => found.parts(),
        Err(error) => (format!("error: {error:?}"), None),
    }
}

pub(super) fn tick_result(ticked: &Result<Option<Instant>, TimedOut>) -> String {
    result(&ticked.map(|next| next.map(Instant::as_millis)))
}

/// A [`WebSocket`] of which every call is recorded, with its result and with the masking keys: a replay makes the
/// same calls again, and compares all of that.
///
/// It is driven as a [`WebSocket`] is.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::record::{Found, Header, RecordedWebSocket, Recorder, Wanted};
///
/// let header = Header::websocket(Side::Server);
/// let recorder = Recorder::new(std::io::sink(), &header);
/// let mut server = RecordedWebSocket::server(&header, None, recorder);
/// server.receive(b"\x89\x80\0\0\0\0"); // a Ping
/// assert_eq!(server.next(Wanted::Message), Ok(Found::Read));
/// assert_eq!(server.pending(), b"\x8a\x00");
/// server.consume(2);
/// ```
pub struct RecordedWebSocket {
    driver: Driver,
    recorder: Recorder,
}

impl std::fmt::Debug for RecordedWebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordedWebSocket").finish_non_exhaustive()
    }
}

impl RecordedWebSocket {
    /// A server's end with the settings of `header`, which has to be that of the recorder; `deflate` has the parameters
    /// that the handshake has agreed on.
    #[must_use]
    pub fn server(header: &Header, deflate: Option<DeflateParams>, recorder: Recorder) -> Self {
        Self::new(header, deflate, recorder, || [0; 4])
    }

    /// A client's end, as [`server`](Self::server), with a source of masking keys, which are recorded too.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder, Send};
    ///
    /// let header = Header::websocket(Side::Client);
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let mut client = RecordedWebSocket::client(&header, None, recorder, || [1, 2, 3, 4]);
    /// client.send(Send::Text { text: "hi".to_owned() })?;
    /// assert_eq!(client.pending(), b"\x81\x82\x01\x02\x03\x04ik");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[must_use]
    pub fn client(
        header: &Header,
        deflate: Option<DeflateParams>,
        recorder: Recorder,
        keys: impl MaskSource + std::marker::Send + 'static,
    ) -> Self {
        Self::new(header, deflate, recorder, keys)
    }

    fn new(
        header: &Header,
        deflate: Option<DeflateParams>,
        recorder: Recorder,
        keys: impl MaskSource + std::marker::Send + 'static,
    ) -> Self {
        recorder.record(Event::Opened {
            deflate: deflate.map(|params| super::Agreed::from(&params)),
        });
        let keys = Keys::Recorded(Box::new(keys), recorder.clone());
        Self {
            driver: Driver::new(header.side, &header.settings, deflate, keys),
            recorder,
        }
    }

    /// Takes bytes that were read: [`WebSocket::advance`].
    pub fn receive(&mut self, bytes: &[u8]) {
        self.recorder.record(Event::Received {
            bytes: Bytes(bytes.to_vec()),
        });
        self.driver.receive(bytes);
    }

    /// [`WebSocket::receive_eof`].
    ///
    /// ```
    /// use ws_proto::socket::Failure;
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder};
    ///
    /// let header = Header::websocket(Side::Server);
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let mut server = RecordedWebSocket::server(&header, None, recorder);
    /// assert!(server.receive_eof().is_err()); // before the peer's Close
    /// assert!(matches!(server.failure(), Some(Failure::Eof(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn receive_eof(&mut self) -> Result<(), UnexpectedEof> {
        self.recorder.record(Event::ReceivedEnd);
        self.driver.websocket.receive_eof()
    }

    /// [`WebSocket::read_failed`].
    ///
    /// ```
    /// use ws_proto::socket::Failure;
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder};
    ///
    /// let header = Header::websocket(Side::Server);
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let mut server = RecordedWebSocket::server(&header, None, recorder);
    /// server.read_failed();
    /// assert_eq!(server.failure(), Some(Failure::Read));
    /// ```
    pub fn read_failed(&mut self) {
        let error = String::new();
        self.recorder.record(Event::ReceiveFailed { error });
        self.driver.websocket.read_failed();
    }

    /// [`WebSocket::write_failed`].
    ///
    /// ```
    /// use ws_proto::socket::Failure;
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder};
    ///
    /// let header = Header::websocket(Side::Server);
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let mut server = RecordedWebSocket::server(&header, None, recorder);
    /// server.write_failed();
    /// assert_eq!(server.failure(), Some(Failure::Write));
    /// assert!(server.wants_read()); // the peer's last messages still come
    /// ```
    pub fn write_failed(&mut self) {
        let error = String::new();
        self.recorder.record(Event::SendFailed { error });
        self.driver.websocket.write_failed();
    }

    /// [`WebSocket::half_closed`].
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder, Wanted};
    ///
    /// let header = Header::websocket(Side::Server);
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let mut server = RecordedWebSocket::server(&header, None, recorder);
    /// server.receive(b"\x88\x80\0\0\0\0"); // Close
    /// server.next(Wanted::Message)?;
    /// server.consume(server.pending().len()); // its answer
    /// assert!(server.wants_half_close());
    /// server.half_closed(); // the program has ended the writing side
    /// server.receive_eof()?;
    /// assert!(server.is_over());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn half_closed(&mut self) {
        self.recorder.record(Event::SentEnd);
        self.driver.websocket.half_closed();
    }

    /// [`WebSocket::tick`].
    ///
    /// ```
    /// use ws_proto::Instant;
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder};
    ///
    /// let header = Header::websocket(Side::Server);
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let mut server = RecordedWebSocket::server(&header, None, recorder);
    /// let next = server.tick(Instant::from_millis(0))?.unwrap(); // of the keepalive
    /// server.tick(next)?;
    /// assert!(server.pending().starts_with(b"\x89")); // a Ping
    /// # Ok::<(), ws_proto::TimedOut>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        let ticked = self.driver.websocket.tick(now);
        self.recorder.record(Event::Tick {
            now: now.as_millis(),
            result: tick_result(&ticked),
        });
        ticked
    }

    /// [`WebSocket::poll_next`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn next(&mut self, want: Wanted) -> Result<Found, WebSocketError> {
        let found = self.driver.next(want);
        let (result, bytes) = next_result(&found);
        self.recorder.record(Event::Next {
            want,
            result,
            bytes,
        });
        found
    }

    /// Sends something. A control frame that is too long is ignored, and so is a Close with a code that must not be sent.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, RecordedWebSocket, Recorder, Send};
    ///
    /// let header = Header::websocket(Side::Server);
    /// let recorder = Recorder::new(std::io::sink(), &header);
    /// let mut server = RecordedWebSocket::server(&header, None, recorder);
    /// server.send(Send::Text { text: "hi".to_owned() })?;
    /// assert_eq!(server.pending(), b"\x81\x02hi");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the methods of [`Sender`](ws_proto::socket::Sender).
    pub fn send(&mut self, send: Send) -> Result<(), SendError> {
        let sent = self.driver.send(&send);
        let result = result(&sent);
        self.recorder.record(Event::Send { send, result });
        sent
    }

    /// All bytes that wait to be written.
    #[must_use]
    pub fn pending(&self) -> Vec<u8> {
        self.driver.pending()
    }

    /// [`WebSocket::consume`].
    pub fn consume(&mut self, n: usize) {
        let mut bytes = self.driver.pending();
        bytes.truncate(n);
        self.recorder.record(Event::Sent {
            bytes: Bytes(bytes),
        });
        self.driver.websocket.consume(n);
    }

    /// [`WebSocket::wants_read`].
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.driver.websocket.wants_read()
    }

    /// [`WebSocket::wants_half_close`].
    #[must_use]
    pub fn wants_half_close(&self) -> bool {
        self.driver.websocket.wants_half_close()
    }

    /// [`WebSocket::is_over`].
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.driver.websocket.is_over()
    }

    /// [`WebSocket::failure`].
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.driver.websocket.failure()
    }
}
