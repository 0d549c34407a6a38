//! The next step of the driver with the transport.

/// The next step of the driver with the transport, once it has written the output.
///
/// Engines do not close sockets, so they say when it is time to (RFC 6455 7.1.1).
/// [`driving`](crate::driving#half-close-and-drain) shows it in a program.
///
/// | state | what leads there | the driver | the state ends |
/// |---|---|---|---|
/// | [`Open`](Self::Open) | the handshake | writes, reads, calls `tick` by its deadline | with a Close, a fault, the end of the input, [`TimedOut::Pong`] or [`TimedOut::Close`] |
/// | [`AwaitEof`](Self::AwaitEof) | a client has both Close frames; or our Close is owed | writes out, reads to the end of the input and drops it, reports the end with [`receive_eof`]; does not half-close | with the end of the input, [`TimedOut::Eof`] or [`TimedOut::Drain`]; or the Close that was owed is written |
/// | [`Close`](Self::Close) | a server has both Close frames; a fault; the end of the input | writes out, half-closes, reads to the end of the input and drops it, closes | when the driver has closed, or [`TimedOut::Drain`] |
/// | [`Abort`](Self::Abort) | [`TimedOut`] | closes at once | never |
///
/// In all of them the driver goes on calling [`tick`] until it has closed the transport; then it stops asking.
/// The close timer ([`Config::close_timeout`]) runs from the first `tick` in `AwaitEof` and in `Close`, so that
/// a peer that reads nothing, or never ends its side, holds no connection. In a handshake that was refused
/// [`Limits::drain`](crate::handshake::Limits::drain) is that time. The engine does not know whether
/// output waits, so it does not know when all is written.
///
/// With [`Config::manual_close`] the state stays `Open` after the peer's Close, until the application has
/// sent its own. The driver goes on reading, for the end of the input.
///
/// A Close that the engine has to send is owed while there is no masking key or no room for it. It comes
/// from a later [`tick`], even if nothing waits in the output now. So the state is `AwaitEof`, in
/// both roles and after a fault too: the driver keeps its writing side open, and calls [`tick`] again when
/// it has written. With the Close in the output the state is the same as without the delay.
///
/// Why `Close` reads on: a transport that is closed while bytes of the peer's wait in it is reset, and
/// the reset may overtake the last output. The peer then never sees the Close frame that says why, or a
/// server's refusal of its handshake.
///
/// | step | TCP | TLS | a stream of HTTP/2 or HTTP/3 |
/// |---|---|---|---|
/// | write out | `write` until all is taken | the same, through the TLS session | DATA frames, as far as the window allows; consumed input gives window back |
/// | half-close | `shutdown(SHUT_WR)`: FIN | `close_notify`, then `shutdown(SHUT_WR)` | END_STREAM on the last DATA frame, or on an empty one after it; FIN in HTTP/3 |
/// | the end of the input | `read` returns 0 | `close_notify`; a FIN without it is fine after both Close frames | END_STREAM or FIN; a reset is an error of the transport |
/// | close | `close` | `close` | both sides have ended: drop the stream, the HTTP connection stays |
/// | abort | `close`, or with `SO_LINGER` 0 a reset | the same, without `close_notify` | a reset with CANCEL (RFC 8441 5) or H3_REQUEST_CANCELLED (RFC 9220 3), see [`cancel_code`] |
///
/// Most HTTP stacks reset a stream that the program drops before both sides have ended. A reset destroys what still
/// waits to be sent or to be read: the last message, the Close frame. So keep the stream until both sides have ended,
/// and reset it only in `Abort`:
///
/// | state | our side of the stream | the peer's side of the stream |
/// |---|---|---|
/// | `Open` | send DATA | read DATA; report END_STREAM or a reset with [`receive_eof`] |
/// | `AwaitEof` | send the DATA that waits, no END_STREAM | read to END_STREAM or a reset, report it |
/// | `Close` | send the DATA that waits, then END_STREAM, once | read to END_STREAM or a reset, then drop the stream |
/// | `Abort` | reset with [`cancel_code`] | in HTTP/3 STOP_SENDING with the same code |
///
/// The end of the input that the engine knows of, or an error of the transport, leaves nothing to read: the
/// driver then only writes out and closes. A failed write does not end reading: the peer's Close may lie
/// there to be read.
///
/// Exhaustive on purpose: a driver has to know each state, so another one is a breaking change.
///
/// ```
/// use ws_proto::{CloseCode, CloseReason, Config, Connection, Input, Negotiated, Transport};
///
/// let mut client = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut out = Vec::new();
/// client.close(CloseCode::NORMAL, CloseReason::EMPTY, &mut out)?;
/// assert_eq!(client.transport(), Transport::Open); // the server's Close has not come
///
/// let mut read = *b"\x88\x02\x03\xe8";
/// client.receive(&mut Input::new(&mut read), &mut out)?;
/// assert_eq!(client.transport(), Transport::AwaitEof); // the server closes first
/// client.receive_eof()?;
/// assert_eq!(client.transport(), Transport::Close);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`TimedOut`]: crate::TimedOut
/// [`TimedOut::Pong`]: crate::TimedOut::Pong
/// [`TimedOut::Close`]: crate::TimedOut::Close
/// [`TimedOut::Eof`]: crate::TimedOut::Eof
/// [`TimedOut::Drain`]: crate::TimedOut::Drain
/// [`receive_eof`]: crate::Connection::receive_eof
/// [`tick`]: crate::Connection::tick
/// [`Config::close_timeout`]: crate::Config::close_timeout
/// [`Config::manual_close`]: crate::Config::manual_close
/// [`cancel_code`]: crate::handshake::HttpStream::cancel_code
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Go on reading and writing.
    Open,
    /// Write out, then read until the transport ends; do not half-close. The server closes first (RFC 6455
    /// 7.1.1), or our Close frame is still to be written.
    AwaitEof,
    /// Write out, half-close, read until the transport ends, close.
    Close,
    /// Close the transport now. What it does not take at once is not worth waiting for.
    Abort,
}
