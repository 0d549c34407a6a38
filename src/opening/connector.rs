use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Options;
#[cfg(feature = "deflate")]
use crate::extension::deflate::Deflate;
use crate::handshake::{ClientRequest, ExtensionOffer};
use crate::uri::{Uri, UriError};

/// What a client asks for: a URL with everything that goes along. It owns what it holds, so that it can
/// be kept to connect again. `Debug` leaves out the values of header fields: they can be secrets.
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
#[derive(Clone)]
#[must_use]
pub struct Connector {
    url: Box<str>,
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
    /// [`UriError`] says what is wrong with it.
    pub fn new(url: &str) -> Result<Self, UriError> {
        Uri::parse(url)?;
        Ok(Self {
            url: url.into(),
            subprotocols: Vec::new(),
            require_subprotocol: false,
            origin: None,
            headers: Vec::new(),
            #[cfg(feature = "deflate")]
            deflate: None,
            options: Options::new(),
        })
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
    /// What is secret should not be compressed together with what others can choose: see
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
    pub fn uri(&self) -> Uri<'_> {
        // It was parsed when this was made.
        Uri::parse(&self.url).unwrap_or_else(|_| unreachable!("it was parsed before"))
    }

    /// The options.
    pub const fn get_options(&self) -> &Options {
        &self.options
    }

    /// Calls `then` with the request, which borrows.
    pub(super) fn with_request<T>(
        &self,
        extensions: &[ExtensionOffer<'_>],
        then: impl FnOnce(ClientRequest<'_>) -> T,
    ) -> T {
        let subprotocols: Vec<&str> = self.subprotocols.iter().map(|name| &**name).collect();
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let mut request = ClientRequest::from_uri(self.uri())
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
            .field("url", &self.url)
            .field("subprotocols", &self.subprotocols)
            .field("origin", &self.origin)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
