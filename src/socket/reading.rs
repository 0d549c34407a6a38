//! Receiving: the request for an item, and the item found.

use core::fmt;

use super::inbox::Parts;
use super::messages::{Found, FoundPiece, Manner, Messages};
use super::outbox::Outbox;
use super::queue::Sent;
use super::sender::Sender;
use super::{WebSocket, WebSocketError};
use crate::close::CloseCode;
use crate::connection::Role;
use crate::message::Message;
use crate::transport::Transport;

/// The item that a caller of [`WebSocket::poll_next`] waits for. It may change with every call.
///
/// ```
/// use ws_proto::socket::{Next, Received, Want};
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut read = *b"\x89\x01!\x81\x01a"; // a Ping, a text
/// let mut reading = client.receive(&mut read);
/// let next = reading.poll_next(Want::Event)?; // with `Want::Message` it is not emitted
/// assert!(matches!(next, Next::Received(Received::Ping(b"!"))));
/// # Ok::<(), ws_proto::WebSocketError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Want {
    /// Nothing: the caller sends, and the input is read on its behalf. Pings are answered, and one message
    /// is kept for the next call that asks for one; so is a Ping, a Pong, the peer's Close, once an
    /// [`Event`](Self::Event) has been asked for.
    Nothing,
    /// A whole message. If pieces of the current one have been emitted, the rest of it is dropped.
    Message,
    /// As [`Message`](Self::Message), or a Ping, a Pong, the peer's Close.
    Event,
    /// A piece of a message: what there is of it.
    Piece,
}

/// Something received: see [`Want`].
///
/// ```
/// use ws_proto::socket::{Next, Received, Want};
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// # fn poll() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// if let Next::Received(received) = server.poll_next(Want::Event)? {
///     match received {
///         Received::Message(message, mut reply) => reply.send(message)?,
///         Received::Ping(payload) => println!("a Ping of {} bytes", payload.len()),
///         Received::Pong(payload) => println!("a Pong of {} bytes", payload.len()),
///         Received::Close(code, reason) => println!("closed: {code:?} {reason}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// # poll().unwrap();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Received<'w, R: Role, B: AsRef<[u8]>> {
    /// A whole message, with a handle to answer it.
    Message(Message<'w>, Sender<'w, R, B>),
    /// A piece of a message, with a handle to answer it.
    Piece(Piece<'w>, Sender<'w, R, B>),
    /// A Ping with its payload. The Pong is queued, unless [`Config::manual_pong`](crate::Config::manual_pong)
    /// is set.
    Ping(&'w [u8]),
    /// A Pong with its payload.
    Pong(&'w [u8]),
    /// The peer's Close, once: its code, `None` if it has none (1005), and its reason.
    Close(Option<CloseCode>, &'w str),
}

/// A piece of a message.
///
/// ```
/// use ws_proto::socket::{Next, Received, Want};
/// use ws_proto::{Config, Message, Negotiated, WebSocket};
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut read = *b"\x82\x0512345"; // a message of which two reads bring a part each
/// let (one, two) = read.split_at_mut(4);
/// for (bytes, flags) in [(one, (true, false)), (two, (false, true))] {
///     let mut reading = client.receive(bytes);
///     let Next::Received(Received::Piece(piece, _)) = reading.poll_next(Want::Piece)? else {
///         panic!("there is a piece in each")
///     };
///     assert_eq!((piece.first, piece.last), flags);
/// }
/// # Ok::<(), ws_proto::WebSocketError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece<'w> {
    /// Of a text: the character that began in an earlier piece and ended in this one.
    pub head: Option<char>,
    /// What follows `head`: whole characters of a text, bytes of a binary message.
    pub data: Message<'w>,
    /// Whether the message begins with this piece.
    pub first: bool,
    /// Whether the message ends with this piece.
    pub last: bool,
}

/// The item that [`WebSocket::poll_next`] found, or the step that has to come before it.
///
/// | answer | what to do |
/// |---|---|
/// | `Received` | use it, then call again |
/// | `Write` | write as much of the output as the transport takes, then call again. If it takes nothing and the answer is `Write` again, wait until it does |
/// | `Read` | write the output, then read, then call again |
/// | `Yield` | let other connections have their turn, then call again |
/// | `Untaken` | wait until somebody asks for messages; only after [`Want::Nothing`] |
/// | `End` | nothing more will be received: see [`WebSocket::is_over`] |
///
/// ```
/// use ws_proto::socket::{Next, Want};
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// match server.poll_next(Want::Message)? {
///     Next::Received(received) => println!("{received:?}"),
///     Next::Write => println!("{} bytes to write", server.pending_bytes()),
///     Next::Read => println!("to read: {} bytes", server.read_hint()),
///     Next::Yield => println!("the others' turn"),
///     Next::End => println!("nothing more comes"),
///     _ => {}
/// }
/// # Ok::<(), ws_proto::WebSocketError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Next<'w, R: Role, B: AsRef<[u8]>> {
    /// Something was received.
    Received(Received<'w, R, B>),
    /// The output comes first: an answer to a control frame that was received before a message waits to be
    /// written, so that a slow handler does not look like a dead peer; or so many answers wait that
    /// nothing more is received.
    Write,
    /// All that was read is used.
    Read,
    /// Much was received without anything to emit.
    Yield,
    /// A received item waits for a caller that receives, and this one does not.
    Untaken,
    /// Nothing more comes: the peer's Close was received, or the transport has ended.
    End,
}

/// The bytes of a read into a buffer that is not the connection's own: see [`WebSocket::receive`].
///
/// When it is dropped, the connection keeps the bytes that nobody asked for.
///
/// ```
/// use ws_proto::socket::{Next, Received, Want};
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut shared = *b"\x81\x01a\x81\x01b"; // two messages in one read
/// let mut reading = client.receive(&mut shared);
/// while let Next::Received(Received::Message(message, mut reply)) = reading.poll_next(Want::Message)? {
///     reply.send(message)?;
/// }
/// drop(reading); // the buffer is free for another connection
/// assert_eq!(client.pending_bytes(), 14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reading<'w, R: Role, B: AsRef<[u8]>> {
    socket: &'w mut WebSocket<R, B>,
    bytes: &'w mut [u8],
    /// So many of them are used.
    start: usize,
}

