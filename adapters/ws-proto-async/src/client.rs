//! A client's handshake.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ws_proto::opening::{
    ConnectError, ConnectTimeout, Connecting, Connector, Opened, Response, Stage,
};
use ws_proto::{EitherRole, Instant, OsRandom};

use crate::buffer::with_buffer;
use crate::io::{Io, poll_read};
use crate::server::{READS, poll_write_pending, wait};
use crate::socket::WebSocket;

/// Asks the server at the other end of `io` for a WebSocket connection, within `time`.
///
/// Dropping the future drops the stream: there is no connection then.
///
/// # Errors
///
/// [`ConnectError`]; redirects are not followed, [`ConnectError::Refused`] has them.
pub async fn connect<T: Io>(
    mut io: T,
    connector: Connector,
    time: Duration,
) -> Result<(WebSocket<T>, Response), ConnectError> {
    let nonce = OsRandom::nonce().ok_or(ConnectError::NoRandomness)?;
    let mut opening = Opening {
        connecting: Connecting::start_within(&connector, nonce, time)?,
        time,
        deadline: io.now() + time,
        written: None,
        answer: None,
    };
    opening.connecting.tick(io.now())?;
    let answer = poll_fn(|cx| opening.poll(&mut io, cx)).await?;
    let role = EitherRole::client(Box::new(OsRandom::new()));
    let driver = answer.opened.either(role).sharing();
    let subprotocol = answer.response.subprotocol();
    let websocket = WebSocket::new(io, driver, &answer.received, subprotocol);
    Ok((websocket, answer.response))
}

struct Answer {
    opened: Opened,
    response: Response,
    /// What was read after it.
    received: Vec<u8>,
}

struct Opening {
    connecting: Connecting,
    /// How long it may take.
    time: Duration,
    deadline: Instant,
    /// How writing the request has ended.
    written: Option<io::Result<()>>,
    /// It came before all of the request was written.
    answer: Option<Answer>,
}

impl Opening {
    /// Writes the request and reads the answer, both at once: the answer can be a refusal that does not wait
    /// for the end of the request, and TLS has its own bytes to send.
    fn poll<T: Io>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Answer, ConnectError>> {
        if self.written.is_none() {
            if let Poll::Ready(written) = poll_write_pending(io, &mut self.connecting, cx) {
                self.written = Some(written);
            }
        }
        let answer = match self.answer.take() {
            Some(answer) => Ok(answer),
            None => ready!(self.poll_answer(io, cx)),
        };
        Poll::Ready(match (answer, self.written.take()) {
            // A refusal says more than a failed write, and that more than the end of the stream.
            (Err(refused @ ConnectError::Refused(_)), _) => Err(refused),
            (_, Some(Err(error))) => Err(error.into()),
            (Ok(answer), None) => {
                self.answer = Some(answer);
                ready!(io.poll_until(cx, self.deadline));
                Err(ConnectTimeout::new(Stage::Handshake, self.time).into())
            }
            (answer, _) => answer,
        })
    }

    fn poll_answer<T: Io>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Answer, ConnectError>> {
        let connecting = &mut self.connecting;
        let mut reads = 0;
        loop {
            let read = with_buffer(|buffer| match poll_read(io, cx, buffer) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(connecting.explain(error))),
                Poll::Ready(Ok(0)) => Poll::Ready(Err(connecting.receive_eof())),
                Poll::Ready(Ok(n)) => {
                    let mut rest = buffer.get_mut(..n).unwrap_or_default();
                    let answer = connecting.receive(&mut rest);
                    Poll::Ready(answer.map(|answer| {
                        answer.map(|(opened, response)| Answer {
                            opened,
                            response,
                            received: rest.to_vec(),
                        })
                    }))
                }
            });
            match read {
                Poll::Ready(Ok(Some(answer))) => return Poll::Ready(Ok(answer)),
                Poll::Ready(Ok(None)) if reads < READS => reads += 1,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                paused => {
                    let deadline = connecting.tick(io.now())?;
                    if wait(io, paused.is_ready(), deadline, cx) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}
