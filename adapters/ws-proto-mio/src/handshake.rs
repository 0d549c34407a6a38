//! Handshakes under way.

use std::fmt;

use ws_proto::Instant;
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::{Deflate, DeflateElement};
use ws_proto::handshake::{
    Accept, ClientHandshake, HandshakeError, HeadError, Headers, Incoming, OriginPolicy,
    PlainResponse as Reply, RequestError, ServerHandshake,
};
use ws_proto::{Input, Negotiated, OsRandom};

use crate::connector::Connector;
use crate::engine::Agreed;
use crate::error::{ConnectError, Error};
use crate::options::Options;
use crate::outgoing::Outgoing;
use crate::response::Response;

/// A server's handshake.
#[derive(Debug)]
pub(crate) struct Accepting {
    pub(crate) handshake: ServerHandshake<Vec<u8>>,
    pub(crate) options: Options,
    /// The loop has been given the request.
    pub(crate) is_shown: bool,
    pub(crate) answer: Option<Answer>,
}

/// What the loop has decided.
#[derive(Debug)]
pub(crate) enum Answer {
    Accepted {
        negotiated: Negotiated,
        agreed: Agreed,
        subprotocol: Option<Box<str>>,
    },
    Responded,
    Unfit(HandshakeError),
}

impl Accepting {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            handshake: ServerHandshake::new(Vec::new(), options.limits),
            options,
            is_shown: false,
            answer: None,
        }
    }

    /// Reads the request; gives it once it is there.
    pub(crate) fn request<'t>(
        &'t mut self,
        input: &mut Input<'_>,
        out: &'t mut Outgoing,
    ) -> Result<Option<Request<'t>>, HandshakeError> {
        let mut refusal = out.sink(usize::MAX, true);
        let incoming = match self.handshake.receive_any(input, &mut refusal) {
            Ok(incoming) => incoming,
            Err(RequestError::Failed(error)) => return Err(error),
            // The sink always has room, and nothing is read once the request was accepted.
            Err(_) => None,
        };
        Ok(incoming.map(|incoming| Request {
            incoming,
            out,
            options: &self.options,
            answer: &mut self.answer,
        }))
    }
}

/// A client's request: look at it, then [`accept`](Self::accept) or [`respond`](Self::respond).
///
/// To decide later, drop it, and take it again by [`WebSocket::request`](crate::WebSocket::request).
pub struct Request<'t> {
    incoming: Incoming<'t>,
    out: &'t mut Outgoing,
    options: &'t Options,
    answer: &'t mut Option<Answer>,
}

impl<'t> Request<'t> {
    /// Whether it asks for a WebSocket connection; else it is a plain request of HTTP, for a page or
    /// a health check, and has been looked at no further.
    pub const fn is_upgrade(&self) -> bool {
        matches!(self.incoming, Incoming::Upgrade(_))
    }

    /// The method; `GET` for a WebSocket connection.
    pub const fn method(&self) -> &'t str {
        match &self.incoming {
            Incoming::Plain(plain) => plain.method(),
            _ => "GET",
        }
    }

    /// Path and query, such as `/chat?room=1`.
    pub fn target(&self) -> &'t str {
        match &self.incoming {
            Incoming::Upgrade(upgrade) => upgrade.target(),
            Incoming::Plain(plain) => plain.target(),
        }
    }

    /// The path, such as `/chat`.
    pub fn path(&self) -> &'t str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The query, such as `room=1`.
    pub fn query(&self) -> Option<&'t str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// `host[:port]`.
    pub fn host(&self) -> &'t str {
        match &self.incoming {
            Incoming::Upgrade(upgrade) => upgrade.host(),
            Incoming::Plain(plain) => plain.host().unwrap_or_default(),
        }
    }

    /// The header fields.
    pub const fn headers(&self) -> Headers<'t> {
        match &self.incoming {
            Incoming::Upgrade(upgrade) => upgrade.headers(),
            Incoming::Plain(plain) => plain.headers(),
        }
    }

    /// `Origin`: which site's script is asking.
    pub fn origin(&self) -> Option<&'t [u8]> {
        self.headers().get("Origin")
    }

    /// Whether a site's script may ask this. Without this check every page that a user visits can
    /// connect in the user's name.
    pub fn is_allowed_by(&self, origins: &OriginPolicy<'_>) -> bool {
        origins.allows_origin(self.origin(), self.host())
    }

    /// The subprotocols that the client offers, its favourite first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'t str> {
        let upgrade = match &self.incoming {
            Incoming::Upgrade(upgrade) => Some(upgrade.subprotocols()),
            Incoming::Plain(_) => None,
        };
        upgrade.into_iter().flatten()
    }

    /// The first of `preferred` that the client offers.
    pub fn choose_subprotocol<'p>(&self, preferred: &[&'p str]) -> Option<&'p str> {
        let offered = |wanted: &&'p str| self.subprotocols().any(|offered| offered == *wanted);
        preferred.iter().copied().find(offered)
    }

    /// Accepts: queues the 101. With `Options::deflate` permessage-deflate is agreed on if the
    /// client offers it, in place of the extensions of `accept`. What is not a request for a
    /// WebSocket connection is refused.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if `accept` is not possible. Nothing is decided then.
    pub fn accept(self, accept: &Accept<'_>) -> Result<(), HeadError> {
        let out = &mut self.out.sink(usize::MAX, true);
        let upgrade = match self.incoming {
            Incoming::Upgrade(upgrade) => upgrade,
            Incoming::Plain(plain) => {
                *self.answer = Some(Answer::Unfit(plain.refuse(out)?));
                return Ok(());
            }
        };
        let subprotocol = accept.chosen_subprotocol().map(Into::into);
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &self.options.deflate {
            let element = deflate.accept(upgrade.extensions());
            let extension = element.as_ref().map(DeflateElement::extension);
            let accept = accept.extensions(extension.as_slice());
            let negotiated = upgrade.accept(&accept, out)?;
            let deflate = element.as_ref().map(DeflateElement::params);
            *self.answer = Some(Answer::Accepted {
                negotiated,
                agreed: Agreed { deflate },
                subprotocol,
            });
            return Ok(());
        }
        let _ = self.options;
        let negotiated = upgrade.accept(accept, out)?;
        *self.answer = Some(Answer::Accepted {
            negotiated,
            agreed: Agreed::default(),
            subprotocol,
        });
        Ok(())
    }

    /// Answers with another response: refuses, redirects, or serves a page. Then the stream is
    /// closed.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if that cannot be sent. Nothing is decided then.
    pub fn respond(self, response: &Reply<'_>) -> Result<(), HeadError> {
        let out = &mut self.out.sink(usize::MAX, true);
        match self.incoming {
            Incoming::Upgrade(upgrade) => upgrade.reject(response, out)?,
            Incoming::Plain(plain) => plain.respond(response, out)?,
        }
        *self.answer = Some(Answer::Responded);
        Ok(())
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("headers", &self.headers())
            .finish_non_exhaustive()
    }
}