const OWN: Manner = Manner {
    waits: true,
    is_paced: true,
};

impl<R: Role, B: AsRef<[u8]>> WebSocket<R, B> {
    /// Takes bytes that were read into a buffer that is only lent, such as one that all connections of a
    /// thread share. What is received from the `Reading` borrows that buffer. What is not asked for before
    /// the `Reading` is dropped is copied and kept.
    ///
    /// Read only while [`wants_read`](Self::wants_read).
    ///
    /// ```
    /// use ws_proto::socket::{Next, Received, Want};
    /// use ws_proto::{Config, Message, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut shared = *b"\x81\x01a\x81\x01b"; // two messages in one read
    /// let mut reading = client.receive(&mut shared);
    /// let next = reading.poll_next(Want::Message)?;
    /// assert!(matches!(next, Next::Received(Received::Message(Message::Text("a"), _))));
    /// drop(reading); // the buffer is free for another connection
    /// let next = client.poll_next(Want::Message)?;
    /// assert!(matches!(next, Next::Received(Received::Message(Message::Text("b"), _))));
    /// assert!(matches!(client.poll_next(Want::Message)?, Next::Read));
    /// # Ok::<(), ws_proto::WebSocketError>(())
    /// ```
    #[inline]
    pub fn receive<'w>(&'w mut self, bytes: &'w mut [u8]) -> Reading<'w, R, B> {
        let start = if self.note_read(bytes.len()) {
            0
        } else {
            bytes.len()
        };
        Reading {
            socket: self,
            bytes,
            start,
        }
    }

    /// Bytes have come: a sign of life.
    #[inline]
    pub(super) fn note_input(&mut self, n: usize) {
        if n > 0 {
            self.outbox.connection.note_activity();
            self.inbox.retention.received(n);
            self.ending.note_input();
        }
    }

    /// Fails the connection because the text message that was received, or a piece of one, is not accepted: Close 1003
    /// (RFC 6455 7.4.1) is queued, and every further call of [`poll_next`](Self::poll_next) returns
    /// [`WebSocketError::TextRefused`]. Does nothing if it has failed before.
    ///
    /// ```
    /// use ws_proto::socket::{Next, Received, Want};
    /// use ws_proto::{Config, Message, Negotiated, WebSocket, WebSocketError};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// let mut read = *b"\x81\x82\0\0\0\0hi";
    /// let mut reading = server.receive(&mut read);
    /// if let Next::Received(Received::Message(Message::Text(_), _)) = reading.poll_next(Want::Message)? {
    ///     reading.refuse_text();
    /// }
    /// drop(reading);
    /// assert_eq!(server.poll_next(Want::Message).unwrap_err(), WebSocketError::TextRefused);
    /// assert_eq!(server.pending(), b"\x88\x02\x03\xeb");
    /// # Ok::<(), WebSocketError>(())
    /// ```
    #[cold]
    pub fn refuse_text(&mut self) {
        let (Parts { messages, .. }, outbox) = self.parts();
        messages.refuse(WebSocketError::TextRefused, outbox);
    }

