//! `ws://` and `wss://` URIs: the host and port to connect to, and the target to request (RFC 6455
//! 3).
//!
//! ```text
//! wss://Example.com:8443/chat?room=1
//! \_/   \_________/ \__/\__________/
//!  |         |       |       |
//!  |        host    port   target      Host: example.com:8443
//! is_secure
//! ```
//!
//! A [`Uri`] is checked once and then borrows the text. The syntax is that of RFC 3986, with a few characters
//! more in path and query. Nothing is repaired or decoded: text that cannot be written into a request unchanged
//! is an error.

use core::error::Error;
use core::fmt::{self, Write};
use core::hash::{Hash, Hasher};
use core::net::Ipv6Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The URI of a WebSocket server (RFC 6455 3), borrowed from its text.
///
/// The scheme is `ws` or `wss` in any case. There is a host, there is no userinfo and no fragment,
/// not even an empty one; [`UriRules`] can allow userinfo and the schemes `http` and `https`. A URI is ASCII:
/// convert names of other alphabets by IDNA, and percent-encode the rest, before (RFC 6455 11.1.1).
///
/// Path and query may have `[ ] { } | ^` besides what RFC 3986 allows: browsers send them as they are, and
/// servers take them. Every other character is an error that names it and its place.
///
/// Two URIs are equal if they lead to the same request over the same connection: the same scheme, port,
/// target and zone, and the same host without regard to case. As [`Display`](fmt::Display) writes a URI, the
/// scheme and the host are in lower case, the default port is left out, an empty path is `/`, and there is
/// neither userinfo nor zone.
///
/// ```
/// use ws_proto::Uri;
///
/// let uri = Uri::parse("wss://Example.com:8443/chat?room=1")?;
/// assert!(uri.is_secure());
/// assert_eq!((uri.host(), uri.port()), ("Example.com", 8443)); // to connect to
/// assert_eq!(uri.host_header().to_string(), "example.com:8443"); // to put into the request
/// assert_eq!(uri.target().to_string(), "/chat?room=1");
///
/// assert_eq!(Uri::parse("WS://EXAMPLE.com:80")?, Uri::parse("ws://example.com/")?);
/// # Ok::<(), ws_proto::UriError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Uri<'u> {
    secure: bool,
    ipv6: bool,
    host: &'u str,
    zone: Option<&'u str>,
    port: u16,
    target: Target<'u>,
    user_info: Option<UserInfo<'u>>,
}

impl<'u> Uri<'u> {
    /// Checks and splits a URI, by the rules of RFC 6455 3.
    ///
    /// # Errors
    ///
    /// [`UriError`] for the first rule that the text breaks.
    pub fn parse(text: &'u str) -> Result<Self, UriError> {
        Self::parse_with(text, UriRules::new())
    }

