//! Handshakes under way.

use std::fmt;

use ws_proto::handshake::{Accept, HeadError, PlainResponse};
use ws_proto::opening::{self, AcceptError, Connecting, Connector, Opened, Response};
use ws_proto::{EitherRole, Instant, Negotiated, OsRandom};

use crate::error::{ConnectError, Error};
use crate::options::Options;
use crate::socket::{Driver, Either};

/// A handshake, with the settings for the connection after it.
#[derive(Debug)]
pub(crate) struct Handshake {
    side: Side,
    options: Options,
    /// What was received after the request.
    pub(crate) early: Vec<u8>,
}

#[derive(Debug)]
enum Side {
    Server(Accepting),
    Client(Connecting),
}

#[derive(Debug)]
struct Accepting {
    handshake: opening::Accepting,
    /// What the loop has been given.
    request: Option<opening::Request>,
    answer: Option<Answer>,
}

/// What the loop has decided.
#[derive(Debug)]
pub(crate) enum Answer {
    Accepted(Box<Opened>),
    /// The response is another, for this reason if it is an error.
    Refused(Option<Error>),
}

/// What received bytes lead to.
pub(crate) enum Received {
    More,
    /// The request is there, for the first time.
    Request,
    Response(Box<Opened>, Response),
    Failed(Error),
}

impl Handshake {
    pub(crate) fn accept(options: Options) -> Self {
        let side = Side::Server(Accepting {
            handshake: opening::Accepting::new(options.opening),
            request: None,
            answer: None,
        });
        Self::new(side, options)
    }

    pub(crate) fn connect(connector: Connector, options: Options) -> Result<Self, ConnectError> {
        let nonce = OsRandom::nonce().ok_or(ConnectError::NoRandomness)?;
        let connector = connector.options(options.opening);
        #[cfg(feature = "deflate")]
        let connector = match &options.deflate {
            Some(deflate) => connector.deflate(deflate),
            None => connector,
        };
        let connecting = Connecting::start(&connector, nonce)?;
        Ok(Self::new(Side::Client(connecting), options))
    }

    const fn new(side: Side, options: Options) -> Self {
        Self {
            side,
            options,
            early: Vec::new(),
        }
    }

    /// Whether more is read now: no decision is waited for.
    pub(crate) const fn wants_read(&self) -> bool {
        match &self.side {
            Side::Server(accepting) => accepting.request.is_none(),
            Side::Client(_) => true,
        }
    }

    /// The bytes to write: a client's request, a server's response.
    pub(crate) fn pending(&self) -> &[u8] {
        match &self.side {
            Side::Server(accepting) => accepting.handshake.pending(),
            Side::Client(connecting) => connecting.pending(),
        }
    }

    pub(crate) fn consume(&mut self, n: usize) {
        match &mut self.side {
            Side::Server(accepting) => accepting.handshake.consume(n),
            Side::Client(connecting) => connecting.consume(n),
        }
    }

    /// Takes received bytes, but not those after the handshake.
    pub(crate) fn receive(&mut self, bytes: &mut &mut [u8]) -> Received {
        match &mut self.side {
            Side::Server(accepting) if accepting.request.is_some() => Received::More,
            Side::Server(accepting) => match accepting.handshake.receive(bytes) {
                Ok(None) => Received::More,
                Ok(request) => {
                    accepting.request = request;
                    Received::Request
                }
                Err(error) => Received::Failed(error.into()),
            },
            Side::Client(connecting) => match connecting.receive(bytes) {
                Ok(None) => Received::More,
                Ok(Some((opened, response))) => Received::Response(opened.into(), response),
                Err(error) => Received::Failed(error.into()),
            },
        }
    }

    /// The stream has ended. What that means for the handshake.
    pub(crate) fn receive_eof(&mut self) -> Error {
        match &mut self.side {
            Side::Server(accepting) => accepting.handshake.receive_eof().into(),
            Side::Client(connecting) => connecting.receive_eof().into(),
        }
    }

    pub(crate) fn tick(&mut self, now: Instant) -> Result<Option<Instant>, Error> {
        Ok(match &mut self.side {
            Side::Server(accepting) => accepting.handshake.tick(now)?,
            Side::Client(connecting) => connecting.tick(now)?,
        })
    }

    /// The request that waits for an answer.
    pub(crate) fn incoming(&mut self) -> Option<Incoming<'_>> {
        match &mut self.side {
            Side::Server(Accepting {
                handshake,
                request: Some(request),
                answer: answer @ None,
            }) => Some(Incoming {
                request,
                handshake,
                options: &self.options,
                answer,
            }),
            _ => None,
        }
    }

    pub(crate) const fn take_answer(&mut self) -> Option<Answer> {
        match &mut self.side {
            Side::Server(accepting) => accepting.answer.take(),
            Side::Client(_) => None,
        }
    }

    pub(crate) const fn is_client(&self) -> bool {
        matches!(self.side, Side::Client(_))
    }

    /// The agreed connection, with bytes to write and to look at first.
    pub(crate) fn open(&self, opened: Opened) -> Driver {
        let mut driver = opened_driver(self.is_client(), opened).with_output(self.pending());
        driver.keep(&self.early);
        driver
    }

    /// What is left to do without a connection: to write a server's response, to end the stream.
    pub(crate) fn refuse(&self) -> Driver {
        let driver = driver(self.is_client(), Negotiated::new(), &self.options);
        let output = if self.is_client() {
            &[]
        } else {
            self.pending()
        };
        driver.with_output(output).refused()
    }
}

