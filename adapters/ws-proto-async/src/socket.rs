//! The connection that is used, and its halves.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::ops::DerefMut;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::{CloseCode, ControlPayload, EitherRole, Fin, Negotiated, OsRandom};

use crate::batch::Batch;
use crate::core::{Core, Driver, Outgo, driver};
use crate::error::{Error, TrySendError};
use crate::io::Io;
use crate::message::{Closed, Event, Message, Piece, PreparedMessage, Utf8Bytes};
use crate::tasks::Side;
use ws_proto::opening::{Opened, Options};

/// An open WebSocket connection over a stream.
///
/// It is a [`Stream`] of messages and a [`Sink`] for them, and has methods for everything else.
/// Nothing runs in the background: Pings are answered, keepalive and close timers run, and what was
/// queued is written while any of its methods is being waited for, receiving ones and sending ones
/// alike. A program that does not send just waits for [`next`](Self::next).
///
/// # Cancel safety
///
/// Every future of every method can be dropped at any time, in `select!` or by a timeout, and
/// nothing is lost: received messages and parts of them stay, the next call gives them. A message to
/// send is queued as a whole or not at all. Dropping the future of a `send` before it has waited for
/// room drops its message; [`ready`](Self::ready) and then [`try_send`](Self::try_send) show it for
/// sure.
///
/// # End
///
/// After a closing handshake receiving gives `None`, and [`closed`](Self::closed) has the peer's
/// code and reason. After anything else it gives the error once, then `None`. Messages that came
/// before are given first. After an error of the peer's, its Close frame with the reason is written
/// and the stream is read to its end for a moment, so that the peer can see it.
///
/// With [`Config::manual_close`](crate::Config::manual_close), receiving gives `None` once the peer has said
/// Close, and sending goes on until [`close`](Self::close) ends it.
///
/// When writing fails, what the peer has sent before is still received. Its Close among it, which says why it
/// does not read, makes that a clean end; else the failure is reported after the last message.
///
/// # Bursts
///
/// [`feed`](Self::feed) and a `Sink` queue what is sent, and all of it is written together: once 16 KiB
/// wait, when all that was read is taken, or by [`flush`](Self::flush). [`send`](Self::send) writes at once.
/// So `feed` in a loop of [`next`](Self::next) answers a burst with one write, and no message waits longer than
/// until the loop waits.
///
/// # Time
///
/// While messages come, the clock is looked at four times in a [keepalive](crate::Config::keepalive) interval
/// only: a Ping is sent up to a quarter of it late. All other times are exact, to the millisecond of the
/// runtime's timer.
pub struct WebSocket<T> {
    core: Core<T>,
}

impl<T: Io> WebSocket<T> {
    /// The server's end of a connection whose handshake has been done elsewhere, for instance by an
    /// HTTP server. `received` is what was read behind the request, often nothing.
    pub fn server(io: T, negotiated: Negotiated, received: &[u8], options: Options) -> Self {
        let driver = driver(EitherRole::server(), negotiated, &options);
        Self::new(io, driver, received, None)
    }

    /// The client's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read behind the response, often nothing.
    pub fn client(io: T, negotiated: Negotiated, received: &[u8], options: Options) -> Self {
        let role = EitherRole::client(Box::new(OsRandom::new()));
        Self::new(io, driver(role, negotiated, &options), received, None)
    }

    /// The server's end of a connection whose handshake [`Acceptor::answer`](crate::Acceptor::answer) has done:
    /// with its options, subprotocol and compression.
    pub fn open_server(io: T, opened: Opened) -> Self {
        Self::open(io, opened, EitherRole::server())
    }

    /// The client's end of a connection whose handshake [`ConnectingStream`](crate::ConnectingStream) has done: with
    /// its options, subprotocol and compression.
    pub fn open_client(io: T, opened: Opened) -> Self {
        Self::open(io, opened, EitherRole::client(Box::new(OsRandom::new())))
    }

    fn open(io: T, opened: Opened, role: EitherRole<Box<OsRandom>>) -> Self {
        let subprotocol: Option<Box<str>> = opened.subprotocol().map(Into::into);
        let driver = opened.either(role).sharing();
        Self::new(io, driver, &[], subprotocol.as_deref())
    }

    pub(crate) fn new(io: T, driver: Driver, received: &[u8], subprotocol: Option<&str>) -> Self {
        Self {
            core: Core::new(io, driver, received, subprotocol),
        }
    }