/// A client's handshake.
#[derive(Debug)]
pub(crate) struct Connecting {
    handshake: ClientHandshake<Vec<u8>>,
    pub(crate) options: Options,
    pub(crate) deadline: Option<Instant>,
}

/// What a server's answer leads to.
pub(crate) enum Answered {
    Established {
        negotiated: Negotiated,
        agreed: Agreed,
        response: Response,
    },
    More,
    Failed(Error),
}

impl Connecting {
    /// Writes the request to `out`.
    pub(crate) fn start(
        connector: &Connector,
        options: Options,
        out: &mut Outgoing,
    ) -> Result<Self, ConnectError> {
        let nonce = OsRandom::nonce().ok_or(ConnectError::NoRandomness)?;
        let mut written = Vec::new();
        #[cfg(feature = "deflate")]
        let offer = options.deflate.as_ref().map(Deflate::offer);
        #[cfg(feature = "deflate")]
        let extension = offer.as_ref().map(DeflateElement::extension);
        #[cfg(feature = "deflate")]
        let extensions = extension.as_slice();
        #[cfg(not(feature = "deflate"))]
        let extensions = &[];
        let handshake = connector.with_request(extensions, |request| {
            ClientHandshake::start(request, nonce, Vec::new(), options.limits, &mut written)
        })?;
        out.push_shared(written.into(), false);
        Ok(Self {
            handshake,
            options,
            deadline: None,
        })
    }

    pub(crate) fn deadline(&mut self, now: Instant) -> Instant {
        *self
            .deadline
            .get_or_insert(now + self.options.handshake_time)
    }

    /// Takes received bytes. What follows the answer stays in `input`.
    pub(crate) fn receive(&mut self, input: &mut Input<'_>) -> Answered {
        match self.handshake.receive(input) {
            Ok(Some(established)) => {
                #[cfg(feature = "deflate")]
                let agreed = match &self.options.deflate {
                    None => Agreed::default(),
                    Some(deflate) => match deflate.answered(established.extensions()) {
                        Ok(deflate) => Agreed { deflate },
                        Err(error) => return Answered::Failed(Error::Handshake(error)),
                    },
                };
                #[cfg(not(feature = "deflate"))]
                let agreed = Agreed::default();
                Answered::Established {
                    negotiated: established.negotiated(),
                    agreed,
                    response: Response::established(&established),
                }
            }
            Ok(None) => Answered::More,
            Err(error) => self.failed(error),
        }
    }

    /// The stream has ended.
    pub(crate) fn receive_eof(&mut self) -> Answered {
        let ended = self.handshake.receive_eof().err();
        self.failed(ended.unwrap_or(HandshakeError::UnexpectedEof))
    }

    fn failed(&self, error: HandshakeError) -> Answered {
        Answered::Failed(match self.handshake.refusal() {
            Some(refusal) => Error::Refused(Box::new(Response::refusal(&refusal))),
            None => Error::Handshake(error),
        })
    }
}