    /// As [`parse`](Self::parse), with what `rules` allow besides.
    ///
    /// # Errors
    ///
    /// [`UriError`] for the first rule that the text breaks.
    ///
    /// ```
    /// use ws_proto::uri::{Uri, UriRules};
    ///
    /// let rules = UriRules::new().user_info(true);
    /// let uri = Uri::parse_with("wss://me:secret@example.com/", rules)?;
    /// assert_eq!(uri.user_info().map(|info| info.user()), Some("me"));
    /// # Ok::<(), ws_proto::UriError>(())
    /// ```
    pub fn parse_with(text: &'u str, rules: UriRules) -> Result<Self, UriError> {
        check_ascii(text, 0)?;
        let (scheme, rest) = split_at_byte(text, b':').ok_or(UriError::Scheme)?;
        let is = |known: &str| scheme.eq_ignore_ascii_case(known);
        let secure = if is("wss") || (rules.http && is("https")) {
            true
        } else if is("ws") || (rules.http && is("http")) {
            false
        } else {
            return Err(UriError::Scheme);
        };
        if let Some(at) = find(text, |byte| byte == b'#') {
            return Err(UriError::Fragment { at });
        }
        let rest = rest.strip_prefix("//").ok_or(UriError::HostMissing)?;
        let end = find(rest, |byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, resource) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (path, query) = split_at_byte(resource, b'?').unwrap_or((resource, ""));

        let authority_at = scheme.len().saturating_add("://".len());
        let at = authority.as_bytes().iter().rposition(|byte| *byte == b'@');
        let (user_info, place) = match at.and_then(|at| split_around(authority, at)) {
            Some(_) if !rules.user_info => return Err(UriError::UserInfo),
            Some((text, place)) => (UserInfo::parse(text, authority_at, is_user_info)?, place),
            None => (None, authority),
        };
        let path_at = authority_at.saturating_add(authority.len());
        let place = Place::parse(place, path_at.saturating_sub(place.len()))?;
        check(path, path_at, is_path)?;
        let query_at = path_at.saturating_add(path.len()).saturating_add("?".len());
        check(query, query_at, is_query)?;
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            secure,
            ipv6: place.ipv6,
            host: place.host,
            zone: None,
            port: place.port.unwrap_or(default_port(secure)),
            target: Target { path, query },
            user_info,
        })
    }

    /// Adds the zone of a link-local IPv6 address: the interface to connect through (RFC 4007 11).
    ///
    /// It is given apart from the text, since a URI has none: RFC 9844 took back the `%25` of RFC 6874. The zone is
    /// of this machine only, and is written neither into `Host` nor by `Display`.
    ///
    /// ```
    /// use ws_proto::Uri;
    ///
    /// let uri = Uri::parse("ws://[fe80::1]:5580/ws")?.with_zone("eth0")?;
    /// assert_eq!(uri.connect_host().to_string(), "fe80::1%eth0"); // to resolve and connect to
    /// assert_eq!(uri.host_header().to_string(), "[fe80::1]:5580");
    /// # Ok::<(), ws_proto::UriError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`UriError::Zone`] if the host is no IPv6 address, or the zone is empty or has whitespace, a control
    /// character or `%`.
    pub fn with_zone(self, zone: &'u str) -> Result<Self, UriError> {
        let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '%';
        if !self.ipv6 || zone.is_empty() || zone.contains(is_bad) {
            return Err(UriError::Zone);
        }
        Ok(Self {
            zone: Some(zone),
            ..self
        })
    }

    /// The zone that [`with_zone`](Self::with_zone) has added.
    ///
    /// ```
    /// use ws_proto::Uri;
    ///
    /// let uri = Uri::parse("ws://[fe80::1]:9001/")?.with_zone("eth0")?;
    /// assert_eq!(uri.zone(), Some("eth0"));
    /// # Ok::<(), ws_proto::UriError>(())
    /// ```
    #[must_use]
    pub const fn zone(&self) -> Option<&'u str> {
        self.zone
    }

    /// [`host`](Self::host) with the [`zone`](Self::zone) after `%`, if there is one: what name resolution
    /// takes.
    #[must_use]
    pub const fn connect_host(&self) -> ConnectHost<'u> {
        ConnectHost {
            host: self.host,
            zone: self.zone,
        }
    }

    /// The user name and the password before the host, if [`UriRules::user_info`] allows them and they are
    /// not empty.
    ///
    /// Nothing is made of them: RFC 6455 3 does not allow them. To send them, write
    /// [`UserInfo::basic`] into the field `Authorization`.
    #[must_use]
    pub const fn user_info(&self) -> Option<UserInfo<'u>> {
        self.user_info
    }

    /// Whether the scheme is `wss`: the connection has to go through TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to connect to, as in the text: a name, an IPv4 address, or an IPv6 address without
    /// its brackets.
    ///
    /// It has no [zone](Self::zone); see [`connect_host`](Self::connect_host). Percent-encodings in a name are not decoded. A name of digits and dots that is not an IPv4
    /// address is still a name (RFC 3986 3.2.2): name resolution decides whether it exists.
    #[must_use]
    pub const fn host(&self) -> &'u str {
        self.host
    }

    /// Whether [`host`](Self::host) is an IPv6 address.
    ///
    /// ```
    /// # use ws_proto::Uri;
    /// let uri = Uri::parse("ws://[2001:db8::1]:8080/")?;
    /// assert!(uri.host_is_ipv6());
    /// assert_eq!(uri.host(), "2001:db8::1");
    /// assert_eq!(uri.host_header().to_string(), "[2001:db8::1]:8080");
    /// # Ok::<(), ws_proto::UriError>(())
    /// ```
    #[must_use]
    pub const fn host_is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// The port to connect to: that of the text, else 80 for `ws` and 443 for `wss`.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The value of the field `Host` (RFC 6455 4.1): the host in lower case, and the port if it is
    /// not the default of the scheme.
    #[must_use]
    pub const fn host_header(&self) -> HostHeader<'u> {
        let is_default = self.port == default_port(self.secure);
        let port = if is_default { None } else { Some(self.port) };
        HostHeader {
            host: self.host,
            ipv6: self.ipv6,
            port,
        }
    }

    /// As [`host_header`](Self::host_header), with the port in any case: what a proxy is asked to connect to
    /// (RFC 9110 9.3.6).
    pub(crate) const fn host_and_port(&self) -> HostHeader<'u> {
        HostHeader {
            host: self.host,
            ipv6: self.ipv6,
            port: Some(self.port),
        }
    }

    /// The target to request (RFC 6455 3 calls it the resource name).
    #[must_use]
    pub const fn target(&self) -> Target<'u> {
        self.target
    }
}

