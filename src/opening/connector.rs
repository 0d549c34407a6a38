use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::Options;
#[cfg(feature = "deflate")]
use crate::extension::deflate::{Deflate, DeflateElement};
use crate::handshake::{ClientRequest, ExtensionOffer, HeadError};
use crate::uri::{Uri, UriError, UriRules};

const AUTHORIZATION: &str = "Authorization";

/// A client's request: a URL, headers, subprotocols, options. It owns its content, so that it can
/// be kept to connect again. `Debug` leaves out the values of header fields and the user name and password of the URL:
/// they can be secrets.
///
/// ```
/// use ws_proto::opening::Connector;
///
/// let connector = Connector::new("ws://example.com/chat?room=1")?
///     .subprotocols(&["chat.v2", "chat.v1"])
///     .header("Authorization", "Bearer abc");
/// assert_eq!(connector.uri().host(), "example.com");
/// # Ok::<(), ws_proto::UriError>(())
/// ```
///
/// All settings:
///
/// ```
/// use ws_proto::extension::deflate::Deflate;
/// use ws_proto::opening::{Connector, Options};
///
/// let options = Options::new().high_water(16 * 1024);
/// let connector = Connector::new("wss://[fe80::1]:9001/chat")?
///     .zone("eth0")?
///     .subprotocols(&["chat.v1"])
///     .require_subprotocol(true)
///     .origin("https://example.com")
///     .header("Authorization", "Bearer abc")
///     .headers(&[("Cookie", b"a=b"), ("User-Agent", b"example/1.0")])
///     .send_user_info(false)
///     .deflate(&Deflate::new())
///     .options(options);
/// assert_eq!(connector.uri().zone(), Some("eth0"));
/// assert_eq!(*connector.get_options(), options);
/// # Ok::<(), ws_proto::UriError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Connector {
    url: Box<str>,
    rules: UriRules,
    zone: Option<Box<str>>,
    sends_user_info: bool,
    subprotocols: Vec<Box<str>>,
    require_subprotocol: bool,
    origin: Option<Box<str>>,
    headers: Vec<(Box<str>, Box<[u8]>)>,
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<Deflate>,
    pub(super) options: Options,
}

impl Connector {
    /// For this URL, `ws://` or `wss://`.
    ///
    /// # Errors
    ///
    /// [`UriError`] if it is not the URL of a WebSocket server.
    pub fn new(url: &str) -> Result<Self, UriError> {
        Self::with_rules(url, UriRules::new())
    }

    /// For this URL, which may be what `rules` allow besides: `http://` or `https://`, a user name and a password.
    ///
    /// # Errors
    ///
    /// [`UriError`] if these rules do not allow it.
    ///
    /// ```
    /// use ws_proto::opening::Connector;
    /// use ws_proto::uri::UriRules;
    ///
    /// let rules = UriRules::new().http(true).user_info(true);
    /// let connector = Connector::with_rules("https://me:secret@example.com/", rules)?.send_user_info(true);
    /// assert!(connector.uri().is_secure());
    /// # Ok::<(), ws_proto::UriError>(())
    /// ```
    pub fn with_rules(url: &str, rules: UriRules) -> Result<Self, UriError> {
        Uri::parse_with(url, rules)?;
        Ok(Self {
            url: url.into(),
            rules,
            zone: None,
            sends_user_info: false,
            subprotocols: Vec::new(),
            require_subprotocol: false,
            origin: None,
            headers: Vec::new(),
            #[cfg(feature = "deflate")]
            deflate: None,
            options: Options::new(),
        })
    }

    /// Sets the zone of a link-local IPv6 address, the interface to connect through; see [`Uri::with_zone`]. It is a part
    /// of the address to connect to, never of `Host`.
    ///
    /// # Errors
    ///
    /// [`UriError::Zone`] if the host is no IPv6 address, or the text cannot be a zone.
    pub fn zone(mut self, zone: &str) -> Result<Self, UriError> {
        self.uri().with_zone(zone)?;
        self.zone = Some(zone.into());
        Ok(self)
    }

    /// Sets whether the user name and the password of the URL are sent as `Authorization`, by the scheme Basic
    /// (RFC 7617). They are not by default, and not if [`header`](Self::header) has given that field. Only a `wss` URL
    /// keeps them secret on the way. What Basic cannot carry is [`HeadError::CredentialsInvalid`] when the handshake
    /// starts.
    pub const fn send_user_info(mut self, send: bool) -> Self {
        self.sends_user_info = send;
        self
    }