    /// Looks for what `want` names in what the connection has kept of its input: in its
    /// [own buffer](Self::read_buf), and in messages that were put together.
    ///
    /// # Errors
    ///
    /// The connection has failed, its Close frame is in the output. Every further call returns the same
    /// error, and nothing can be sent any more.
    #[inline(always)]
    pub fn poll_next(&mut self, want: Want) -> Result<Next<'_, R, B>, WebSocketError> {
        self.poll_next_with(
            want,
            (),
            |(), message, sender| received(message, sender),
            |(), next| next,
        )
    }

    /// As [`poll_next`](Self::poll_next), for a loop that takes message after message: `whole` gets a message
    /// that is there as a whole, and `other` whatever else `poll_next` would return; one of them is called,
    /// with `context`, and its result is returned.
    ///
    /// ```
    /// use ws_proto::socket::Want;
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// let wire = *b"\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b";
    /// server.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
    /// server.advance(wire.len());
    /// let mut texts = Vec::new();
    /// while server.poll_next_with(
    ///     Want::Message,
    ///     &mut texts,
    ///     |texts, message, _reply| {
    ///         texts.extend(message.as_text().map(str::to_owned));
    ///         true
    ///     },
    ///     |_, _next| false, // all else, in a program
    /// ) {}
    /// assert_eq!(texts, ["a", "b"]);
    /// ```
    // Inlined, and in two functions: a value that comes from memory on one way goes through memory on both, which
    // takes as long as all else that is done for a short message (`tokio/batch/32/burst` in `benches/shells`).
    #[inline(always)]
    pub fn poll_next_with<'w, C, T>(
        &'w mut self,
        want: Want,
        context: C,
        whole: impl FnOnce(C, Message<'w>, Sender<'w, R, B>) -> T,
        other: impl FnOnce(C, Result<Next<'w, R, B>, WebSocketError>) -> T,
    ) -> T {
        if want == Want::Event {
            self.inbox.keep_control();
        }
        if !self.inbox.has_input()
            && !self.outbox.is_input_ended()
            && self.inbox.is_used(&self.outbox.connection)
        {
            // Half of the calls of a shell that has one message at a time end here
            // (`tokio/send/32/alone` in `benches/shells` takes 15 % more without it).
            return other(context, Ok(Next::Read));
        }
        let (Parts { read, messages, .. }, outbox) = self.parts();
        let (bytes, mut consumed) = read.unread();
        let before = bytes.len();
        let mut input = crate::buf::Input::new(bytes);
        if matches!(want, Want::Message | Want::Event) {
            let found = messages.next_whole(&mut input, outbox);
            consumed.set(before - input.len());
            match found {
                Ok(Some(message)) => {
                    return whole(context, message, Sender::new(outbox, Sent::InReply));
                }
                Ok(None) => {}
                Err(error) => return other(context, Err(error)),
            }
        }
        let mut rest = before;
        let bytes = input.into_bytes();
        let next = look(messages, bytes, &mut rest, outbox, want, OWN);
        consumed.set(before - rest);
        other(context, next)
    }
}

impl<R: Role, B: AsRef<[u8]>> Reading<'_, R, B> {
    /// As [`WebSocket::poll_next`], in what the connection has kept and then in these bytes.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::poll_next`].
    #[inline(always)]
    pub fn poll_next(&mut self, want: Want) -> Result<Next<'_, R, B>, WebSocketError> {
        self.socket.poll_next_in(self.bytes, &mut self.start, want)
    }

    /// As [`WebSocket::poll_next_with`], in what the connection has kept and then in these bytes.
    ///
    /// ```
    /// use ws_proto::socket::Want;
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut shared = *b"\x81\x01a\x81\x01b";
    /// let mut reading = client.receive(&mut shared);
    /// let mut bytes = 0;
    /// while reading.poll_next_with(
    ///     Want::Message,
    ///     &mut bytes,
    ///     |bytes, message, _reply| {
    ///         *bytes += message.as_bytes().len();
    ///         true
    ///     },
    ///     |_, _next| false, // all else, in a program
    /// ) {}
    /// # drop(reading);
    /// assert_eq!(bytes, 2);
    /// ```
    #[inline(always)]
    pub fn poll_next_with<'w, C, T>(
        &'w mut self,
        want: Want,
        context: C,
        whole: impl FnOnce(C, Message<'w>, Sender<'w, R, B>) -> T,
        other: impl FnOnce(C, Result<Next<'w, R, B>, WebSocketError>) -> T,
    ) -> T {
        let (bytes, used) = (&mut *self.bytes, &mut self.start);
        self.socket
            .poll_in_with(bytes, used, want, context, whole, other)
    }
}