impl<'u> TryFrom<&'u str> for Uri<'u> {
    type Error = UriError;

    fn try_from(text: &'u str) -> Result<Self, UriError> {
        Self::parse(text)
    }
}

impl PartialEq for Uri<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.secure == other.secure
            && self.ipv6 == other.ipv6
            && self.host.eq_ignore_ascii_case(other.host)
            && self.zone == other.zone
            && self.port == other.port
            && self.target == other.target
    }
}

impl Eq for Uri<'_> {}

impl Hash for Uri<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.secure.hash(state);
        for byte in self.host.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        self.zone.hash(state);
        self.port.hash(state);
        self.target.hash(state);
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "wss://" } else { "ws://" })?;
        self.host_header().fmt(f)?;
        self.target.fmt(f)
    }
}

/// What [`Uri::parse_with`] allows besides the URIs of RFC 6455 3.
///
/// ```
/// use ws_proto::uri::UriRules;
/// use ws_proto::{Uri, UriError};
///
/// let text = "https://me:secret@example.com/";
/// assert_eq!(Uri::parse(text), Err(UriError::Scheme));
///
/// let uri = Uri::parse_with(text, UriRules::new().http(true).user_info(true))?;
/// assert!(uri.is_secure());
/// assert_eq!(uri.to_string(), "wss://example.com/");
/// let user = uri.user_info().expect("there is a user name");
/// assert_eq!(user.basic()?.to_string(), "Basic bWU6c2VjcmV0"); // for Authorization
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct UriRules {
    http: bool,
    user_info: bool,
}

impl UriRules {
    /// Nothing besides.
    pub const fn new() -> Self {
        Self {
            http: false,
            user_info: false,
        }
    }

    /// Whether the schemes `http` and `https` mean `ws` and `wss`, as in browsers.
    pub const fn http(self, allow: bool) -> Self {
        Self {
            http: allow,
            ..self
        }
    }

    /// Whether there may be a user name and a password before the host; see [`Uri::user_info`].
    pub const fn user_info(self, allow: bool) -> Self {
        Self {
            user_info: allow,
            ..self
        }
    }
}

/// The user name and the password in a URI; see [`Uri::user_info`].
///
/// ```
/// use ws_proto::uri::{Uri, UriRules};
///
/// let uri = Uri::parse_with("wss://me:p%40ss@example.com/", UriRules::new().user_info(true))?;
/// let info = uri.user_info().expect("there is one");
/// assert_eq!((info.user(), info.password()), ("me", Some("p%40ss")));
/// assert_eq!(info.basic()?.to_string(), "Basic bWU6cEBzcw==");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserInfo<'u> {
    user: &'u str,
    password: Option<&'u str>,
}

