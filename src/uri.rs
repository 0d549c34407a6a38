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
//! A [`Uri`] is checked once and then borrows the text. The syntax is that of RFC 3986. Nothing is
//! repaired or decoded: text that cannot be written into a request unchanged is an error.

use core::error::Error;
use core::fmt::{self, Write};
use core::hash::{Hash, Hasher};
use core::net::Ipv6Addr;

/// The URI of a WebSocket server (RFC 6455 3), borrowed from its text.
///
/// The scheme is `ws` or `wss` in any case. There is a host, there is no userinfo and no fragment,
/// not even an empty one. A URI is ASCII: convert names of other alphabets by IDNA, and
/// percent-encode the rest, before (RFC 6455 11.1.1).
///
/// Two URIs are equal if they lead to the same request: the same scheme, port and target, and the
/// same host without regard to case. As [`Display`](fmt::Display) writes a URI, the scheme and the
/// host are in lower case, the default port is left out and an empty path is `/`.
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
    port: u16,
    target: Target<'u>,
}

impl<'u> Uri<'u> {
    /// Checks and splits a URI.
    ///
    /// # Errors
    ///
    /// [`UriError`] for the first rule that the text breaks.
    pub fn parse(text: &'u str) -> Result<Self, UriError> {
        if !text.is_ascii() {
            return Err(UriError::NotAscii);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let secure = if scheme.eq_ignore_ascii_case("wss") {
            true
        } else if scheme.eq_ignore_ascii_case("ws") {
            false
        } else {
            return Err(UriError::Scheme);
        };
        if rest.contains('#') {
            return Err(UriError::Fragment);
        }
        let rest = rest.strip_prefix("//").ok_or(UriError::HostMissing)?;
        let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (path, query) = resource.split_once('?').unwrap_or((resource, ""));

        if authority.contains('@') {
            return Err(UriError::UserInfo);
        }
        let (ipv6, host, port) = split_authority(authority)?;
        let port = match port {
            "" => default_port(secure),
            port => parse_port(port)?,
        };
        check(path, is_path)?;
        check(query, is_query)?;
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            secure,
            ipv6,
            host,
            port,
            target: Target { path, query },
        })
    }

    /// Whether the scheme is `wss`: the connection has to go through TLS.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to connect to, as in the text: a name, an IPv4 address, or an IPv6 address without
    /// its brackets.
    ///
    /// Percent-encodings in a name are not decoded. A name of digits and dots that is not an IPv4
    /// address is still a name (RFC 3986 3.2.2): name resolution decides whether it exists.
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
    pub const fn host_is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// The port to connect to: that of the text, else 80 for `ws` and 443 for `wss`.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The value of the field `Host` (RFC 6455 4.1): the host in lower case, and the port if it is
    /// not the default of the scheme.
    pub const fn host_header(&self) -> HostHeader<'u> {
        let is_default = self.port == default_port(self.secure);
        let port = if is_default { None } else { Some(self.port) };
        HostHeader {
            host: self.host,
            ipv6: self.ipv6,
            port,
        }
    }

    /// The target to request (RFC 6455 3 calls it the resource name).
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
/// path, and the server decides what it means.
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
    pub const fn path(&self) -> &'u str {
        self.path
    }

    /// The query, after the first `?`; empty if there is none.
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

/// The reason why a text is not the URI of a WebSocket server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UriError {
    /// A character that is not allowed at its place: a space, a control, `[` in a name, `"` or `\`
    /// anywhere (RFC 3986 2).
    Character,
    /// A `#`. WebSocket URIs have no fragment, and a `#` that is data is written `%23`
    /// (RFC 6455 3).
    Fragment,
    /// No `//` after the scheme, or an empty host.
    HostMissing,
    /// Brackets around anything but an IPv6 address, or text after them. Zone identifiers
    /// and addresses of future versions are not supported.
    IpLiteral,
    /// A character outside of ASCII (RFC 6455 11.1.1).
    NotAscii,
    /// A `%` that is not followed by two hexadecimal digits (RFC 3986 2.1).
    PercentEncoding,
    /// A port that is not a decimal number from 1 to 65535.
    Port,
    /// The scheme is neither `ws` nor `wss`.
    Scheme,
    /// A user name or password before the host. RFC 6455 3 does not allow them.
    UserInfo,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "character that is not allowed in a URI",
            Self::Fragment => "WebSocket URIs have no fragment",
            Self::HostMissing => "URI without a host",
            Self::IpLiteral => "invalid IPv6 address in brackets",
            Self::NotAscii => "character outside of ASCII in a URI",
            Self::PercentEncoding => "percent sign without two hexadecimal digits",
            Self::Port => "port is not a number from 1 to 65535",
            Self::Scheme => "scheme is neither ws nor wss",
            Self::UserInfo => "user name or password in a URI",
        })
    }
}

impl Error for UriError {}

/// Whether the host is IPv6, the host, and the digits of the port.
fn split_authority(authority: &str) -> Result<(bool, &str, &str), UriError> {
    if let Some(literal) = authority.strip_prefix('[') {
        let (address, after) = literal.split_once(']').ok_or(UriError::IpLiteral)?;
        address
            .parse::<Ipv6Addr>()
            .map_err(|_| UriError::IpLiteral)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((true, address, port)),
            None if after.is_empty() => Ok((true, address, "")),
            None => Err(UriError::IpLiteral),
        };
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    if host.is_empty() {
        return Err(UriError::HostMissing);
    }
    check(host, is_name)?;
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

/// Checks that every byte is allowed, or part of a percent-encoding (RFC 3986 2.1).
fn check(part: &str, allowed: fn(u8) -> bool) -> Result<(), UriError> {
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next(), bytes.next()];
            if !digits
                .iter()
                .all(|d| d.is_some_and(|d| d.is_ascii_hexdigit()))
            {
                return Err(UriError::PercentEncoding);
            }
        } else if !allowed(byte) {
            return Err(UriError::Character);
        }
    }
    Ok(())
}

/// A character of a registered name: `unreserved` and `sub-delims` of RFC 3986 2.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// A character of a path: `pchar` of RFC 3986 3.3, and the slash.
fn is_path(byte: u8) -> bool {
    is_name(byte) || b":@/".contains(&byte)
}

/// A character of a query (RFC 3986 3.4).
fn is_query(byte: u8) -> bool {
    is_path(byte) || byte == b'?'
}
