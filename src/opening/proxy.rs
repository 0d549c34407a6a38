use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::handshake::proxy::ConnectRequest;
use crate::uri::{self, Place, Uri, UriError, UserInfo};

/// A proxy to reach servers through: its URL, credentials and headers. It owns its content. `Debug` leaves out user
/// name, password and the values of header fields: they can be secrets.
///
/// | part of the URL | read as |
/// |---|---|
/// | scheme | `http`, `https`, `socks5`, `socks5h`, in any case; none means `http` |
/// | `user:password@` | visible ASCII up to the last `@`; percent-encodings are decoded; a missing password is empty, which SOCKS does not allow (RFC 1929): connecting fails with [`ProxyError::Credentials`](super::ProxyError::Credentials) |
/// | host | a name, an IPv4 address, an IPv6 address in brackets |
/// | port | 1080 if there is none, 443 with `https`: curl's defaults |
/// | path | none, or `/` |
///
/// ```
/// use ws_proto::opening::{Proxy, ProxyScheme};
///
/// let proxy = Proxy::new("http://me:p%40ss@proxy.example:3128/")?;
/// assert_eq!(proxy.scheme(), ProxyScheme::Http);
/// assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 3128)); // to connect to
/// assert_eq!(proxy.credentials(), Some((&b"me"[..], &b"p@ss"[..])));
///
/// assert_eq!(Proxy::new("proxy.example:3128")?.scheme(), ProxyScheme::Http);
/// assert_eq!(Proxy::new("socks5h://127.0.0.1")?.port(), 1080);
/// # Ok::<(), ws_proto::opening::ProxyUriError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Proxy {
    scheme: ProxyScheme,
    host: Box<str>,
    port: u16,
    credentials: Option<Decoded>,
    headers: Vec<(Box<str>, Box<[u8]>)>,
}

/// How to speak to a [`Proxy`].
///
/// ```
/// use ws_proto::opening::{Proxy, ProxyScheme};
///
/// let proxy = Proxy::new("socks5h://127.0.0.1:9050")?;
/// assert_eq!((proxy.scheme(), proxy.scheme().name()), (ProxyScheme::Socks5h, "socks5h"));
/// # Ok::<(), ws_proto::opening::ProxyUriError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyScheme {
    /// HTTP/1.1 with `CONNECT` (RFC 9110 9.3.6): [`Proxying`](super::Proxying).
    Http,
    /// As `Http`, over TLS to the proxy.
    Https,
    /// SOCKS 5 (RFC 1928), to an address: this side resolves the name of the server.
    Socks5,
    /// SOCKS 5, to a name: the proxy resolves it.
    Socks5h,
}

impl ProxyScheme {
    /// As in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            _ => 1080,
        }
    }
}

impl Proxy {
    /// For this URL; see [the table](Self).
    ///
    /// # Errors
    ///
    /// [`ProxyUriError`]; its text does not contain user name and password.
    pub fn new(url: &str) -> Result<Self, ProxyUriError> {
        let (scheme, rest) = match url.split_once("://") {
            None => (ProxyScheme::Http, url),
            Some((name, rest)) => {
                let mut known = SCHEMES.into_iter();
                let scheme = known.find(|scheme| scheme.name().eq_ignore_ascii_case(name));
                (scheme.ok_or(ProxyUriError::Scheme)?, rest)
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !matches!(path, "" | "/") {
            return Err(ProxyUriError::Path);
        }
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((user_info, place)) => (credentials(user_info)?, place),
            None => (None, authority),
        };
        let at = url.len() - path.len() - place.len();
        uri::check_ascii(place, at)?;
        let place = Place::parse(place, at)?;
        Ok(Self {
            scheme,
            host: place.host.into(),
            port: place.port.unwrap_or(scheme.default_port()),
            credentials,
            headers: Vec::new(),
        })
    }

    /// The proxy that environment variables name for `uri`, by the rules of curl; `None` if they name none or
    /// exclude the host. `var` looks a variable up.
    ///
    /// The first of these that is set and not empty:
    ///
    /// | `wss` | `ws` |
    /// |---|---|
    /// | `wss_proxy`, `WSS_PROXY` | `ws_proxy`, `WS_PROXY` |
    /// | `https_proxy`, `HTTPS_PROXY` | `http_proxy`: only in lower case, since a CGI program gets the field `Proxy` of a request as `HTTP_PROXY` |
    /// | `all_proxy`, `ALL_PROXY` | `all_proxy`, `ALL_PROXY` |
    ///
    /// `no_proxy`, else `NO_PROXY`, is a [`NoProxy`].
    ///
    /// # Errors
    ///
    /// [`ProxyUriError`] if the variable's value is no URL of a proxy.
    ///
    /// ```
    /// use ws_proto::Uri;
    /// use ws_proto::opening::Proxy;
    ///
    /// let vars = |name: &str| match name {
    ///     "HTTPS_PROXY" => Some("http://proxy.example:3128".to_owned()),
    ///     "NO_PROXY" => Some("localhost,10.0.0.0/8,intern.example".to_owned()),
    ///     _ => None,
    /// };
    /// let proxy = Proxy::from_env(&Uri::parse("wss://example.com/")?, vars)?;
    /// assert_eq!(proxy.expect("HTTPS_PROXY").host(), "proxy.example");
    /// assert!(Proxy::from_env(&Uri::parse("wss://db.intern.example/")?, vars)?.is_none());
    /// assert!(Proxy::from_env(&Uri::parse("ws://example.com/")?, vars)?.is_none());
    ///
    /// // In a program:
    /// let var = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    /// let proxy = Proxy::from_env(&Uri::parse("wss://example.com/")?, var);
    /// # let _ = proxy;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_env(
        uri: &Uri<'_>,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ProxyUriError> {
        let first = |names: &[&str]| {
            let values = names.iter().filter_map(|name| var(name));
            values.into_iter().find(|value| !value.is_empty())
        };
        let excluded = first(&["no_proxy", "NO_PROXY"]);
        if excluded.is_some_and(|list| NoProxy::new(&list).contains(uri)) {
            return Ok(None);
        }
        let url = first(if uri.is_secure() { &FOR_WSS } else { &FOR_WS });
        url.map(|url| Self::new(&url)).transpose()
    }

