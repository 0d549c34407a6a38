use super::decoder::DeflateDecoder;
use super::deflater::Settings;
use super::encoder::DeflateEncoder;
use super::negotiate::{self, DeflateElement};
use super::params::{DeflateParams, ParsedParams};
use super::pool::DeflatePool;
use crate::handshake::{Extensions, HandshakeError};

/// The parameters of permessage-deflate to offer or accept, and how to compress.
///
/// A server [accepts](Self::accept) an offer, a client [offers](Self::offer) and reads the
/// [answer](Self::answered). The [`DeflateParams`] that come out of that make the two codecs of the
/// connection: [`server`](Self::server), [`client`](Self::client), or
/// [`WebSocket::with_deflate`](crate::WebSocket::with_deflate).
///
/// "Server" and "client" in the names of settings say whose compressor is meant, in both roles.
///
/// ```
/// use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
/// use ws_proto::{Assembler, Config, Connection};
///
/// let pool = DeflatePool::new(16);
/// let deflate = Deflate::new()
///     .server_window_bits(12)
///     .client_window_bits(12)
///     .server_takeover(false)
///     .client_takeover(false)
///     .level(6)
///     .mem_level(8)
///     .threshold(256)
///     .pool(&pool);
/// let params = DeflateParams::new(); // as the handshake has agreed
///
/// // A server sends by its encoder.
/// let (mut encoder, _) = deflate.server(params);
/// let mut server = Connection::server(params.negotiated(), Config::new());
/// let mut out = Vec::new();
/// encoder.send_text(&mut server, &"to all of you, ".repeat(100), &mut out)?;
/// assert!(out.len() < 100);
///
/// // Its client receives by its decoder.
/// let (_, decoder) = deflate.client(params);
/// let assembler = Assembler::with_extension(Vec::new(), 16 << 20, decoder);
/// # let _ = assembler;
/// # Ok::<(), ws_proto::SendError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Deflate {
    server_window_bits: u8,
    client_window_bits: u8,
    server_takeover: bool,
    client_takeover: bool,
    offer_client_window: bool,
    level: u8,
    mem_level: u8,
    threshold: usize,
    pool: Option<DeflatePool>,
}

impl Deflate {
    /// The defaults: windows of 32 KiB and context takeover in both directions, level 1, memory
    /// level 5, no compression below 32 bytes, no pool.
    ///
    /// Small messages take several times longer on higher levels, which build a code for each of
    /// them, and become little smaller.
    pub const fn new() -> Self {
        Self {
            server_window_bits: 15,
            client_window_bits: 15,
            server_takeover: true,
            client_takeover: true,
            offer_client_window: true,
            level: 1,
            mem_level: 5,
            threshold: 32,
            pool: None,
        }
    }

    /// The largest window of the server's compressor, as its exponent: 8 to 15, 256 bytes to
    /// 32 KiB. What is out of range is brought into it.
    ///
    /// A server never uses more, and a client asks the server for it
    /// (`server_max_window_bits`, RFC 7692 7.1.2.1).
    pub const fn server_window_bits(mut self, bits: u8) -> Self {
        self.server_window_bits = clamp(bits, 8, 15);
        self
    }

    /// The largest window of the client's compressor, as
    /// [`server_window_bits`](Self::server_window_bits).
    ///
    /// A client never uses more, and a server asks the client for it if the client lets itself be
    /// asked (`client_max_window_bits`, RFC 7692 7.1.2.2). Not every client can do 8.
    pub const fn client_window_bits(mut self, bits: u8) -> Self {
        self.client_window_bits = clamp(bits, 8, 15);
        self
    }

    /// Whether the server's messages may refer to its earlier ones. If not, a client offers and a
    /// server answers `server_no_context_takeover` (RFC 7692 7.1.1.1).
    pub const fn server_takeover(mut self, takeover: bool) -> Self {
        self.server_takeover = takeover;
        self
    }

    /// Whether the client's messages may refer to its earlier ones. If not, a client offers and a
    /// server answers `client_no_context_takeover` (RFC 7692 7.1.1.2).
    pub const fn client_takeover(mut self, takeover: bool) -> Self {
        self.client_takeover = takeover;
        self
    }

    /// Whether a client's offer has `client_max_window_bits`, so that the server may name the window of the
    /// client's compressor (RFC 7692 7.1.2.2). Default: `true`.
    ///
    /// With `false` and no other setting the offer is the bare `permessage-deflate`, for servers that
    /// know no parameter. The client's own [window](Self::client_window_bits) is kept either way.
    ///
    /// ```
    /// use ws_proto::extension::deflate::Deflate;
    ///
    /// let offer = Deflate::new().offer_client_window(false).offer();
    /// assert_eq!(offer.extension().to_string(), "permessage-deflate");
    /// ```
    pub const fn offer_client_window(mut self, offer: bool) -> Self {
        self.offer_client_window = offer;
        self
    }

