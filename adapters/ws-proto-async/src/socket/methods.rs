//! The methods that the whole connection shares with its halves.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::DeflateParams;
use ws_proto::{CloseCode, ControlPayload, Fin};

use super::{ReadHalf, WebSocket, WriteHalf};
use crate::core::Outgo;
use crate::error::{Error, TrySendError};
use crate::io::Io;
use crate::message::{Event, Message, Piece, PreparedMessage};
use crate::utf8_bytes::Utf8Bytes;

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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// while let Some(message) = socket.next().await {
            ///     println!("{:?}", message?);
            /// }
            /// println!("{:?}", socket.closed()); // code and reason of the peer
            /// # Ok(())
            /// # });
            /// ```
            ///
            /// # Errors
            ///
            /// The error that ended the connection, once. After a closing handshake this returns `None` instead.
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// use ws_proto_async::Event;
            ///
            /// while let Some(event) = socket.next_event().await {
            ///     match event? {
            ///         Event::Message(message) => println!("{message:?}"),
            ///         Event::Pong(payload) => println!("an answer to our Ping: {payload:?}"),
            ///         Event::Ping(_) => {} // answered
            ///         Event::Close(closed) => println!("{:?}", closed.code),
            ///         _ => {}
            ///     }
            /// }
            /// # Ok(())
            /// # });
            /// ```
            ///
            /// # Errors
            ///
            /// As [`next`](Self::next).
            pub fn next_event(&mut self) -> impl Future<Output = Option<Result<Event, Error>>> {
                poll_fn(move |cx| self.core().poll_event(cx))
            }

            /// The received part of the next or the current message, so that a big one need not be held;
            /// `None` after the end. Set `Config::max_message` to what may come.
            ///
            /// Cancel safe: the next call goes on where this one was.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// let mut bytes = 0;
            /// while let Some(piece) = socket.next_piece().await {
            ///     let piece = piece?;
            ///     bytes += piece.data.len(); // or write it to a file
            ///     if piece.last {
            ///         println!("a message of {bytes} bytes");
            ///         bytes = 0;
            ///     }
            /// }
            /// # Ok(())
            /// # });
            /// ```
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.send("a text").await?;
            /// socket.send(vec![1, 2, 3]).await?; // binary
            /// # Ok(())
            /// # });
            /// ```
            ///
            /// # Errors
            ///
            /// Why the message could not be sent, or the error that ended the connection.
            pub fn send(
                &mut self,
                message: impl Into<Message>,
            ) -> impl Future<Output = Result<(), Error>> {
                self.put_out(Outgo::Message(message.into()))
            }

            /// Sends a message as [`send`](Self::send) does, but not compressed, even if that was agreed
            /// on. For secrets, which the compressed length of a secret together with other text can
            /// reveal, and for data that is compressed already. Later messages do not refer to it.
            ///
            /// Cancel safe: the message is queued as a whole or not at all.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.send_uncompressed("password: 1234").await?;
            /// # Ok(())
            /// # });
            /// ```
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

            /// The parameters of permessage-deflate that were agreed on; `None` if messages are not compressed.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// if let Some(params) = socket.deflate() {
            ///     println!("compressed: {params:?}");
            /// }
            /// # Ok(())
            /// # });
            /// ```
            #[cfg(feature = "deflate")]
            #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
            pub fn deflate(&self) -> Option<DeflateParams> {
                self.core_ref().driver.deflate()
            }

            /// Whether messages that begin from now on are compressed, by every way of sending,
            /// parts and `Sink` among them. They are, if permessage-deflate was agreed on and nothing
            /// else is said. What was queued stays as it is, and so does a message of which parts
            /// have been sent.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.set_compressing(false);
            /// socket.send("as it is").await?;
            /// socket.set_compressing(true);
            /// # Ok(())
            /// # });
            /// ```
            #[cfg(feature = "deflate")]
            #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
            pub fn set_compressing(&mut self, compressing: bool) {
                self.core().driver.set_compressing(compressing);
            }

            /// Sends a text message, as [`send`](Self::send) does.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.send_text("hello").await?;
            /// socket.send_text(format!("hello {}", 2)).await?;
            /// # Ok(())
            /// # });
            /// ```
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

            /// Sends a binary message, as [`send`](Self::send) does. A payload from 8 KiB on is not
            /// copied, unless a client has to mask it or it is compressed.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.send_binary(vec![0; 1 << 20]).await?;
            /// # Ok(())
            /// # });
            /// ```
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
            /// compresses. Of a server nothing is encoded again, and from 8 KiB on nothing is copied.
            ///
            /// Cancel safe: the message is queued as a whole or not at all.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// use ws_proto_async::{Message, PreparedMessage};
            ///
            /// let news = PreparedMessage::from(Message::from("to all of you")); // once, for all connections
            /// socket.send_prepared(&news).await?;
            /// # Ok(())
            /// # });
            /// ```
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// use ws_proto_async::Fin;
            ///
            /// for line in ["one\n", "two\n"] {
            ///     socket.send_text_part(line, Fin::No).await?;
            /// }
            /// socket.send_text_part("", Fin::Yes).await?; // one message of two lines
            /// # Ok(())
            /// # });
            /// ```
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// use ws_proto_async::Fin;
            ///
            /// socket.send_binary_part(vec![0; 65536], Fin::No).await?;
            /// socket.send_binary_part(vec![0; 100], Fin::Yes).await?;
            /// # Ok(())
            /// # });
            /// ```
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

            /// Waits for room and queues a message. It is written with later messages, once 16 KiB wait, or
            /// when this connection is waited for: by [`flush`](Self::flush), or by receiving once all that
            /// was read is taken.
            ///
            /// Cancel safe: the message is queued as a whole or not at all.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// // Answers all messages of one read with one write.
            /// while let Some(message) = socket.next().await {
            ///     socket.feed(message?).await?;
            /// }
            /// # Ok(())
            /// # });
            /// ```
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// use ws_proto_async::{Message, PreparedMessage};
            ///
            /// for text in ["one", "two"] {
            ///     socket.feed_prepared(&PreparedMessage::from(Message::from(text))).await?;
            /// }
            /// socket.flush().await?;
            /// # Ok(())
            /// # });
            /// ```
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.feed("one").await?;
            /// socket.feed("two").await?;
            /// socket.flush().await?; // both in one write
            /// # Ok(())
            /// # });
            /// ```
            ///
            /// # Errors
            ///
            /// The error that ended the connection.
            pub fn flush(&mut self) -> impl Future<Output = Result<(), Error>> {
                poll_fn(move |cx| self.core().poll_flush(cx))
            }

            /// Waits until a message can be queued: less than the high-water mark waits.
            ///
            /// Cancel safe: it changes nothing.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.ready().await?; // can be cancelled: nothing is queued yet
            /// if let Err(error) = socket.try_send("now") {
            ///     println!("{error}");
            /// }
            /// # Ok(())
            /// # });
            /// ```
            ///
            /// # Errors
            ///
            /// The error that ended the connection.
            pub fn ready(&mut self) -> impl Future<Output = Result<(), Error>> {
                poll_fn(move |cx| self.core().poll_ready(cx))
            }

            /// Queues a message at once, if there is room. It is written when this connection is
            /// waited for, by [`flush`](Self::flush) for instance.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// use ws_proto_async::TrySendError;
            ///
            /// match socket.try_send("news") {
            ///     Ok(()) => {}
            ///     Err(TrySendError::Full(message)) => println!("too slow for {message:?}"),
            ///     Err(error) => println!("{error}"),
            /// }
            /// # Ok(())
            /// # });
            /// ```
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.ping(b"are you there").await?; // `next_event` shows the Pong
            /// # Ok(())
            /// # });
            /// ```
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
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// socket.pong(b"").await?; // a sign of life that asks for no answer
            /// # Ok(())
            /// # });
            /// ```
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

            /// Queues our Close. Nothing can be sent after it; messages of the peer before its own
            /// Close still come, then the connection ends. Of `reason`, 123 bytes are sent at most.
            ///
            /// ```
            /// # ws_proto_suite::shells::example::connected(async |mut socket| {
            /// use ws_proto_async::CloseCode;
            ///
            /// socket.start_close(CloseCode::NORMAL, "that is all")?;
            /// while let Some(message) = socket.next().await {
            ///     println!("still received: {:?}", message?);
            /// }
            /// # Ok(())
            /// # });
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Send`] if this code is not for this role. On a connection that has ended it
            /// does nothing.
            pub fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
                self.core().start_close(code, reason)
            }

            // Not `async`, as all that only waits for one thing: the state of such a future is asked for at
            // every poll, and its value is moved once more (`tokio/feed/32/burst` in `benches/shells`).
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