    /// Turns on permessage-deflate, for a connection whose handshake has been done elsewhere: what
    /// that handshake has agreed on, with [`DeflateParams::negotiated`] for
    /// [`server`](Self::server) or [`client`](Self::client). Call it before anything is sent or
    /// received.
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    #[must_use]
    pub fn with_deflate(self, deflate: &Deflate, params: DeflateParams) -> Self {
        Self {
            core: self
                .core
                .map_driver(|driver| driver.with_deflate(deflate, params)),
        }
    }

    #[cfg(feature = "deflate")]
    const fn core_ref(&self) -> &Core<T> {
        &self.core
    }

    const fn core(&mut self) -> &mut Core<T> {
        &mut self.core
    }

    /// The subprotocol that the handshake agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.core.subprotocol()
    }

    /// Code and reason of the peer's Close, once that has come.
    pub fn closed(&self) -> Option<Closed> {
        self.core.closed()
    }

    /// How many bytes the message has that the connection has failed for, as its headers claim: after
    /// `ProtocolError::FrameTooBig` and `ProtocolError::MessageTooBig`, else `None`.
    pub fn refused_len(&self) -> Option<u64> {
        self.core.refused_len()
    }

    /// How many bytes wait to be written.
    pub fn queued(&self) -> usize {
        self.core.driver.pending_bytes()
    }

    /// The stream below.
    pub fn get_ref(&self) -> &T::Stream {
        self.core.io().stream()
    }

    /// The stream below. Reading from it or writing to it breaks the connection.
    pub fn get_mut(&mut self) -> &mut T::Stream {
        self.core.io_mut().stream_mut()
    }

    /// Gives up the connection and takes the stream. What has been read and not been taken is lost.
    pub fn into_inner(self) -> T::Stream {
        self.core.into_io().into_stream()
    }

    /// Splits it into halves that can live in two tasks.
    ///
    /// Whichever half is waited for does the work of both: Pings are answered while one task only
    /// sends, and what the other has queued is written while one task only receives. When the reading
    /// half is dropped, what comes is dropped too; when both are, the stream is.
    pub fn split(self) -> (ReadHalf<T>, WriteHalf<T>) {
        let shared = Arc::new(Mutex::new(self.core));
        let read = ReadHalf {
            shared: Arc::clone(&shared),
        };
        (read, WriteHalf { shared })
    }

    /// Says Close and waits until the peer has answered and the stream has ended. Messages that
    /// still come are dropped: to have them, take them with [`start_close`](Self::start_close) and
    /// [`next`](Self::next). Of `reason`, 123 bytes are sent at most.
    ///
    /// Cancel safe: the Close is queued at once, another call goes on waiting.
    ///
    /// # Errors
    ///
    /// What has ended the connection, unless that was a closing handshake.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        poll_fn(|cx| self.core.poll_closed(cx)).await
    }

    /// Waits until something has been read, to take the messages in it without copying them; `None` after
    /// the end. What the handles of a batch have sent is written together.
    ///
    /// A batch can be empty, if no message has come as a whole. Beside the buffer of the thread that
    /// other ways of receiving share, this uses one of the connection's, of 4 KiB if it is idle.
    ///
    /// Cancel safe: the next call goes on where this one was.
    ///
    /// ```
    /// # use ws_proto_async::{Error, Io, WebSocket};
    /// async fn echo<T: Io>(mut socket: WebSocket<T>) -> Result<(), Error> {
    ///     while let Some(batch) = socket.next_batch().await {
    ///         let mut batch = batch?;
    ///         while let Some((message, mut sender)) = batch.next() {
    ///             sender.send(message)?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn next_batch(&mut self) -> Option<Result<Batch<'_, T>, Error>> {
        match poll_fn(|cx| self.core.poll_batch(cx)).await? {
            Ok(()) => Some(Ok(Batch::new(&mut self.core))),
            Err(error) => Some(Err(error)),
        }
    }
}