impl<R: Role, B: AsRef<[u8]>> Reading<'_, R, B> {
    /// As [`WebSocket::refuse_text`]. The rest of these bytes is dropped.
    ///
    /// ```
    /// use ws_proto::socket::{Next, Received, Want};
    /// use ws_proto::{Config, Message, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut read = *b"\x81\x01a";
    /// let mut reading = client.receive(&mut read);
    /// let next = reading.poll_next(Want::Message)?;
    /// if matches!(next, Next::Received(Received::Message(Message::Text(_), _))) {
    ///     reading.refuse_text();
    /// }
    /// drop(reading);
    /// assert!(client.failure().is_some());
    /// # Ok::<(), ws_proto::WebSocketError>(())
    /// ```
    #[cold]
    pub fn refuse_text(&mut self) {
        self.socket.refuse_text();
    }
}

impl<R: Role, B: AsRef<[u8]>> Drop for Reading<'_, R, B> {
    #[inline]
    fn drop(&mut self) {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        self.socket.keep(rest);
    }
}

impl<R: Role, B: AsRef<[u8]>> fmt::Debug for Reading<'_, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("unread", &(self.bytes.len() - self.start))
            .finish_non_exhaustive()
    }
}

/// A whole message, as [`WebSocket::poll_next`] returns it.
#[inline(always)]
pub(super) const fn received<'w, R: Role, B: AsRef<[u8]>>(
    message: Message<'w>,
    sender: Sender<'w, R, B>,
) -> Result<Next<'w, R, B>, WebSocketError> {
    Ok(Next::Received(Received::Message(message, sender)))
}

/// Whatever is not a whole message at the front of the input.
#[inline(never)]
pub(super) fn look<'w, R: Role, B: AsRef<[u8]>>(
    messages: &'w mut Messages,
    bytes: &'w mut [u8],
    rest: &mut usize,
    outbox: &'w mut Outbox<R, B>,
    want: Want,
    manner: Manner,
) -> Result<Next<'w, R, B>, WebSocketError> {
    let found = messages.next(bytes, rest, outbox, want, manner)?;
    resolve(found, messages, outbox)
}

/// The item found, with its borrow.
#[inline(always)]
fn resolve<'w, R: Role, B: AsRef<[u8]>>(
    found: Found<'w>,
    messages: &'w mut Messages,
    outbox: &'w mut Outbox<R, B>,
) -> Result<Next<'w, R, B>, WebSocketError> {
    Ok(match found {
        Found::Whole(message) => {
            let sender = Sender::new(outbox, Sent::InReply);
            Next::Received(Received::Message(message, sender))
        }
        Found::Held => {
            let message = messages.held(outbox)?;
            let sender = Sender::new(outbox, Sent::InReply);
            Next::Received(Received::Message(message, sender))
        }
        Found::Piece(FoundPiece {
            head,
            data,
            first,
            last,
        }) => {
            let piece = Piece {
                head,
                data,
                first,
                last,
            };
            let sender = Sender::new(outbox, Sent::InReply);
            Next::Received(Received::Piece(piece, sender))
        }
        Found::HeldPiece { first, last } => {
            let piece = Piece {
                head: None,
                data: messages.held_piece(last, outbox)?,
                first,
                last,
            };
            let sender = Sender::new(outbox, Sent::InReply);
            Next::Received(Received::Piece(piece, sender))
        }
        Found::Ping => Next::Received(Received::Ping(outbox.connection.control_payload())),
        Found::Pong => Next::Received(Received::Pong(outbox.connection.control_payload())),
        Found::Close => {
            let connection = &outbox.connection;
            Next::Received(Received::Close(
                connection.close_code(),
                connection.close_reason(),
            ))
        }
        Found::Write | Found::Full => Next::Write,
        Found::Read => {
            let connection = &outbox.connection;
            if connection.is_close_received() || connection.transport() != Transport::Open {
                Next::End
            } else {
                Next::Read
            }
        }
        Found::Yield => Next::Yield,
        Found::Untaken => {
            // What lies unread may be a Pong: a peer is not silent because nobody listens.
            outbox.connection.note_activity();
            Next::Untaken
        }
    })
}
