//! A server's response that accepts a request (101, or 200 on a stream of HTTP/2 or HTTP/3).

use core::fmt;

use super::error::HeadError;
use super::extensions::{self, Extensions};
use super::headers::Headers;
use super::key::{AcceptKey, ClientKey};
use super::negotiated::Negotiated;
use super::offer::{self, ExtensionOffer, OfferList};
use super::origin::OriginPolicy;
use super::write;
use crate::buf::Output;
use crate::frame::Rsv;

/// The terms of a server: the origins that it accepts, the subprotocol, the extensions and further header fields
/// of its response.
///
/// ```
/// use ws_proto::handshake::Accept;
///
/// let accept = Accept::new().subprotocol("chat").headers(&[("Set-Cookie", b"a=b")]);
/// # let _ = accept;
/// ```
#[derive(Clone, Copy, Default)]
pub struct Accept<'a> {
    subprotocol: Option<&'a str>,
    extensions: &'a [ExtensionOffer<'a>],
    headers: &'a [(&'a str, &'a [u8])],
    origins: OriginPolicy<'a>,
}

impl<'a> Accept<'a> {
    /// [`OriginPolicy::same_host`], no subprotocol, no extension, no further header field.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            subprotocol: None,
            extensions: &[],
            headers: &[],
            origins: OriginPolicy::same_host(),
        }
    }

    /// Sets the origins to accept (RFC 6455 10.2). Without this call, browsers are accepted from pages of the
    /// same host only; [`OriginPolicy::any`] turns the check off.
    ///
    /// ```
    /// use ws_proto::handshake::{Accept, OriginPolicy};
    ///
    /// const APP: OriginPolicy<'_> = OriginPolicy::const_list(&["https://app.example"]);
    /// let accept = Accept::new().origins(APP);
    /// # let _ = accept;
    /// ```
    #[must_use]
    pub const fn origins(self, origins: OriginPolicy<'a>) -> Self {
        Self { origins, ..self }
    }

    /// Sets the subprotocol. It has to be one that the client offered, in the same case.
    #[must_use]
    pub const fn subprotocol(self, subprotocol: &'a str) -> Self {
        Self {
            subprotocol: Some(subprotocol),
            ..self
        }
    }

    /// As [`subprotocol`](Self::subprotocol), or none: takes the result of
    /// [`Upgrade::choose_subprotocol`](super::Upgrade::choose_subprotocol).
    #[must_use]
    pub const fn maybe_subprotocol(self, subprotocol: Option<&'a str>) -> Self {
        Self {
            subprotocol,
            ..self
        }
    }

    /// Returns the subprotocol that has been set.
    ///
    /// ```
    /// use ws_proto::handshake::Accept;
    ///
    /// assert_eq!(Accept::new().subprotocol("chat").get_subprotocol(), Some("chat"));
    /// assert_eq!(Accept::new().maybe_subprotocol(None).get_subprotocol(), None);
    /// ```
    #[must_use]
    pub const fn get_subprotocol(&self) -> Option<&'a str> {
        self.subprotocol
    }

    /// Sets the extensions, in the order in which they process sent messages (RFC 6455 9.1). The
    /// client has to have offered each name.
    ///
    /// ```
    /// use ws_proto::handshake::{Accept, ExtensionOffer};
    ///
    /// let extensions = [ExtensionOffer::new("x-example", &[])];
    /// let accept = Accept::new().extensions(&extensions);
    /// # let _ = accept;
    /// ```
    #[must_use]
    pub const fn extensions(self, extensions: &'a [ExtensionOffer<'a>]) -> Self {
        Self { extensions, ..self }
    }

    /// Sets further header fields, such as `Set-Cookie`.
    #[must_use]
    pub const fn headers(self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        Self { headers, ..self }
    }

    #[cfg(feature = "http")]
    pub(super) const fn further_headers(&self) -> &'a [(&'a str, &'a [u8])] {
        self.headers
    }

    /// Checks it against the client's request. `origin` comes with the host that the request was sent to. A
    /// request without a key came on a stream of HTTP/2 or HTTP/3.
    pub(super) fn check(
        &self,
        key: Option<ClientKey>,
        origin: Option<(&[u8], &str)>,
        request: &Headers<'_>,
    ) -> Result<Answer<'a>, HeadError> {
        // Without an `Origin` the policy does not look at the host.
        let (origin, host) = origin.unzip();
        let allowed = self.origins.check(origin, host.unwrap_or_default());
        allowed.map_err(HeadError::OriginRefused)?;
        if let Some(chosen) = self.subprotocol {
            if !request
                .list(SUBPROTOCOL)
                .any(|offered| offered == chosen.as_bytes())
            {
                return Err(HeadError::SubprotocolNotOffered);
            }
        }
        offer::check_offers(self.extensions)?;
        let mut rsv = Rsv::NONE;
        for (index, extension) in self.extensions.iter().enumerate() {
            if !Extensions::of(request).any(|offered| offered.name() == extension.name()) {
                return Err(HeadError::ExtensionNotOffered);
            }
            if self
                .extensions
                .iter()
                .take(index)
                .any(|other| other.name() == extension.name())
            {
                return Err(HeadError::ExtensionRepeated);
            }
            rsv = offer::join_rsv(rsv, extension.rsv()).ok_or(HeadError::ExtensionRepeated)?;
        }
        write::check_fields(self.headers)?;
        if key.is_none() {
            write::check_stream_fields(self.headers)?;
        }
        Ok(Answer {
            accept: *self,
            key: key.map(|key| key.accept()),
            negotiated: Negotiated::new().with_rsv(rsv),
        })
    }
}