    /// Adds a header field to the request for a tunnel, such as `User-Agent`, or `Proxy-Authorization` for
    /// another scheme than Basic. The server does not see it.
    ///
    /// ```
    /// use ws_proto::opening::Proxy;
    ///
    /// let proxy = Proxy::new("proxy.example:3128")?
    ///     .header("Proxy-Authorization", "Bearer abc")
    ///     .header("User-Agent", "example/1.0");
    /// # let _ = proxy;
    /// # Ok::<(), ws_proto::opening::ProxyUriError>(())
    /// ```
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// How to speak to it.
    #[must_use]
    pub const fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// The host to connect to: a name, an IPv4 address, or an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The user name and the password, decoded. They need not be UTF-8.
    #[must_use]
    pub fn credentials(&self) -> Option<(&[u8], &[u8])> {
        let credentials = self.credentials.as_ref();
        credentials.map(|(user, password)| (&**user, &**password))
    }

    /// Calls `then` with the request and what this adds to it, which borrows.
    pub(super) fn with_request<T>(
        &self,
        request: ConnectRequest<'_>,
        then: impl FnOnce(ConnectRequest<'_>) -> T,
    ) -> T {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let mut request = request.headers(&headers);
        if let Some((user, password)) = self.credentials() {
            request = request.basic(user, password);
        }
        then(request)
    }
}

impl TryFrom<&str> for Proxy {
    type Error = ProxyUriError;