/// What receives: the whole connection and the reading half.
macro_rules! receiving {
    ($name:ident) => {
        impl<T: Io> $name<T> {
            /// The next message; `None` after the end.
            ///
            /// Cancel safe: the next call goes on where this one was.
            ///
            /// If parts of the current message have been taken by [`next_piece`](Self::next_piece),
            /// the rest of it is dropped.
            ///
            /// # Errors
            ///
            /// What has ended the connection, once; unless that was a closing handshake.
            #[expect(
                clippy::should_implement_trait,
                reason = "as that of an iterator, but asynchronous"
            )]
            pub fn next(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
                poll_fn(move |cx| self.core().poll_message(cx))
            }

            /// The next message, Ping or Pong, or the peer's Close; `None` after the end. From the first
            /// call on, each of them waits to be taken by this as a message does; [`next`](Self::next)
            /// drops it.
            ///
            /// Cancel safe: the next call goes on where this one was.
            ///
            /// # Errors
            ///
            /// As [`next`](Self::next).
            pub fn next_event(&mut self) -> impl Future<Output = Option<Result<Event, Error>>> {
                poll_fn(move |cx| self.core().poll_event(cx))
            }

            /// What is there of the next or the current message, so that a big one need not be held;
            /// `None` after the end. Set `Config::max_message` to what may come.
            ///
            /// Cancel safe: the next call goes on where this one was.
            ///
            /// # Errors
            ///
            /// As [`next`](Self::next).
            pub fn next_piece(&mut self) -> impl Future<Output = Option<Result<Piece, Error>>> {
                poll_fn(move |cx| self.core().poll_piece(cx))
            }
        }

        impl<T: Io> Stream for $name<T> {
            type Item = Result<Message, Error>;

            fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                self.get_mut().core().poll_message(cx)
            }
        }
    };
}