    /// How hard to compress: 1 is fast, 9 is small, 0 does not compress at all.
    ///
    /// Level 1 has one code for all data: what cannot be compressed becomes longer, by an eighth at most. The
    /// other levels add 1 byte in 400. To send such data as it is, use
    /// [`Sender::uncompressed`](crate::socket::Sender::uncompressed).
    pub const fn level(mut self, level: u8) -> Self {
        self.level = clamp(level, 0, 9);
        self
    }

    /// How much memory a compressor may take for symbols, 1 to 9: `448 << level` bytes.
    ///
    /// Less makes no difference to messages of up to `64 << level` bytes.
    pub const fn mem_level(mut self, level: u8) -> Self {
        self.mem_level = clamp(level, 1, 9);
        self
    }

    /// Messages of fewer bytes are sent as they are. Parts of a message are compressed anyway, its
    /// length being unknown.
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// Where directions without context takeover, and [prepared messages](crate::PreparedMessage), borrow their
    /// codecs.
    pub fn pool(mut self, pool: &DeflatePool) -> Self {
        self.pool = Some(pool.clone());
        self
    }

    /// For a server: what to answer to the first of these offers that can be accepted, the
    /// client's favourite first; `None` if there is none, and then nothing is answered (RFC 7692 5).
    ///
    /// Offers with parameters that are unknown, repeated or out of range are passed over.
    ///
    /// ```
    /// use ws_proto::extension::deflate::Deflate;
    /// use ws_proto::handshake::{Accept, Limits, ServerHandshake};
    /// use ws_proto::{Config, Input, WebSocket};
    ///
    /// let deflate = Deflate::new();
    /// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    /// let mut out = Vec::new();
    /// # let mut read = *b"GET /chat HTTP/1.1\r\n\
    /// #     Host: example.com\r\n\
    /// #     Upgrade: websocket\r\n\
    /// #     Connection: Upgrade\r\n\
    /// #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    /// #     Sec-WebSocket-Version: 13\r\n\
    /// #     Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n\r\n";
    /// # let mut input = Input::new(&mut read);
    /// if let Some(upgrade) = handshake.receive(&mut input, &mut out)? {
    ///     let answer = deflate.accept(upgrade.extensions());
    ///     let extension = answer.as_ref().map(|answer| answer.extension());
    ///     let accept = Accept::new().extensions(extension.as_slice());
    ///     let negotiated = upgrade.accept(&accept, &mut out)?;
    ///     let mut server = WebSocket::server(negotiated, Config::new());
    ///     if let Some(answer) = answer {
    ///         server = server.with_deflate(&deflate, answer.params());
    ///     }
    ///     # let _ = server;
    /// }
    /// # let out = String::from_utf8_lossy(&out);
    /// # assert!(out.contains("Extensions: permessage-deflate; server_max_window_bits=10\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn accept(&self, offers: Extensions<'_>) -> Option<DeflateElement> {
        negotiate::named(offers)
            .find_map(|offer| ParsedParams::in_head(offer.params()).ok())
            .map(|offer| negotiate::answer(self.wanted(), &offer))
    }

    /// For a client: what to offer. The answer is checked by the handshake.
    ///
    /// ```
    /// use ws_proto::Uri;
    /// use ws_proto::extension::deflate::Deflate;
    /// use ws_proto::handshake::ClientRequest;
    ///
    /// let offer = Deflate::new().server_window_bits(12).offer();
    /// let extensions = [offer.extension()];
    /// let uri = Uri::parse("ws://example.com/")?;
    /// let request = ClientRequest::from_uri(uri).extensions(&extensions);
    /// assert_eq!(
    ///     extensions[0].to_string(),
    ///     "permessage-deflate; server_max_window_bits=12; client_max_window_bits"
    /// );
    /// # let _ = request;
    /// # Ok::<(), ws_proto::UriError>(())
    /// ```
    #[must_use]
    pub fn offer(&self) -> DeflateElement {
        negotiate::offer(self.wanted(), self.offer_client_window)
    }

    /// For a client: what the server has answered to the [offer](Self::offer); `None` if it has
    /// declined. The extensions are those of
    /// [`Established`](crate::handshake::Established::extensions), or, where another HTTP client has
    /// made the handshake, those of [`Extensions::parse`].
    ///
    /// Nothing is taken from the offer: what the server does not confirm is not agreed on.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::ExtensionParamMissing`], [`HandshakeError::ExtensionParamNotOffered`] or
    /// [`HandshakeError::ExtensionParamOutOfRange`] for an answer that does not correspond to the
    /// offer, [`HandshakeError::ExtensionRepeated`] for more than one. A handshake of this crate
    /// has refused those. [`HandshakeError::ExtensionNotOffered`] for any other extension: use
    /// [`answered_beside`](Self::answered_beside) if others were offered too.
    ///
    /// ```
    /// use ws_proto::extension::deflate::Deflate;
    /// use ws_proto::handshake::{Extensions, Headers};
    ///
    /// let deflate = Deflate::new();
    /// let fields: [(&str, &[u8]); 1] =
    ///     [("Sec-WebSocket-Extensions", b"permessage-deflate; server_no_context_takeover")];
    /// let extensions = Extensions::parse(&Headers::from_slice(&fields))?;
    /// let params = deflate.answered(extensions.clone())?.expect("the server has agreed");
    /// assert!(!params.server_takeover());
    /// // With another extension in the offer:
    /// assert_eq!(deflate.answered_beside(extensions, &["x-example"])?, Some(params));
    /// # Ok::<(), ws_proto::handshake::HandshakeError>(())
    /// ```
    pub fn answered(
        &self,
        extensions: Extensions<'_>,
    ) -> Result<Option<DeflateParams>, HandshakeError> {
        self.answered_beside(extensions, &[])
    }

    /// As [`answered`](Self::answered), for a client that has offered the extensions `others` too.
    ///
    /// # Errors
    ///
    /// As `answered`, but for the names in `others`.
    pub fn answered_beside(
        &self,
        extensions: Extensions<'_>,
        others: &[&str],
    ) -> Result<Option<DeflateParams>, HandshakeError> {
        if negotiate::has_other(extensions.clone(), others) {
            return Err(HandshakeError::ExtensionNotOffered);
        }
        let mut answers = negotiate::named(extensions);
        let Some(answer) = answers.next() else {
            return Ok(None);
        };
        if answers.next().is_some() {
            return Err(HandshakeError::ExtensionRepeated);
        }
        let answer = ParsedParams::in_head(answer.params())?;
        let agreed = negotiate::agree(self.wanted(), self.offer_client_window, &answer)?;
        Ok(Some(agreed))
    }

    /// The parameters asked for, for both directions.
    fn wanted(&self) -> DeflateParams {
        let mut wanted = DeflateParams::new();
        if !self.server_takeover {
            wanted = wanted.with_server_takeover(false);
        }
        if !self.client_takeover {
            wanted = wanted.with_client_takeover(false);
        }
        negotiate::with_windows(wanted, self.server_window_bits, self.client_window_bits)
    }

    /// The codecs of a server's connection.
    #[must_use]
    pub fn server(&self, params: DeflateParams) -> (DeflateEncoder, DeflateDecoder) {
        let encoder = self.encoder(params.server_window_bits(), params.server_takeover());
        let decoder = self.decoder(params.client_window_bits(), params.client_takeover());
        (encoder, decoder)
    }

    /// The codecs of a client's connection.
    #[must_use]
    pub fn client(&self, params: DeflateParams) -> (DeflateEncoder, DeflateDecoder) {
        let encoder = self.encoder(params.client_window_bits(), params.client_takeover());
        let decoder = self.decoder(params.server_window_bits(), params.server_takeover());
        (encoder, decoder)
    }

    const fn settings(&self, window_bits: u8) -> Settings {
        Settings {
            window_bits,
            level: self.level,
            mem_level: self.mem_level,
        }
    }

    fn encoder(&self, window_bits: u8, takeover: bool) -> DeflateEncoder {
        let settings = self.settings(window_bits);
        DeflateEncoder::new(settings, takeover, self.threshold, self.pool.clone())
    }

    fn decoder(&self, window_bits: u8, takeover: bool) -> DeflateDecoder {
        DeflateDecoder::new(window_bits, takeover, self.pool.clone())
    }
}

/// The default settings with the windows and the context takeover that were agreed on elsewhere: for a proxy
/// that offers a server the parameters it has agreed on with a client.
///
/// ```
/// use ws_proto::extension::deflate::{Deflate, DeflateParams};
///
/// let params = DeflateParams::new().with_client_takeover(false);
/// let offer = Deflate::from(params).threshold(1000).offer();
/// assert_eq!(offer.params(), params);
/// ```
impl From<DeflateParams> for Deflate {
    fn from(params: DeflateParams) -> Self {
        Self::new()
            .server_window_bits(params.server_window_bits())
            .client_window_bits(params.client_window_bits())
            .server_takeover(params.server_takeover())
            .client_takeover(params.client_takeover())
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}

const fn clamp(value: u8, least: u8, most: u8) -> u8 {
    if value < least {
        least
    } else if value > most {
        most
    } else {
        value
    }
}