    /// Sets the subprotocols to offer, the favourite first.
    pub fn subprotocols(mut self, subprotocols: &[&str]) -> Self {
        self.subprotocols = subprotocols.iter().copied().map(Into::into).collect();
        self
    }

    /// Sets whether it fails when subprotocols were offered and the server agrees to none; by default it
    /// goes on.
    pub fn require_subprotocol(mut self, require: bool) -> Self {
        self.require_subprotocol = require;
        self
    }

    /// Adds one more header field, such as `Authorization` or `Cookie`.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// Adds several header fields.
    pub fn headers(mut self, headers: &[(&str, &[u8])]) -> Self {
        let fields = headers.iter();
        self.headers
            .extend(fields.map(|(name, value)| ((*name).into(), (*value).into())));
        self
    }

    /// Sets `Origin`, such as `https://example.com`. Programs that are not browsers need none.
    pub fn origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Offers permessage-deflate; without this, messages are not compressed.
    ///
    /// A secret should not be compressed together with text that others can choose: see
    /// [`Sender::uncompressed`](crate::Sender::uncompressed).
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: &Deflate) -> Self {
        self.deflate = Some(deflate.clone());
        self
    }

    /// Sets limits, timers and modes.
    pub fn options(mut self, options: impl Into<Options>) -> Self {
        self.options = options.into();
        self
    }

    /// The URL, taken apart.
    #[must_use]
    pub fn uri(&self) -> Uri<'_> {
        // Both were checked when they were set.
        let uri = Uri::parse_with(&self.url, self.rules).and_then(|uri| {
            self.zone
                .as_deref()
                .map_or(Ok(uri), |zone| uri.with_zone(zone))
        });
        uri.unwrap_or_else(|_| unreachable!("it was parsed before"))
    }

    /// The options.
    pub const fn get_options(&self) -> &Options {
        &self.options
    }

    /// As [`with_request`](Self::with_request), with the extensions that are set.
    pub(super) fn with_offers<T>(
        &self,
        then: impl FnOnce(ClientRequest<'_>) -> Result<T, HeadError>,
    ) -> Result<T, HeadError> {
        #[cfg(feature = "deflate")]
        let offer = self.deflate.as_ref().map(Deflate::offer);
        #[cfg(feature = "deflate")]
        let extension = offer.as_ref().map(DeflateElement::extension);
        #[cfg(feature = "deflate")]
        let extensions = extension.as_slice();
        #[cfg(not(feature = "deflate"))]
        let extensions = &[];
        self.with_request(extensions, then)
    }

    /// Calls `then` with the request, which borrows.
    fn with_request<T>(
        &self,
        extensions: &[ExtensionOffer<'_>],
        then: impl FnOnce(ClientRequest<'_>) -> Result<T, HeadError>,
    ) -> Result<T, HeadError> {
        let subprotocols: Vec<&str> = self.subprotocols.iter().map(|name| &**name).collect();
        let uri = self.uri();
        let given = self.headers.iter().map(|(name, value)| (&**name, &**value));
        let mut headers: Vec<(&str, &[u8])> = given.collect();
        let is_free = |name: &str| headers.iter().all(|(n, _)| !n.eq_ignore_ascii_case(name));
        let user = uri.user_info().filter(|_| self.sends_user_info);
        let basic = user
            .filter(|_| is_free(AUTHORIZATION))
            .map(|user| user.basic())
            .transpose()?
            .map(|basic| basic.to_string());
        if let Some(basic) = &basic {
            headers.push((AUTHORIZATION, basic.as_bytes()));
        }
        let mut request = ClientRequest::from_uri(uri)
            .subprotocols(&subprotocols)
            .require_subprotocol(self.require_subprotocol)
            .headers(&headers)
            .extensions(extensions);
        if let Some(origin) = &self.origin {
            request = request.origin(origin);
        }
        then(request)
    }
}

impl TryFrom<&str> for Connector {
    type Error = UriError;

    fn try_from(url: &str) -> Result<Self, UriError> {
        Self::new(url)
    }
}

impl TryFrom<&String> for Connector {
    type Error = UriError;

    fn try_from(url: &String) -> Result<Self, UriError> {
        Self::new(url)
    }
}

impl TryFrom<String> for Connector {
    type Error = UriError;

    fn try_from(url: String) -> Result<Self, UriError> {
        Self::new(&url)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("url", &format_args!("{}", self.uri()))
            .field("subprotocols", &self.subprotocols)
            .field("origin", &self.origin)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