/// What sends: the whole connection and the writing half.
macro_rules! sending {
    ($name:ident) => {
        impl<T: Io> $name<T> {
            /// Sends a message: waits for room, queues it, and waits until it is written.
            ///
            /// Cancel safe: the message is queued as a whole or not at all. Once it is queued, it is
            /// written whatever becomes of this future.
            ///
            /// # Errors
            ///
            /// What keeps it from being sent, or has ended the connection.
            pub fn send(
                &mut self,
                message: impl Into<Message>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put_out(Outgo::Message(message.into()))
            }

            /// Sends a message as [`send`](Self::send) does, but not compressed, whatever was agreed
            /// on. For secrets, whose length when compressed with something else would reveal them,
            /// and for what is compressed already. What is compressed later does not refer to it.
            ///
            /// Cancel safe: the message is queued as a whole or not at all.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            #[cfg(feature = "deflate")]
            #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
            pub fn send_uncompressed(
                &mut self,
                message: impl Into<Message>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put_out(Outgo::Uncompressed(message.into()))
            }

            /// What was agreed on of permessage-deflate; `None` if messages are not compressed.
            #[cfg(feature = "deflate")]
            #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
            pub fn deflate(&self) -> Option<DeflateParams> {
                self.core_ref().driver.deflate()
            }

            /// Whether messages that begin from now on are compressed, by every way of sending,
            /// parts and `Sink` among them. They are, if permessage-deflate was agreed on and nothing
            /// else is said. What was queued stays as it is, and so does a message of which parts
            /// have been sent.
            #[cfg(feature = "deflate")]
            #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
            pub fn set_compressing(&mut self, compressing: bool) {
                self.core().driver.set_compressing(compressing);
            }

            /// Sends a text message, as [`send`](Self::send) does.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub fn send_text(
                &mut self,
                text: impl Into<Utf8Bytes>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.send(Message::Text(text.into()))
            }

            /// Sends a binary message, as [`send`](Self::send) does. A payload from 4 KiB on is not
            /// copied, unless a client has to mask it or it is compressed.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub fn send_binary(
                &mut self,
                data: impl Into<Bytes>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.send(Message::Binary(data.into()))
            }

            /// Sends a prepared message, as [`send`](Self::send) does; compressed, if this connection
            /// compresses. Of a server nothing is encoded again, and from 4 KiB on nothing is copied.
            ///
            /// Cancel safe: the message is queued as a whole or not at all.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub async fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
                self.put_out(Outgo::Prepared(message)).await
            }

            /// Sends a part of a text message as one frame: the first part opens the message, the
            /// one with [`Fin::Yes`] ends it. For messages whose length is not known beforehand, or
            /// that should not be held as a whole. Waits for room, not for the writing: several parts
            /// go out together.
            ///
            /// Cancel safe: the part is queued as a whole or not at all.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send); `SendError::MessageOpen` inside of a binary message.
            pub fn send_text_part(
                &mut self,
                part: impl Into<Utf8Bytes>,
                fin: Fin,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put(Outgo::Part(Message::Text(part.into()), fin))
            }

            /// Sends a part of a binary message, as [`send_text_part`](Self::send_text_part) does.
            ///
            /// # Errors
            ///
            /// As [`send_text_part`](Self::send_text_part).
            pub fn send_binary_part(
                &mut self,
                part: impl Into<Bytes>,
                fin: Fin,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put(Outgo::Part(Message::Binary(part.into()), fin))
            }

            /// Waits for room and queues a message. It is written with what follows, once 16 KiB wait, or
            /// when this connection is waited for: by [`flush`](Self::flush), or by receiving once all that
            /// was read is taken.
            ///
            /// Cancel safe: the message is queued as a whole or not at all.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub fn feed(
                &mut self,
                message: impl Into<Message>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put(Outgo::Message(message.into()))
            }

            /// Waits for room and queues a prepared message, as [`feed`](Self::feed) does.
            ///
            /// Cancel safe: the message is queued as a whole or not at all.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub async fn feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
                self.put(Outgo::Prepared(message)).await
            }

            /// Waits until all that was queued is written.
            ///
            /// Cancel safe: the next call goes on where this one was.
            ///
            /// # Errors
            ///
            /// What has ended the connection.
            pub fn flush(&mut self) -> impl Future<Output = Result<(), Error>> {
                poll_fn(move |cx| self.core().poll_flush(cx))
            }

            /// Waits until a message can be queued: less than the high-water mark waits.
            ///
            /// Cancel safe: it changes nothing.
            ///
            /// # Errors
            ///
            /// What has ended the connection.
            pub fn ready(&mut self) -> impl Future<Output = Result<(), Error>> {
                poll_fn(move |cx| self.core().poll_ready(cx))
            }

            /// Queues a message at once, if there is room. It is written when this connection is
            /// waited for, by [`flush`](Self::flush) for instance.
            ///
            /// # Errors
            ///
            /// [`TrySendError`], with the message.
            pub fn try_send(&mut self, message: impl Into<Message>) -> Result<(), TrySendError> {
                self.core().try_send(message.into())
            }

            /// Sends a Ping with up to 125 bytes, such as `b"are you there"`, and waits until it is
            /// written. Keepalive does this by itself when the peer is silent.
            ///
            /// Cancel safe: the Ping is queued as a whole or not at all.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub fn ping<'p>(
                &mut self,
                payload: impl Into<ControlPayload<'p>>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put_out(Outgo::Ping(payload.into()))
            }

            /// Sends a Pong: the answer to a Ping with `Config::manual_pong`, or a sign of life.
            ///
            /// Cancel safe: the Pong is queued as a whole or not at all.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub fn pong<'p>(
                &mut self,
                payload: impl Into<ControlPayload<'p>>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put_out(Outgo::Pong(payload.into()))
            }

            /// Queues our Close. Nothing can be sent behind it; what the peer sends before its own
            /// Close still comes, then the connection ends. Of `reason`, 123 bytes are sent at most.
            ///
            /// # Errors
            ///
            /// [`Error::Send`] if this code is not for this role. On a connection that has ended it
            /// does nothing.
            pub fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
                self.core().start_close(code, reason)
            }

            // Not `async`, as all that only waits for one thing: the state of such a future is asked for at
            // every poll, and what it keeps is moved once more (`tokio/feed/32/burst` in `benches/shells`).
            #[inline]
            fn put(&mut self, item: Outgo<'_>) -> impl Future<Output = Result<(), Error>> {
                let mut item = Some(item);
                poll_fn(move |cx| self.core().poll_queue(cx, &mut item))
            }

            #[inline]
            fn put_out(&mut self, item: Outgo<'_>) -> impl Future<Output = Result<(), Error>> {
                let mut item = Some(item);
                poll_fn(move |cx| self.core().poll_send(cx, &mut item))
            }
        }

        impl<T: Io> Sink<Message> for $name<T> {
            type Error = Error;

            fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
                self.get_mut().core().poll_ready(cx)
            }

            fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
                self.get_mut().core().queue(message)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
                self.get_mut().core().poll_flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
                self.get_mut().poll_end(cx)
            }
        }
    };
}

receiving!(WebSocket);
receiving!(ReadHalf);
sending!(WebSocket);
sending!(WriteHalf);

impl<T: Io> WebSocket<T> {
    /// Says Close with code 1000. The end is left to who receives.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.start_close(CloseCode::NORMAL, "")?;
        self.core.poll_close_written(cx)
    }
}

