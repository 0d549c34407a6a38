//! A client's handshake.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ws_proto::opening::{Asking, ConnectError, ConnectTimeout, Connecting, Connector, Response};
use ws_proto::{EitherRole, Instant, OsRandom};

use crate::buffer::with_buffer;
use crate::io::{Io, poll_read};
use crate::server::{READS, poll_write_pending, wait};
use crate::socket::WebSocket;

/// Asks the server at the other end of `io` for a WebSocket connection, within `time`.
///
/// Dropping the future drops the stream: there is no connection then.
///
/// ```
/// # ws_proto_suite::shells::example::reached(async |io| {
/// use std::time::Duration;
/// use ws_proto_async::Connector;
/// use ws_proto_async::client::connect_over;
///
/// let connector = Connector::new("ws://example.com/chat")?.header("Authorization", "Bearer abc");
/// let (socket, response) = connect_over(io, connector, Duration::from_secs(10)).await?;
/// assert_eq!((response.status(), socket.subprotocol()), (101, None));
/// # Ok(())
/// # });
/// ```
///
/// # Errors
///
/// [`ConnectError`]; redirects are not followed, [`ConnectError::Refused`] has them.
pub async fn connect_over<T: Io>(
    io: T,
    connector: Connector,
    time: Duration,
) -> Result<(WebSocket<T>, Response), ConnectError> {
    // Boxed, as in `accept`: a task stays as big as its biggest future.
    Box::pin(connect_after(io, &[], connector, time)).await
}

/// As [`connect_over`], with a stream of which `received` was read already.
pub(crate) async fn connect_after<T: Io>(
    mut io: T,
    received: &[u8],
    connector: Connector,
    time: Duration,
) -> Result<(WebSocket<T>, Response), ConnectError> {
    let nonce = OsRandom::nonce().ok_or(ConnectError::NoRandomness)?;
    let connecting = Connecting::start_within(&connector, nonce, time)?;
    let ((opened, response), received) = ask(&mut io, connecting, received, time).await?;
    let role = EitherRole::client(Box::new(OsRandom::new()));
    let driver = opened.with_role(role).sharing();
    let websocket = WebSocket::new(io, driver, &received, response.subprotocol());
    Ok((websocket, response))
}

/// An answer, and the bytes that were read after it.
pub(crate) type Answered<A> = (A, Vec<u8>);

/// Writes the request of `asking` and reads the answer, within `time`; `received` was read before.
pub(crate) async fn ask<T: Io, A: Asking>(
    io: &mut T,
    asking: A,
    received: &[u8],
    time: Duration,
) -> Result<Answered<A::Answer>, ConnectError> {
    let mut opening = Opening {
        asking,
        time,
        deadline: io.now() + time,
        written: None,
        answer: None,
    };
    opening.asking.tick(io.now())?;
    if !received.is_empty() {
        opening.answer = opening.receive(&mut received.to_vec())?;
    }
    poll_fn(|cx| opening.poll(io, cx)).await
}

struct Opening<A: Asking> {
    asking: A,
    /// How long it may take.
    time: Duration,
    deadline: Instant,
    /// How writing the request has ended.
    written: Option<io::Result<()>>,
    /// It came before all of the request was written.
    answer: Option<Answered<A::Answer>>,
}

impl<A: Asking> Opening<A> {
    /// Writes the request and reads the answer, both at once: the answer can be a refusal that does not wait
    /// for the end of the request, and TLS has its own bytes to send.
    fn poll<T: Io>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Answered<A::Answer>, ConnectError>> {
        if self.written.is_none() {
            if let Poll::Ready(written) = poll_write_pending(io, &mut self.asking, cx) {
                self.written = Some(written);
            }
        }
        let answer = match self.answer.take() {
            Some(answer) => Ok(answer),
            None => ready!(self.poll_answer(io, cx)),
        };
        Poll::Ready(match (answer, self.written.take()) {
            // It says more than the end of the stream, and a refusal says more.
            (_, Some(Err(error))) => Err(self.asking.explain(error.into())),
            (Ok(answer), None) => {
                self.answer = Some(answer);
                ready!(io.poll_until(cx, self.deadline));
                let late = ConnectTimeout::new(A::STAGE, self.time);
                Err(self.asking.explain(late.into()))
            }
            (answer, _) => answer,
        })
    }

    fn poll_answer<T: Io>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Answered<A::Answer>, ConnectError>> {
        let mut reads = 0;
        loop {
            let read = with_buffer(|buffer| match poll_read(io, cx, buffer) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(self.asking.explain(error.into()))),
                Poll::Ready(Ok(0)) => Poll::Ready(Err(self.asking.receive_eof())),
                Poll::Ready(Ok(n)) => {
                    Poll::Ready(self.receive(buffer.get_mut(..n).unwrap_or_default()))
                }
            });
            match read {
                Poll::Ready(Ok(Some(answer))) => return Poll::Ready(Ok(answer)),
                Poll::Ready(Ok(None)) if reads < READS => reads += 1,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                paused => {
                    let deadline = self.asking.tick(io.now())?;
                    if wait(io, paused.is_ready(), deadline, cx) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn receive(
        &mut self,
        mut bytes: &mut [u8],
    ) -> Result<Option<Answered<A::Answer>>, ConnectError> {
        let answer = self.asking.receive(&mut bytes)?;
        Ok(answer.map(|answer| (answer, bytes.to_vec())))
    }
}
