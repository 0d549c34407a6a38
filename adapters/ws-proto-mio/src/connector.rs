//! What a client asks for.

use std::fmt;

use ws_proto::handshake::{ClientRequest, ExtensionOffer};
use ws_proto::{Uri, UriError};

/// A URL with everything that goes along. It owns what it holds, so that it can be kept to connect again.
///
/// ```
/// use ws_proto_mio::Connector;
///
/// let connector = Connector::new("ws://example.com/chat?room=1")?
///     .subprotocols(&["chat.v2", "chat.v1"])
///     .header("Authorization", "Bearer abc");
/// assert_eq!(connector.uri().host(), "example.com");
/// # Ok::<(), ws_proto_mio::UriError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Connector {
    url: Box<str>,
    subprotocols: Vec<Box<str>>,
    require_subprotocol: bool,
    origin: Option<Box<str>>,
    headers: Vec<(Box<str>, Box<[u8]>)>,
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
        })
    }

    /// The subprotocols to offer, the favourite first.
    pub fn subprotocols(mut self, subprotocols: &[&str]) -> Self {
        self.subprotocols = subprotocols.iter().copied().map(Into::into).collect();
        self
    }

    /// Whether it fails when subprotocols were offered and the server agrees to none; by default it
    /// goes on.
    pub fn require_subprotocol(mut self, require: bool) -> Self {
        self.require_subprotocol = require;
        self
    }

    /// One more header field, such as `Authorization` or `Cookie`.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// `Origin`, such as `https://example.com`. Programs that are not browsers need none.
    pub fn origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// The URL, taken apart.
    #[expect(clippy::missing_panics_doc, reason = "the URL has been parsed before")]
    pub fn uri(&self) -> Uri<'_> {
        Uri::parse(&self.url).expect("it has been parsed before")
    }

    /// Lends the engine's view of it to `f`.
    pub(crate) fn with_request<T>(
        &self,
        extensions: &[ExtensionOffer<'_>],
        f: impl FnOnce(ClientRequest<'_>) -> T,
    ) -> T {
        let subprotocols: Vec<&str> = self.subprotocols.iter().map(|s| &**s).collect();
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(n, value)| (&**n, &**value))
            .collect();
        let mut request = ClientRequest::from_uri(self.uri())
            .subprotocols(&subprotocols)
            .require_subprotocol(self.require_subprotocol)
            .extensions(extensions)
            .headers(&headers);
        if let Some(origin) = &self.origin {
            request = request.origin(origin);
        }
        f(request)
    }
}

impl TryFrom<&str> for Connector {
    type Error = UriError;

    fn try_from(url: &str) -> Result<Self, UriError> {
        Self::new(url)
    }
}

/// Leaves out the header fields: they can have secrets.
impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("host", &self.uri().host())
            .field("subprotocols", &self.subprotocols)
            .finish_non_exhaustive()
    }
}