/// For [`Reconnecting`](crate::Reconnecting).
impl<T: Io> WebSocket<T> {
    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        self.core.poll_message(cx)
    }

    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_ready(cx)
    }

    pub(crate) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_flush(cx)
    }

    pub(crate) fn poll_close_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_close_written(cx)
    }

    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_closed(cx)
    }

    /// Whether nothing is left to do with the stream.
    pub(crate) fn is_over(&self) -> bool {
        self.core.driver.is_over()
    }

    /// How many bytes the stream has taken of all that this connection writes.
    pub(crate) const fn written_position(&self) -> u64 {
        self.core.written()
    }

    /// Where in all that this connection writes the last byte is that was queued.
    pub(crate) fn queued_position(&self) -> u64 {
        self.core.written() + self.queued() as u64
    }
}

impl<T: Io> FusedStream for WebSocket<T> {
    fn is_terminated(&self) -> bool {
        self.core.has_ended()
    }
}

/// The half of a connection that receives; see [`WebSocket::split`].
pub struct ReadHalf<T: Io> {
    shared: Arc<Mutex<Core<T>>>,
}

/// The half of a connection that sends; see [`WebSocket::split`].
pub struct WriteHalf<T: Io> {
    shared: Arc<Mutex<Core<T>>>,
}

fn lock<T>(shared: &Mutex<Core<T>>) -> MutexGuard<'_, Core<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Io> ReadHalf<T> {
    fn core(&mut self) -> impl DerefMut<Target = Core<T>> {
        lock(&self.shared)
    }

    /// As [`WebSocket::closed`].
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared).closed()
    }

    /// As [`WebSocket::refused_len`].
    pub fn refused_len(&self) -> Option<u64> {
        lock(&self.shared).refused_len()
    }

    /// Joins the halves again.
    ///
    /// # Errors
    ///
    /// Both halves, if they are not of the same connection.
    pub fn reunite(self, write: WriteHalf<T>) -> Result<WebSocket<T>, ReuniteError<T>> {
        if !Arc::ptr_eq(&self.shared, &write.shared) {
            return Err(ReuniteError(self, write));
        }
        let WriteHalf { shared } = write;
        drop(self);
        match Arc::try_unwrap(shared) {
            Ok(core) => {
                let mut core = core.into_inner().unwrap_or_else(PoisonError::into_inner);
                core.is_reader_gone = false;
                Ok(WebSocket { core })
            }
            Err(_) => unreachable!("there are two halves"),
        }
    }
}

/// The other half works on: it drops what comes.
impl<T: Io> Drop for ReadHalf<T> {
    fn drop(&mut self) {
        let mut core = lock(&self.shared);
        core.is_reader_gone = true;
        core.wake(Side::Write);
    }
}

impl<T: Io> WriteHalf<T> {
    #[cfg(feature = "deflate")]
    fn core_ref(&self) -> MutexGuard<'_, Core<T>> {
        lock(&self.shared)
    }

    fn core(&mut self) -> impl DerefMut<Target = Core<T>> {
        lock(&self.shared)
    }

    /// As [`WebSocket::closed`].
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared).closed()
    }

    /// As [`WebSocket::refused_len`].
    pub fn refused_len(&self) -> Option<u64> {
        lock(&self.shared).refused_len()
    }

    /// How many bytes wait to be written.
    pub fn queued(&self) -> usize {
        lock(&self.shared).driver.pending_bytes()
    }

    /// Says Close. While there is a reading half, it waits until that is written: the reading half
    /// goes on with what the peer still sends, and comes to the end. Without one it waits for the end,
    /// as [`WebSocket::close`] does. Of `reason`, 123 bytes are sent at most.
    ///
    /// Cancel safe: the Close is queued at once, another call goes on waiting.
    ///
    /// # Errors
    ///
    /// What has ended the connection, unless that was a closing handshake.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        poll_fn(|cx| self.poll_said(cx)).await
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core().start_close(CloseCode::NORMAL, "")?;
        self.poll_said(cx)
    }

    fn poll_said(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut core = self.core();
        if core.is_reader_gone {
            core.poll_closed(cx)
        } else {
            core.poll_close_written(cx)
        }
    }
}

impl<T> fmt::Debug for WebSocket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

impl<T: Io> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.shared).finish()
    }
}

impl<T: Io> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.shared).finish()
    }
}

/// These halves are not of the same connection.
pub struct ReuniteError<T: Io>(pub ReadHalf<T>, pub WriteHalf<T>);

impl<T: Io> fmt::Debug for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<T: Io> fmt::Display for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("halves of different connections")
    }
}

impl<T: Io> StdError for ReuniteError<T> {}