impl<'u> UserInfo<'u> {
    /// `at` is where it begins in the URI.
    pub(crate) fn parse(
        text: &'u str,
        at: usize,
        allowed: fn(u8) -> bool,
    ) -> Result<Option<Self>, UriError> {
        check(text, at, allowed)?;
        let (user, password) = match split_at_byte(text, b':') {
            Some((user, password)) => (user, Some(password)),
            None => (text, None),
        };
        Ok((!text.is_empty()).then_some(Self { user, password }))
    }

    /// The user name, as in the text: percent-encodings are not decoded.
    #[must_use]
    pub const fn user(&self) -> &'u str {
        self.user
    }

    /// The password, as in the text: percent-encodings are not decoded.
    #[must_use]
    pub const fn password(&self) -> Option<&'u str> {
        self.password
    }

    /// The value of the field `Authorization` that sends both by the scheme Basic (RFC 7617), with
    /// percent-encodings decoded.
    ///
    /// # Errors
    ///
    /// [`BasicAuthError`] if Basic cannot carry them: a user name with a colon (`%3A`), control characters in user name or
    /// password (RFC 7617 2).
    pub fn basic(&self) -> Result<BasicAuth<'u>, BasicAuthError> {
        let password = self.password.unwrap_or_default();
        if basic_can_carry(decode(self.user), decode(password)) {
            Ok(BasicAuth(*self))
        } else {
            Err(BasicAuthError)
        }
    }

    /// `user:password`, decoded.
    fn bytes(&self) -> impl Iterator<Item = u8> + use<'u> {
        let password = self.password.unwrap_or_default();
        decode(self.user).chain([b':']).chain(decode(password))
    }
}

/// Leaves out the password.
impl fmt::Debug for UserInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserInfo")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The value of a field `Authorization`; it is made with [`UserInfo::basic`] and written with `Display`.
///
/// ```
/// use ws_proto::handshake::ClientRequest;
/// use ws_proto::uri::{Uri, UriRules};
///
/// let uri = Uri::parse_with("wss://me:secret@example.com/", UriRules::new().user_info(true))?;
/// if let Some(info) = uri.user_info() {
///     let value = info.basic()?.to_string();
///     let headers = [("Authorization", value.as_bytes())];
///     let request = ClientRequest::from_uri(uri).headers(&headers);
///     # let _ = request;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BasicAuth<'u>(UserInfo<'u>);

impl fmt::Display for BasicAuth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_basic(f, self.0.bytes())
    }
}

/// A user name has a colon, or it or its password has a control character: the scheme Basic cannot carry them (RFC 7617 2).
///
/// ```
/// use ws_proto::uri::{BasicAuthError, Uri, UriRules};
///
/// // "a:b" is no user name for Basic.
/// let uri = Uri::parse_with("ws://a%3Ab:c@example.com", UriRules::new().user_info(true))?;
/// let error: BasicAuthError = uri.user_info().expect("there is one").basic().unwrap_err();
/// assert_eq!(error.to_string(), "user name or password has characters that cannot be sent");
/// # Ok::<(), ws_proto::UriError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BasicAuthError;

impl fmt::Display for BasicAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("user name or password has characters that cannot be sent")
    }
}

impl Error for BasicAuthError {}

/// Whether a receiver reads the same user name and password from the scheme Basic, and accepts them (RFC 7617 2).
pub(crate) fn basic_can_carry(
    mut user: impl Iterator<Item = u8>,
    mut password: impl Iterator<Item = u8>,
) -> bool {
    user.all(|byte| byte != b':' && !byte.is_ascii_control())
        && password.all(|byte| !byte.is_ascii_control())
}

/// Writes the credentials of the scheme Basic; `bytes` is `user:password` (RFC 7617 2).
pub(crate) fn write_basic(
    f: &mut fmt::Formatter<'_>,
    bytes: impl IntoIterator<Item = u8>,
) -> fmt::Result {
    f.write_str("Basic ")?;
    let mut bytes = bytes.into_iter();
    loop {
        let mut group = [0; 3];
        let mut len = 0;
        for (place, byte) in group.iter_mut().zip(&mut bytes) {
            *place = byte;
            len += 1;
        }
        let mut digits = [0; 4];
        let group = group.get(..len).unwrap_or_default();
        let written = STANDARD.encode_slice(group, &mut digits).unwrap_or(0);
        let digits = digits.get(..written).unwrap_or_default();
        f.write_str(core::str::from_utf8(digits).unwrap_or_default())?;
        if len < 3 {
            return Ok(());
        }
    }
}

