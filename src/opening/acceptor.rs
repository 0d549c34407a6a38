use super::Options;
#[cfg(feature = "deflate")]
use crate::extension::deflate::Deflate;
use crate::handshake::OriginPolicy;

/// What a server accepts, for those who need not look at each request.
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

    /// Accepts only this path, with any query; others get a 404.
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
    /// What is secret should not be compressed together with what others can choose: see
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

    /// The options.
    pub const fn get_options(&self) -> &Options {
        &self.options
    }
}

impl Default for Acceptor<'_> {
    fn default() -> Self {
        Self::new()
    }
}
