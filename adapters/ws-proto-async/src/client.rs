//! A client's handshake.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use ws_proto::handshake::{ClientHandshake, ClientRequest, Established, HandshakeError};
use ws_proto::{EitherRole, Input, Negotiated, OsRandom, Uri, UriError};

use crate::buffer::with_buffer;
use crate::core::driver;
use crate::error::ConnectError;
use crate::io::Io;
use crate::offer::{Agreed, Offer};
use crate::options::Options;
use crate::response::Response;
use crate::server::{READS, poll_write_all, wait};
use crate::socket::WebSocket;

/// What a client asks for: a URL with everything that goes along.
///
/// ```
/// use ws_proto_async::Connector;
///
/// let connector = Connector::new("ws://example.com/chat?room=1")?
///     .subprotocols(&["chat.v2", "chat.v1"])
///     .headers(&[("Authorization", b"Bearer abc")]);
/// assert_eq!(connector.uri().host(), "example.com");
/// # Ok::<(), ws_proto_async::UriError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Connector<'r> {
    uri: Uri<'r>,
    request: ClientRequest<'r>,
    offer: Offer<'r>,
    options: Options,
}

impl<'r> Connector<'r> {
    /// For this URL, `ws://` or `wss://`.
    ///
    /// # Errors
    ///
    /// [`UriError`] says what is wrong with it.
    pub fn new(url: &'r str) -> Result<Self, UriError> {
        let uri = Uri::parse(url)?;
        Ok(Self {
            uri,
            request: ClientRequest::from_uri(uri),
            offer: Offer::NONE,
            options: Options::new(),
        })
    }

    /// The subprotocols to offer, the favourite first.
    pub const fn subprotocols(mut self, subprotocols: &'r [&'r str]) -> Self {
        self.request = self.request.subprotocols(subprotocols);
        self
    }

    /// Whether it fails when subprotocols were offered and the server agrees to none; by default it
    /// goes on.
    pub const fn require_subprotocol(mut self, require: bool) -> Self {
        self.request = self.request.require_subprotocol(require);
        self
    }

    /// Further header fields, such as `Authorization` or `Cookie`.
    pub const fn headers(mut self, headers: &'r [(&'r str, &'r [u8])]) -> Self {
        self.request = self.request.headers(headers);
        self
    }

    /// `Origin`, such as `https://example.com`. Programs that are not browsers need none.
    pub const fn origin(mut self, origin: &'r str) -> Self {
        self.request = self.request.origin(origin);
        self
    }

    /// Offers permessage-deflate; without this, messages are not compressed.
    /// [`WebSocket::deflate`] tells whether the server has agreed.
    ///
    /// What is secret should not be compressed together with what others can choose: see
    /// [`WebSocket::send_uncompressed`].
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub const fn deflate(mut self, deflate: &'r ws_proto::extension::deflate::Deflate) -> Self {
        self.offer = Offer::new(deflate);
        self
    }

    /// Limits, timers and modes.
    pub const fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The URL, taken apart.
    pub const fn uri(&self) -> Uri<'r> {
        self.uri
    }

    /// How long it may take from the call on until there is a connection.
    pub const fn time(&self) -> Duration {
        self.options.handshake_time
    }
}

impl<'r> TryFrom<&'r str> for Connector<'r> {
    type Error = UriError;

    fn try_from(url: &'r str) -> Result<Self, UriError> {
        Self::new(url)
    }
}

impl<'r> TryFrom<&'r String> for Connector<'r> {
    type Error = UriError;

    fn try_from(url: &'r String) -> Result<Self, UriError> {
        Self::new(url)
    }
}

impl From<Infallible> for ConnectError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Asks the server at the other end of `io` for a WebSocket connection, within `time`.
///
/// Dropping the future drops the stream: there is no connection then.
///
/// # Errors
///
/// [`ConnectError`]; redirects are not followed, [`ConnectError::Refused`] has them.
pub async fn connect<T: Io>(
    mut io: T,
    connector: Connector<'_>,
    time: Duration,
) -> Result<(WebSocket<T>, Response), ConnectError> {
    let options = connector.options;
    let started = io.now();
    let nonce = OsRandom::nonce().ok_or(ConnectError::NoRandomness)?;
    let mut out = Vec::new();
    let limits = options.limits_within(time);
    let offer = connector.offer.element();
    let extension = offer.extension();
    let request = connector.request.extensions(extension.as_slice());
    let mut handshake = ClientHandshake::start(request, nonce, Vec::new(), limits, &mut out)?;
    let _ = handshake.tick(started);
    let (mut written, mut is_asked) = (0, false);
    let answer = poll_fn(|cx| {
        if !is_asked {
            // The answer is read meanwhile: it can be a refusal that does not wait for the end of
            // the request, and TLS has things to say as well. If writing fails, it tells why.
            is_asked = poll_write_all(&mut io, &out, &mut written, started + time, cx).is_ready();
        }
        poll_answer(&mut io, &mut handshake, connector.offer, cx)
    });
    let Answer {
        negotiated,
        agreed,
        response,
        received,
    } = answer.await?;
    let role = EitherRole::client(Box::new(OsRandom::new()));
    let driver = connector
        .offer
        .apply(agreed, driver(role, negotiated, &options));
    let websocket = WebSocket::new(io, driver, &received, response.subprotocol());
    Ok((websocket, response))
}

struct Answer {
    negotiated: Negotiated,
    agreed: Agreed,
    response: Response,
    /// What was read behind it.
    received: Vec<u8>,
}

impl Answer {
    fn of(
        established: &Established<'_>,
        offer: Offer<'_>,
        received: &[u8],
    ) -> Result<Self, HandshakeError> {
        Ok(Self {
            negotiated: established.negotiated(),
            agreed: offer.answered(established.extensions())?,
            response: Response::established(established),
            received: received.to_vec(),
        })
    }
}

fn poll_answer<T: Io>(
    io: &mut T,
    handshake: &mut ClientHandshake<Vec<u8>>,
    offer: Offer<'_>,
    cx: &mut Context<'_>,
) -> Poll<Result<Answer, ConnectError>> {
    let mut reads = 0;
    loop {
        let read = with_buffer(|buffer| match io.poll_read(cx, buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(ConnectError::Io(error))),
            Poll::Ready(Ok(0)) => {
                let error = handshake.receive_eof().err();
                let error = error.unwrap_or(HandshakeError::UnexpectedEof);
                Poll::Ready(Err(ConnectError::Handshake(error)))
            }
            Poll::Ready(Ok(n)) => {
                let mut input = Input::new(buffer.get_mut(..n).unwrap_or_default());
                Poll::Ready(match handshake.receive(&mut input) {
                    Ok(Some(established)) => Answer::of(&established, offer, input.bytes())
                        .map(Some)
                        .map_err(ConnectError::Handshake),
                    Ok(None) => Ok(None),
                    Err(error) => Err(ConnectError::Handshake(error)),
                })
            }
        });
        let error = match read {
            Poll::Ready(Ok(Some(answer))) => return Poll::Ready(Ok(answer)),
            Poll::Ready(Ok(None)) if reads < READS => {
                reads += 1;
                continue;
            }
            Poll::Ready(Err(error)) => error,
            paused => match handshake.tick(io.now()) {
                Err(error) => ConnectError::TimedOut(error),
                Ok(deadline) if wait(io, paused.is_ready(), deadline, cx) => return Poll::Pending,
                Ok(_) => continue,
            },
        };
        return Poll::Ready(Err(match handshake.refusal() {
            Some(refusal) => ConnectError::Refused(Box::new(Response::refusal(&refusal))),
            None => error,
        }));
    }
}