    fn try_from(url: &str) -> Result<Self, ProxyUriError> {
        Self::new(url)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("has_credentials", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}

/// User name and password, decoded.
type Decoded = (Box<[u8]>, Box<[u8]>);

fn credentials(user_info: &str) -> Result<Option<Decoded>, ProxyUriError> {
    // As curl does, visible characters are taken as they are; those that end the host cannot be among them.
    let parsed = UserInfo::parse(user_info, 0, |byte| byte.is_ascii_graphic());
    let Some(parsed) = parsed.map_err(|_| ProxyUriError::Credentials)? else {
        return Ok(None);
    };
    let user: Box<[u8]> = uri::decode(parsed.user()).collect();
    let password: Box<[u8]> = uri::decode(parsed.password().unwrap_or_default()).collect();
    if !uri::basic_can_carry(user.iter().copied(), password.iter().copied()) {
        return Err(ProxyUriError::Credentials);
    }
    Ok(Some((user, password)))
}

const SCHEMES: [ProxyScheme; 4] = [
    ProxyScheme::Http,
    ProxyScheme::Https,
    ProxyScheme::Socks5,
    ProxyScheme::Socks5h,
];

const FOR_WSS: [&str; 6] = [
    "wss_proxy",
    "WSS_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

const FOR_WS: [&str; 5] = [
    "ws_proxy",
    "WS_PROXY",
    "http_proxy",
    "all_proxy",
    "ALL_PROXY",
];

/// Hosts that are reached without a proxy, as in the variable `NO_PROXY`, by the rules of curl.
///
/// A list with commas, and blanks around the entries; a blank inside an entry ends the list.
///
/// | entry | hosts |
/// |---|---|
/// | `*`, alone | all |
/// | `example.com`, `.example.com`, `example.com.` | `example.com` and `a.example.com`, in any case; not `notexample.com` |
/// | `192.0.2.1`, `2001:db8::1` | that address, in any spelling of it |
/// | `192.0.2.0/24`, `2001:db8::/32` | the addresses of that network; `/0` counts as no prefix |
/// | `*.example.com`, `[::1]`, `example.com:443`, `192.0.2.1-9` | none: there are no patterns, brackets, ports or ranges |
///
/// Names are not resolved: an address in the list does not exclude a name that leads to it.
///
/// ```
/// use ws_proto::Uri;
/// use ws_proto::opening::NoProxy;
///
/// let list = NoProxy::new("localhost, .example.com, 10.0.0.0/8");
/// assert!(list.contains(&Uri::parse("ws://a.example.com:8080/")?));
/// assert!(list.contains(&Uri::parse("ws://10.1.2.3/")?));
/// assert!(!list.contains(&Uri::parse("ws://example.org/")?));
/// # Ok::<(), ws_proto::UriError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NoProxy<'l>(&'l str);

impl<'l> NoProxy<'l> {
    /// This list.
    #[must_use]
    pub const fn new(list: &'l str) -> Self {
        Self(list)
    }

    /// Whether the host of `uri` is in the list.
    #[must_use]
    pub fn contains(&self, uri: &Uri<'_>) -> bool {
        if self.0 == "*" {
            return true;
        }
        let host = Host::of(uri);
        for entry in self.0.split(',') {
            let entry = entry.trim_matches(is_blank);
            let (entry, ends) = match entry.split_once(is_blank) {
                Some((entry, _)) => (entry, true),
                None => (entry, false),
            };
            if !entry.is_empty() && host.is_in(entry) {
                return true;
            }
            if ends {
                return false;
            }
        }
        false
    }
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// A host as a [`NoProxy`] compares it.
enum Host<'u> {
    Name(&'u str),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
}

impl<'u> Host<'u> {
    fn of(uri: &Uri<'u>) -> Self {
        let host = uri.host();
        match (host.parse(), host.parse()) {
            (Ok(address), _) => Self::Ipv4(address),
            (_, Ok(address)) if uri.host_is_ipv6() => Self::Ipv6(address),
            _ => Self::Name(without_dot(host)),
        }
    }

    fn is_in(&self, entry: &str) -> bool {
        match self {
            Self::Name(name) => {
                let entry = without_dot(entry);
                let domain = entry.strip_prefix('.').unwrap_or(entry);
                let front = name.len().checked_sub(domain.len());
                let Some((front, end)) = front.and_then(|at| name.split_at_checked(at)) else {
                    return false;
                };
                end.eq_ignore_ascii_case(domain) && (front.is_empty() || front.ends_with('.'))
            }
            Self::Ipv4(address) => {
                let bits = |address: Ipv4Addr| u128::from(u32::from(address)) << 96;
                is_in_network(bits(*address), entry, 32, |text| {
                    text.parse().ok().map(bits)
                })
            }
            Self::Ipv6(address) => {
                let bits = |address: Ipv6Addr| u128::from(address);
                is_in_network(bits(*address), entry, 128, |text| {
                    text.parse().ok().map(bits)
                })
            }
        }
    }
}

/// Whether `address` is that of `entry`, or in its network. Both have their bits at the front; `most` is how many
/// a prefix can have.
fn is_in_network(
    address: u128,
    entry: &str,
    most: u32,
    parse: impl Fn(&str) -> Option<u128>,
) -> bool {
    let (network, prefix) = match entry.split_once('/') {
        None => (entry, Some(most)),
        Some((network, digits)) => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let prefix = digits.parse().ok().filter(|_| is_number);
            (
                network,
                prefix.map(|prefix| if prefix == 0 { most } else { prefix }),
            )
        }
    };
    match (parse(network), prefix) {
        (Some(network), Some(prefix)) if prefix <= most => {
            (address ^ network).leading_zeros() >= prefix
        }
        _ => false,
    }
}

/// A name without the dot of the root at its end.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The reason why a text is not the URL of a [`Proxy`]. It has nothing of user name and password.
///
/// ```
/// use ws_proto::opening::{Proxy, ProxyUriError};
///
/// assert_eq!(Proxy::new("ftp://proxy.example").unwrap_err(), ProxyUriError::Scheme);
/// assert_eq!(Proxy::new("http://proxy.example/path").unwrap_err(), ProxyUriError::Path);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyUriError {
    /// The user name has a colon (`%3A`), or user name or password has a control character (RFC 7617 2), or a
    /// character that has to be percent-encoded: a space, one outside of ASCII, or a `%` without two hexadecimal
    /// digits after it.
    Credentials,
    /// Something after host and port, other than `/`.
    Path,
    /// The scheme is not `http`, `https`, `socks5` or `socks5h`.
    Scheme,
    /// Host or port is wrong.
    Uri(UriError),
}

impl fmt::Display for ProxyUriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => {
                f.write_str("user name or password of a proxy has characters that cannot be sent")
            }
            Self::Path => f.write_str("the URL of a proxy ends after host and port"),
            Self::Scheme => {
                f.write_str("the scheme of a proxy is not http, https, socks5 or socks5h")
            }
            Self::Uri(error) => write!(f, "URL of a proxy: {error}"),
        }
    }
}

impl Error for ProxyUriError {}

impl From<UriError> for ProxyUriError {
    fn from(error: UriError) -> Self {
        Self::Uri(error)
    }
}