/// Decodes the percent-encodings of a text that [`check`] has accepted.
pub(crate) fn decode(text: &str) -> impl Iterator<Item = u8> {
    let mut bytes = text.bytes();
    core::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte != b'%' {
            return Some(byte);
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        u8::try_from(digit()? * 16 + digit()?).ok()
    })
}

/// The host to connect to, with its zone; it is made with [`Uri::connect_host`] and written with `Display`.
///
/// ```
/// use ws_proto::Uri;
///
/// let uri = Uri::parse("ws://[fe80::1]:9001/")?.with_zone("eth0")?;
/// assert_eq!(uri.connect_host().to_string(), "fe80::1%eth0"); // for name resolution
/// assert_eq!(Uri::parse("ws://Example.com")?.connect_host().to_string(), "Example.com");
/// # Ok::<(), ws_proto::UriError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConnectHost<'u> {
    host: &'u str,
    zone: Option<&'u str>,
}

impl fmt::Display for ConnectHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host)?;
        match self.zone {
            Some(zone) => write!(f, "%{zone}"),
            None => Ok(()),
        }
    }
}

/// The value of the field `Host` that belongs to a [`Uri`]; it is made with
/// [`Uri::host_header`] and written with `Display`.
///
/// ```
/// # use ws_proto::Uri;
/// let host = |text| Uri::parse(text).map(|uri| uri.host_header().to_string());
/// assert_eq!(host("wss://Example.com:443").as_deref(), Ok("example.com"));
/// assert_eq!(host("ws://example.com:443").as_deref(), Ok("example.com:443"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HostHeader<'u> {
    host: &'u str,
    ipv6: bool,
    port: Option<u16>,
}

impl<'u> HostHeader<'u> {
    /// For a host that stands alone: a name, an IPv4 address, or an IPv6 address with or without brackets,
    /// whose zone is left out. `None` if it is none of these, or if the port is 0.
    pub(crate) fn of(host: &'u str, port: u16) -> Option<Self> {
        let place = match host.strip_prefix('[') {
            Some(literal) => Place::of_ipv6(literal.strip_suffix(']')?),
            None if host.contains(':') => Place::of_ipv6(host),
            None => Place::parse(host, 0).ok(),
        }?;
        (port > 0).then_some(Self {
            host: place.host,
            ipv6: place.ipv6,
            port: Some(port),
        })
    }
}

impl fmt::Display for HostHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ipv6 {
            f.write_char('[')?;
        }
        for c in self.host.chars() {
            f.write_char(c.to_ascii_lowercase())?;
        }
        if self.ipv6 {
            f.write_char(']')?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// The target of the request that belongs to a [`Uri`]; it is made with [`Uri::target`] and
/// written with `Display`.
///
/// That is the path, `/` if it is empty, then `?` and the query if that is not empty (RFC 6455 3).
/// Percent-encodings and dot segments are as in the text: server and client have to see the same
/// path, and the server interprets it.
///
/// ```
/// # use ws_proto::Uri;
/// let target = |text| Uri::parse(text).map(|uri| uri.target().to_string());
/// assert_eq!(target("ws://example.com?x=1").as_deref(), Ok("/?x=1"));
/// assert_eq!(target("ws://example.com/a/../%62?").as_deref(), Ok("/a/../%62"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target<'u> {
    path: &'u str,
    query: &'u str,
}

impl<'u> Target<'u> {
    /// The path, which begins with `/`.
    #[must_use]
    pub const fn path(&self) -> &'u str {
        self.path
    }

    /// The query, after the first `?`; empty if there is none.
    ///
    /// ```
    /// use ws_proto::Uri;
    ///
    /// let target = Uri::parse("ws://example.com?room=1")?.target();
    /// assert_eq!((target.path(), target.query()), ("/", "room=1"));
    /// # Ok::<(), ws_proto::UriError>(())
    /// ```
    #[must_use]
    pub const fn query(&self) -> &'u str {
        self.query
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        if self.query.is_empty() {
            return Ok(());
        }
        f.write_char('?')?;
        f.write_str(self.query)
    }
}