/// Writes no values of header fields: they can be secrets.
impl fmt::Debug for Accept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("subprotocol", &self.subprotocol)
            .field("extensions", &self.extensions)
            .field("origins", &self.origins)
            .field("headers", &Headers::from_slice(self.headers))
            .finish()
    }
}

/// The content of a response that accepts a request, to write it with another HTTP server.
///
/// ```
/// use ws_proto::handshake::{Accept, HeadError, Upgrade};
/// use ws_proto::{Config, Connection, Server};
///
/// /// Accepts with the response of another HTTP server.
/// fn accept(upgrade: &Upgrade<'_>, head: &mut String) -> Result<Connection<Server>, HeadError> {
///     let answer = upgrade.answer(&Accept::new())?;
///     *head = format!("HTTP/1.1 {}\r\n", answer.status());
///     for (name, value) in answer.fields() {
///         *head += &format!("{name}: {value}\r\n");
///     }
///     Ok(Connection::server(answer.negotiated(), Config::new()))
/// }
/// # let headers: [(&str, &[u8]); 5] = [
/// #     ("host", b"example.com"),
/// #     ("upgrade", b"websocket"),
/// #     ("connection", b"Upgrade"),
/// #     ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
/// #     ("sec-websocket-version", b"13"),
/// # ];
/// # let upgrade = Upgrade::from_headers("GET", "/chat", &headers)?;
/// # let mut head = String::new();
/// # accept(&upgrade, &mut head)?;
/// # assert!(head.starts_with("HTTP/1.1 101\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    accept: Accept<'a>,
    /// `None` on a stream of HTTP/2 or HTTP/3.
    key: Option<AcceptKey>,
    negotiated: Negotiated,
}

impl<'a> Answer<'a> {
    /// The result of the handshake; [`Connection::server`](crate::Connection::server) takes it.
    #[must_use]
    pub const fn negotiated(&self) -> Negotiated {
        self.negotiated
    }

    /// The status: 101, or 200 on a stream of HTTP/2 or HTTP/3.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.key {
            Some(_) => 101,
            None => 200,
        }
    }

    /// The header fields of the handshake itself. The fields of [`Accept::headers`] are not among
    /// them. On a stream of HTTP/2 or HTTP/3 names are in lower case (RFC 9113 8.2.1).
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, FieldValue<'a>)> + use<'a> {
        let extensions_value = match self.accept.extensions {
            [] => None,
            extensions => Some(Value::Extensions(OfferList(extensions))),
        };
        let (subprotocol_name, extensions_name) = match self.key {
            Some(_) => (SUBPROTOCOL, extensions::FIELD),
            None => (SUBPROTOCOL_LOWER, extensions::FIELD_LOWER),
        };
        let with_key = |text| self.key.map(|_| Value::Text(text));
        [
            ("Upgrade", with_key("websocket")),
            ("Connection", with_key("Upgrade")),
            (ACCEPT, self.key.map(Value::Key)),
            (subprotocol_name, self.accept.subprotocol.map(Value::Text)),
            (extensions_name, extensions_value),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, FieldValue(value?))))
    }

    /// Writes it, or nothing.
    pub(super) fn write<O: Output + ?Sized>(&self, out: &mut O) -> Result<(), HeadError> {
        let Some(key) = &self.key else {
            return Err(HeadError::NotHttp1);
        };
        write::write(out, |out| {
            // The bytes that all answers share, in one call: `handshake/server` of the benchmarks.
            out.put(BEFORE_KEY);
            out.put(key.as_bytes());
            out.put("\r\n");
            if let Some(subprotocol) = self.accept.subprotocol {
                out.field(SUBPROTOCOL, subprotocol);
            }
            if !self.accept.extensions.is_empty() {
                out.display_field(extensions::FIELD, OfferList(self.accept.extensions));
            }
            out.fields(self.accept.headers);
            out.put("\r\n");
        })
    }
}

/// The value of a field of [`Answer::fields`]. `Display` writes it, as visible ASCII and spaces.
///
/// ```
/// use ws_proto::handshake::Answer;
///
/// /// The value of `Sec-WebSocket-Accept`.
/// fn accept_value(answer: &Answer<'_>) -> Option<String> {
///     let mut fields = answer.fields();
///     let (_, value) = fields.find(|(name, _)| *name == "Sec-WebSocket-Accept")?;
///     Some(value.to_string())
/// }
/// # let _ = accept_value;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FieldValue<'a>(Value<'a>);

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Extensions(OfferList<'a>),
    Key(AcceptKey),
    Text(&'a str),
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Extensions(list) => list.fmt(f),
            Value::Key(key) => key.fmt(f),
            Value::Text(text) => f.write_str(text),
        }
    }
}

const BEFORE_KEY: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ";
const ACCEPT: &str = "Sec-WebSocket-Accept";
pub(super) const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";
pub(super) const SUBPROTOCOL_LOWER: &str = "sec-websocket-protocol";