/// The driver of a connection whose handshake was made elsewhere.
pub(crate) fn driver(is_client: bool, negotiated: Negotiated, options: &Options) -> Driver {
    let role = role(is_client);
    let websocket = ws_proto::WebSocket::with_role(negotiated, options.config, role);
    options.opening.apply(websocket).sharing()
}

/// The driver of a connection whose handshake has led to `opened`.
pub(crate) fn opened_driver(is_client: bool, opened: Opened) -> Driver {
    opened.with_role(role(is_client)).sharing()
}

fn role(is_client: bool) -> Either {
    if is_client {
        EitherRole::client(Box::new(OsRandom::new()))
    } else {
        EitherRole::server()
    }
}

/// A client's request: look at it, then [`accept`](Self::accept) or [`respond`](Self::respond).
///
/// To decide later, drop it, and take it again by [`WebSocket::incoming`](crate::WebSocket::incoming).
///
/// ```
/// use ws_proto_mio::{Accept, HeadError, Incoming, PlainResponse};
///
/// fn answer(incoming: Incoming<'_>) -> Result<(), HeadError> {
///     let request = incoming.request();
///     match (request.is_upgrade(), request.path()) {
///         (true, "/chat") => incoming.accept(&Accept::new()),
///         (false, "/health") => incoming.respond(&PlainResponse::new(204)),
///         _ => incoming.respond(&PlainResponse::new(404)),
///     }
/// }
/// ```
pub struct Incoming<'t> {
    request: &'t opening::Request,
    handshake: &'t mut opening::Accepting,
    options: &'t Options,
    answer: &'t mut Option<Answer>,
}

impl Incoming<'_> {
    /// The request.
    ///
    /// ```
    /// # use ws_proto_mio::Incoming;
    /// # fn with(incoming: &Incoming<'_>) {
    /// let request = incoming.request();
    /// println!("{} {:?}", request.path(), request.headers().get("User-Agent"));
    /// # }
    /// ```
    #[must_use]
    pub const fn request(&self) -> &opening::Request {
        self.request
    }

    /// Accepts: queues the 101. With `Options::deflate` permessage-deflate is agreed on if the
    /// client offers it, in place of the extensions of `accept`.
    ///
    /// A request from a page of a site that [`Accept::origins`] does not allow is answered with 403: without
    /// that call, from pages of another host. Without such a check every page that a user visits can
    /// connect in the user's name (RFC 6455 10.2). What is not a request for a WebSocket connection is
    /// refused, too; [`Turn::next_event`](crate::Turn::next_event) then reports the reason.
    ///
    /// ```
    /// # use ws_proto_mio::{HeadError, Incoming};
    /// use ws_proto_mio::Accept;
    ///
    /// # fn with(incoming: Incoming<'_>) -> Result<(), HeadError> {
    /// let subprotocol = incoming.request().choose_subprotocol(&["chat.v2", "chat.v1"]);
    /// incoming.accept(&Accept::new().maybe_subprotocol(subprotocol))
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeadError::OriginRefused`] if [`Accept::origins`] does not allow the request's `Origin`: the 403 is
    /// queued, and the connection ends. Any other [`HeadError`] if `accept` is not possible: the same with
    /// a 500.
    pub fn accept(self, accept: &Accept<'_>) -> Result<(), HeadError> {
        #[cfg(feature = "deflate")]
        let deflate = self.options.deflate.as_ref();
        #[cfg(feature = "deflate")]
        let accepted = self.handshake.accept_deflate(accept, deflate);
        #[cfg(not(feature = "deflate"))]
        let accepted = self.handshake.accept(accept);
        let _ = self.options;
        let (answer, done) = match accepted {
            Ok(opened) => (Answer::Accepted(opened.into()), Ok(())),
            Err(AcceptError::Head(error)) => (Answer::Refused(None), Err(error)),
            Err(error) => (Answer::Refused(Some(error.into())), Ok(())),
        };
        *self.answer = Some(answer);
        done
    }

    /// Answers with another response: refuses, redirects, or serves a page. Then the stream is
    /// closed.
    ///
    /// ```
    /// # use ws_proto_mio::{HeadError, Incoming};
    /// use ws_proto_mio::PlainResponse;
    ///
    /// # fn with(incoming: Incoming<'_>) -> Result<(), HeadError> {
    /// incoming.respond(&PlainResponse::new(404).body(b"try /chat"))
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeadError`] if that cannot be sent: the client gets a 500 in its place.
    pub fn respond(self, response: &PlainResponse<'_>) -> Result<(), HeadError> {
        *self.answer = Some(Answer::Refused(None));
        self.handshake.respond(response)
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("request", self.request)
            .finish_non_exhaustive()
    }
}