/// The reason why a text is not the URI of a WebSocket server. Places are bytes from the front of the text,
/// from zero.
///
/// ```
/// use ws_proto::{Uri, UriError};
///
/// let error = Uri::parse("ws://example.com/?q={\"a\":1}").unwrap_err();
/// assert_eq!(error, UriError::Character { character: '"', at: 21 });
/// assert_eq!(error.to_string(), "character '\"' at byte 21 is not allowed in a URI");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UriError {
    /// A character that is not allowed at its place: a space, a control, `[` in a name, `"` or `\`
    /// anywhere (RFC 3986 2).
    Character {
        /// The character.
        character: char,
        /// Its place.
        at: usize,
    },
    /// A `#`. WebSocket URIs have no fragment, and a `#` that is data is written `%23`
    /// (RFC 6455 3).
    Fragment {
        /// The place of the first `#`.
        at: usize,
    },
    /// No `//` after the scheme, or an empty host.
    HostMissing,
    /// Brackets around anything but an IPv6 address, or text after them. Addresses of future versions are
    /// not supported.
    IpLiteral,
    /// A character outside of ASCII (RFC 6455 11.1.1).
    NotAscii {
        /// The character.
        character: char,
        /// Its place.
        at: usize,
    },
    /// A `%` that is not followed by two hexadecimal digits (RFC 3986 2.1).
    PercentEncoding {
        /// The place of the `%`.
        at: usize,
    },
    /// A port that is not a decimal number from 1 to 65535.
    Port,
    /// The scheme is neither `ws` nor `wss`. [`UriRules::http`] allows `http` and `https`.
    Scheme,
    /// A user name or password before the host. RFC 6455 3 does not allow them, [`UriRules::user_info`] does.
    UserInfo,
    /// [`Uri::with_zone`]: the host is no IPv6 address, or the text cannot be a zone.
    Zone,
    /// An IPv6 address with a zone (`%`) in the URI. RFC 9844 took that syntax back: give the zone to
    /// [`Uri::with_zone`].
    ZoneInUri,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::Character { character, at } => {
                return match character {
                    ' '..='~' => {
                        write!(
                            f,
                            "character '{character}' at byte {at} is not allowed in a URI"
                        )
                    }
                    _ => write!(
                        f,
                        "control character {:#04x} at byte {at} is not allowed in a URI",
                        u32::from(character)
                    ),
                };
            }
            Self::Fragment { at } => {
                return write!(f, "WebSocket URIs have no fragment: '#' at byte {at}");
            }
            Self::HostMissing => "URI without a host",
            Self::IpLiteral => "invalid IPv6 address in brackets",
            Self::NotAscii { character, at } => {
                return write!(
                    f,
                    "character U+{:04X} at byte {at} of a URI is not ASCII",
                    u32::from(character)
                );
            }
            Self::PercentEncoding { at } => {
                return write!(
                    f,
                    "'%' at byte {at} without two hexadecimal digits after it"
                );
            }
            Self::Port => "port is not a number from 1 to 65535",
            Self::Scheme => "scheme is neither ws nor wss",
            Self::UserInfo => "user name or password in a URI",
            Self::Zone => "a zone is the name of an interface, for an IPv6 address",
            Self::ZoneInUri => "IPv6 address with a zone in a URI: give the zone apart",
        })
    }
}

impl Error for UriError {}

/// A host, and its port if there is one.
pub(crate) struct Place<'u> {
    pub(crate) ipv6: bool,
    /// Without brackets.
    pub(crate) host: &'u str,
    pub(crate) port: Option<u16>,
}

impl<'u> Place<'u> {
    /// `at` is where `text` begins in the URI. An empty port counts as none.
    pub(crate) fn parse(text: &'u str, at: usize) -> Result<Self, UriError> {
        let (ipv6, host, port) = split_authority(text, at)?;
        let port = match port {
            "" => None,
            port => Some(parse_port(port)?),
        };
        Ok(Self { ipv6, host, port })
    }

