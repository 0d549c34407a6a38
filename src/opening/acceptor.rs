use alloc::string::ToString;

use super::{AcceptError, Opened, Options};
#[cfg(feature = "deflate")]
use crate::extension::deflate::{Deflate, DeflateElement};
#[cfg(feature = "http")]
use crate::handshake::http;
use crate::handshake::{Accept, OriginPolicy, PlainResponse, Upgrade};

/// A description of the requests that a server accepts, for servers that need not look at each request.
///
/// By default: every path, pages of the same host and programs that are not browsers, no subprotocol, no
/// compression.
///
/// ```
/// use ws_proto::handshake::OriginPolicy;
/// use ws_proto::opening::Acceptor;
///
/// const APP: OriginPolicy<'_> = OriginPolicy::const_list(&["https://example.com"]);
/// let acceptor = Acceptor::new()
///     .path("/chat")
///     .origins(APP)
///     .subprotocols(&["chat.v2", "chat.v1"]);
/// # let _ = acceptor;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Acceptor<'a> {
    pub(super) path: Option<&'a str>,
    pub(super) origins: OriginPolicy<'a>,
    pub(super) subprotocols: &'a [&'a str],
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<&'a Deflate>,
    pub(super) options: Options,
}

impl<'a> Acceptor<'a> {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            path: None,
            origins: OriginPolicy::same_host(),
            subprotocols: &[],
            #[cfg(feature = "deflate")]
            deflate: None,
            options: Options::new(),
        }
    }

    /// Accepts only this path, with any query; others get a 404 with a text for a person.
    pub const fn path(mut self, path: &'a str) -> Self {
        self.path = Some(path);
        self
    }

    /// Sets which sites may connect from a browser; others get a 403.
    pub const fn origins(mut self, origins: OriginPolicy<'a>) -> Self {
        self.origins = origins;
        self
    }

    /// Sets the subprotocols that are spoken, the favourite first. A client that offers none of them is
    /// accepted without one.
    pub const fn subprotocols(mut self, subprotocols: &'a [&'a str]) -> Self {
        self.subprotocols = subprotocols;
        self
    }

    /// Agrees to permessage-deflate with clients that offer it; without this, messages are not
    /// compressed.
    ///
    /// A secret should not be compressed together with text that others can choose: see
    /// [`Sender::uncompressed`](crate::Sender::uncompressed).
    #[cfg(feature = "deflate")]
    pub const fn deflate(mut self, deflate: &'a Deflate) -> Self {
        self.deflate = Some(deflate);
        self
    }

    /// Sets limits, timers and modes.
    pub const fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Decides on a request whose head another HTTP implementation has read, of HTTP/1.1 or of a stream of HTTP/2 or
    /// HTTP/3. Returns the status of the response that accepts it, and passes its header fields to `field`. Send
    /// that response; then [`Opened`] makes the connection.
    ///
    /// ```
    /// use ws_proto::handshake::{PseudoFields, Upgrade};
    /// use ws_proto::opening::{AcceptError, Acceptor};
    ///
    /// let pseudo = PseudoFields {
    ///     method: Some("CONNECT"),
    ///     protocol: Some("websocket"),
    ///     scheme: Some("https"),
    ///     authority: Some("example.com"),
    ///     path: Some("/chat"),
    /// };
    /// let headers: [(&str, &[u8]); 2] =
    ///     [("sec-websocket-version", b"13"), ("sec-websocket-protocol", b"chat.v2, chat.v1")];
    /// let upgrade = Upgrade::from_extended_connect(&pseudo, &headers)?;
    /// let acceptor = Acceptor::new().path("/chat").subprotocols(&["chat.v1"]);
    /// let mut fields = Vec::new();
    /// let (status, opened) = acceptor.answer(&upgrade, |name, value| {
    ///     fields.push((name.to_owned(), value.to_owned()));
    /// })?;
    /// assert_eq!(status, 200);
    /// assert_eq!(fields, [("sec-websocket-protocol".to_owned(), "chat.v1".to_owned())]);
    /// # let _ = opened.server();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AcceptError::Refused`] with 404 for another path; [`AcceptError::Head`] with
    /// [`HeadError::OriginRefused`] for an origin that is not accepted. Nothing was passed to `field`.
    ///
    /// [`HeadError::OriginRefused`]: crate::handshake::HeadError::OriginRefused
    pub fn answer(
        &self,
        upgrade: &Upgrade<'_>,
        mut field: impl FnMut(&str, &str),
    ) -> Result<(u16, Opened), AcceptError> {
        let target = upgrade.target();
        let path = match target.split_once('?') {
            Some(("", _)) => "/",
            Some((path, _)) => path,
            None => target,
        };
        if self.path.is_some_and(|wanted| wanted != path) {
            return Err(AcceptError::Refused {
                status: ELSEWHERE.get_status(),
            });
        }
        let subprotocol = upgrade.choose_subprotocol(self.subprotocols);
        let accept = Accept::new()
            .maybe_subprotocol(subprotocol)
            .origins(self.origins);
        #[cfg(feature = "deflate")]
        let element = self
            .deflate
            .and_then(|deflate| deflate.accept(upgrade.extensions()));
        #[cfg(feature = "deflate")]
        let extension = element.as_ref().map(DeflateElement::extension);
        #[cfg(feature = "deflate")]
        let accept = accept.extensions(extension.as_slice());
        let answer = upgrade.answer(&accept).map_err(AcceptError::Head)?;
        for (name, value) in answer.fields() {
            field(name, &value.to_string());
        }
        let opened = Opened::new(answer.negotiated(), self.options, subprotocol)
            .on_stream(upgrade.scheme().is_some());
        #[cfg(feature = "deflate")]
        let opened = Opened {
            deflate: self
                .deflate
                .zip(element)
                .map(|(deflate, element)| (deflate.clone(), element.params())),
            ..opened
        };
        Ok((answer.status(), opened))
    }

    /// As [`answer`](Self::answer), with the types of the crate `http`. `protocol` is `:protocol`, see
    /// [`accept_with_protocol`](crate::handshake::http::accept_with_protocol).
    ///
    /// ```
    /// use ws_proto::opening::Acceptor;
    ///
    /// let request = http::Request::connect("https://example.com/chat")
    ///     .version(http::Version::HTTP_2)
    ///     .header("sec-websocket-version", "13")
    ///     .body(())?;
    /// match Acceptor::new().path("/elsewhere").answer_http(&request, Some("websocket")) {
    ///     Ok((_response, _opened)) => unreachable!(),
    ///     Err(error) => assert_eq!(error.to_http().status(), 404),
    /// }
    /// # Ok::<(), http::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`answer`](Self::answer), and [`AcceptError::Handshake`] if it is no valid request for a WebSocket
    /// connection. [`AcceptError::to_http`] is the response to send.
    #[cfg(feature = "http")]
    pub fn answer_http<B>(
        &self,
        request: &::http::Request<B>,
        protocol: Option<&str>,
    ) -> Result<(::http::Response<()>, Opened), AcceptError> {
        http::with_upgrade(request, protocol, |upgrade| {
            let mut response = ::http::Response::new(());
            *response.version_mut() = request.version();
            let mut appended = Ok(());
            let (status, opened) = self.answer(upgrade, |name, value| {
                let headers = response.headers_mut();
                appended = appended.and_then(|()| http::append(headers, name, value.as_bytes()));
            })?;
            appended.map_err(AcceptError::Head)?;
            *response.status_mut() = http::status_code(status).map_err(AcceptError::Head)?;
            Ok((response, opened))
        })
    }

    /// The options.
    ///
    /// ```
    /// use ws_proto::extension::deflate::Deflate;
    /// use ws_proto::opening::{Acceptor, Options};
    ///
    /// let deflate = Deflate::new();
    /// let options = Options::new().high_water(16 * 1024);
    /// let acceptor = Acceptor::new().deflate(&deflate).options(options);
    /// assert_eq!(*acceptor.get_options(), options);
    /// ```
    pub const fn get_options(&self) -> &Options {
        &self.options
    }
}

/// The refusal of a request for another path than [`Acceptor::path`].
pub(super) const ELSEWHERE: PlainResponse<'static> = PlainResponse::text(
    404,
    "This server takes WebSocket connections at another path.\n",
);

impl Default for Acceptor<'_> {
    fn default() -> Self {
        Self::new()
    }
}