    /// An IPv6 address without its zone.
    fn of_ipv6(text: &'u str) -> Option<Self> {
        let host = split_at_byte(text, b'%').map_or(text, |(address, _)| address);
        host.parse::<Ipv6Addr>().ok()?;
        Some(Self {
            ipv6: true,
            host,
            port: None,
        })
    }
}

/// Whether the host is IPv6, the host, and the digits of the port. `at` is where `authority` begins.
fn split_authority(authority: &str, at: usize) -> Result<(bool, &str, &str), UriError> {
    if let Some(literal) = authority.strip_prefix('[') {
        let (address, after) = split_at_byte(literal, b']').ok_or(UriError::IpLiteral)?;
        if let Some((address, _)) = split_at_byte(address, b'%') {
            let is_address = address.parse::<Ipv6Addr>().is_ok();
            return Err(if is_address {
                UriError::ZoneInUri
            } else {
                UriError::IpLiteral
            });
        }
        address
            .parse::<Ipv6Addr>()
            .map_err(|_| UriError::IpLiteral)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((true, address, port)),
            None if after.is_empty() => Ok((true, address, "")),
            None => Err(UriError::IpLiteral),
        };
    }
    let (host, port) = split_at_byte(authority, b':').unwrap_or((authority, ""));
    if host.is_empty() {
        return Err(UriError::HostMissing);
    }
    check(host, at, is_name)?;
    Ok((false, host, port))
}

fn parse_port(digits: &str) -> Result<u16, UriError> {
    // The parser of integers also takes a plus sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UriError::Port);
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err(UriError::Port),
        Ok(port) => Ok(port),
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Checks that every character is ASCII. `start` is where `part` begins.
pub(crate) fn check_ascii(part: &str, start: usize) -> Result<(), UriError> {
    match part.char_indices().find(|(_, c)| !c.is_ascii()) {
        Some((index, character)) => Err(UriError::NotAscii {
            character,
            at: start.saturating_add(index),
        }),
        None => Ok(()),
    }
}

/// Checks that every byte is allowed, or part of a percent-encoding (RFC 3986 2.1). `start` is where `part`
/// begins.
fn check(part: &str, start: usize, allowed: fn(u8) -> bool) -> Result<(), UriError> {
    let mut rest = part.as_bytes();
    while let [byte, after @ ..] = rest {
        let at = || start.saturating_add(part.len().saturating_sub(rest.len()));
        rest = match after {
            _ if *byte != b'%' => {
                if !allowed(*byte) {
                    let character = char::from(*byte);
                    return Err(UriError::Character {
                        character,
                        at: at(),
                    });
                }
                after
            }
            [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            _ => return Err(UriError::PercentEncoding { at: at() }),
        };
    }
    Ok(())
}

// For ASCII bytes, as `find` and `split_once` of `str`, whose checks the compiler does not remove (`tests/no_panic`).

/// Where the first byte is for which `is` holds.
fn find(text: &str, is: impl Fn(u8) -> bool) -> Option<usize> {
    text.as_bytes().iter().position(|byte| is(*byte))
}

/// The text before and after the first `byte`.
fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    split_around(text, find(text, |other| other == byte)?)
}

/// The text before and after the byte at `at`.
fn split_around(text: &str, at: usize) -> Option<(&str, &str)> {
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(1..)?))
}

/// A character of a registered name: `unreserved` and `sub-delims` of RFC 3986 2.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// A character of a user name or password, or the colon between them (RFC 3986 3.2.1).
fn is_user_info(byte: u8) -> bool {
    is_name(byte) || byte == b':'
}

/// A character of a path: `pchar` of RFC 3986 3.3, the slash, and what browsers send as it is.
fn is_path(byte: u8) -> bool {
    is_name(byte) || b":@/[]{}|^".contains(&byte)
}

/// A character of a query (RFC 3986 3.4).
fn is_query(byte: u8) -> bool {
    is_path(byte) || byte == b'?'
}
