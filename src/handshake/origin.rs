//! Which sites may connect from a browser (RFC 6455 10.2).

#[cfg(feature = "alloc")]
use alloc::string::String;
use core::error::Error;
use core::fmt::{self, Write};
use core::net::Ipv4Addr;

use super::origin_fault::OriginFault;
use super::syntax;
use super::target::Authority;

/// Decides by its `Origin` whether to accept a request.
///
/// A browser lets the scripts of any site open a WebSocket connection with the user's cookies, and
/// from inside the user's network. It names the site in `Origin`. Other programs can omit it or send
/// any value, so this is no access control for them: a missing `Origin` is allowed unless
/// [`require_origin`](Self::require_origin) is called.
///
/// [`Upgrade::accept`](super::Upgrade::accept) checks every request, by
/// [`same_host`](Self::same_host) unless [`Accept::origins`](super::Accept::origins) sets another
/// policy.
///
/// | policy | for |
/// |---|---|
/// | [`same_host`](Self::same_host) | a server whose pages come from the same host and port |
/// | [`list`](Self::list), [`const_list`](Self::const_list) | pages of other hosts, apps |
/// | [`local`](Self::local) | a server on the user's machine or in a network without names |
/// | [`any`](Self::any) | a public service that uses neither cookies nor the user's network |
///
/// Schemes and hosts are compared without regard to ASCII case, ports with the default of the
/// scheme, IPv6 addresses as numbers. An origin without a host (`null`, `file://`) is compared as
/// text.
///
/// ```
/// use ws_proto::handshake::OriginPolicy;
///
/// let policy = OriginPolicy::same_host();
/// assert!(policy.allows_origin(Some(b"https://example.com"), "Example.com:443"));
/// assert!(!policy.allows_origin(Some(b"https://evil.example"), "example.com"));
/// assert!(policy.allows_origin(None, "example.com"));
///
/// // A list that cannot match does not compile.
/// const APP: OriginPolicy<'_> = OriginPolicy::const_list(&["https://app.example"]);
/// let policy = APP.require_origin(true);
/// assert!(policy.allows_origin(Some(b"https://app.example:443"), "example.com"));
/// assert!(!policy.allows_origin(Some(b"http://app.example"), "example.com"));
/// assert!(!policy.allows_origin(None, "example.com"));
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct OriginPolicy<'p> {
    rule: Rule<'p>,
    required: bool,
    local_only: bool,
}

#[derive(Clone, Copy, Debug)]
enum Rule<'p> {
    Any,
    List(&'p [&'p str]),
    SameHost,
}

impl<'p> OriginPolicy<'p> {
    /// Allows every origin: for servers that do not rely on cookies or on the user's network.
    pub const fn any() -> Self {
        Self::of(Rule::Any)
    }

    /// Allows pages (`http`, `https`) of the host and port that the request was sent to. If `Host`
    /// names no port, it is the default of the origin's scheme.
    ///
    /// A proxy in front has to pass the browser's `Host` on. nginx sends the name of the upstream
    /// instead, unless `proxy_set_header Host $http_host;` is set.
    pub const fn same_host() -> Self {
        Self::of(Rule::SameHost)
    }

    /// [`same_host`](Self::same_host) with [`local_only`](Self::local_only): for a server that is
    /// bound to loopback, or that has no name.
    ///
    /// ```
    /// use ws_proto::handshake::OriginPolicy;
    ///
    /// let local = OriginPolicy::local();
    /// assert!(local.allows_origin(Some(b"http://localhost:9001"), "localhost:9001"));
    /// assert!(local.allows_origin(Some(b"http://[::1]:9001"), "[::1]:9001"));
    /// // The name of the attacker's site now leads to 127.0.0.1.
    /// assert!(!local.allows_origin(Some(b"http://evil.example:9001"), "evil.example:9001"));
    /// ```
    pub const fn local() -> Self {
        Self::same_host().local_only(true)
    }

    /// Allows these origins, such as `https://example.com`, `capacitor://localhost`, `file://` or
    /// `null`. There are no patterns. An empty list allows none.
    ///
    /// # Errors
    ///
    /// [`OriginListError`] for the first entry that no browser can send: one without a scheme, with
    /// a path (a slash at the end), with `*`, with the scheme `ws` or `wss`.
    ///
    /// ```
    /// use ws_proto::handshake::OriginPolicy;
    ///
    /// let configured = ["https://example.com", "example.org"];
    /// let error = OriginPolicy::list(&configured).unwrap_err();
    /// assert_eq!(error.index(), 1);
    /// assert_eq!(error.to_string(), "origin 2 of the list has no scheme: write https://HOST");
    /// ```
    pub const fn list(origins: &'p [&'p str]) -> Result<Self, OriginListError> {
        let mut index = 0;
        while index < origins.len() {
            if let Err(fault) = check_entry(origins[index].as_bytes()) {
                return Err(OriginListError { index, fault });
            }
            index += 1;
        }
        Ok(Self::of(Rule::List(origins)))
    }

    /// As [`list`](Self::list), for constants: a list with an entry that cannot match does not
    /// compile.
    ///
    /// # Panics
    ///
    /// Where `list` returns an error. In a `const` or a `static` that is an error of the compiler.
    ///
    /// ```compile_fail
    /// use ws_proto::handshake::OriginPolicy;
    ///
    /// const SLASH: OriginPolicy<'_> = OriginPolicy::const_list(&["https://example.com/"]);
    /// # let _ = SLASH;
    /// ```
    pub const fn const_list(origins: &'p [&'p str]) -> Self {
        match Self::list(origins) {
            Ok(policy) => policy,
            Err(error) => panic!("{}", error.fault.text()),
        }
    }

    const fn of(rule: Rule<'p>) -> Self {
        Self {
            rule,
            required: false,
            local_only: false,
        }
    }

    /// Sets whether requests without `Origin` are refused. By default they are allowed.
    pub const fn require_origin(self, require: bool) -> Self {
        Self {
            required: require,
            ..self
        }
    }

    /// Sets whether requests are refused that have an `Origin` and whose `Host` is a name other than `localhost`.
    /// By default such requests are allowed; [`local`](Self::local) refuses them.
    ///
    /// That stops DNS rebinding: a site gives its own name the address of the user's machine, so
    /// that its page and the server seem to be of the same host. It cannot do so with an IP address or
    /// with `localhost`.
    ///
    /// ```
    /// use ws_proto::handshake::{OriginFault, OriginPolicy};
    ///
    /// let policy = OriginPolicy::any().local_only(true);
    /// let page = Some(&b"https://app.example"[..]);
    /// assert_eq!(policy.check(page, "127.0.0.1:9001"), Ok(()));
    /// assert_eq!(policy.check(page, "rebound.example"), Err(OriginFault::HostNotLocal));
    /// ```
    pub const fn local_only(self, only: bool) -> Self {
        Self {
            local_only: only,
            ..self
        }
    }

    /// Whether a request with that `Origin` to that `Host` may be accepted.
    #[must_use]
    pub fn allows_origin(&self, origin: Option<&[u8]>, host: &str) -> bool {
        self.check(origin, host).is_ok()
    }

    /// Checks a request with that `Origin` to that `Host`.
    ///
    /// # Errors
    ///
    /// [`OriginFault`] if it must not be accepted.
    pub fn check(&self, origin: Option<&[u8]>, host: &str) -> Result<(), OriginFault> {
        let Some(origin) = origin else {
            return if self.required {
                Err(OriginFault::Missing)
            } else {
                Ok(())
            };
        };
        let host = Authority::parse(host.as_bytes());
        if self.local_only && !host.is_some_and(|host| is_local(&host)) {
            return Err(OriginFault::HostNotLocal);
        }
        match self.rule {
            Rule::Any => Ok(()),
            Rule::List(list) if list.iter().any(|one| is_same(one.as_bytes(), origin)) => Ok(()),
            Rule::List(_) => Err(OriginFault::NotListed),
            Rule::SameHost => {
                let page = Origin::parse(origin).ok_or(OriginFault::NotPage)?;
                let port = page.page_port().ok_or(OriginFault::NotPage)?;
                match host {
                    Some(host) if page.authority.matches(&host, Some(port)) => Ok(()),
                    _ => Err(OriginFault::OtherHost),
                }
            }
        }
    }
}

/// [`OriginPolicy::same_host`].
impl Default for OriginPolicy<'_> {
    fn default() -> Self {
        Self::same_host()
    }
}

/// A request that [`Upgrade::check_origin`](super::Upgrade::check_origin) has refused, with the two
/// fields that its operator wants to see.
///
/// `Display` writes them for a log: in quotes, other characters than visible ASCII escaped, at most 100 of
/// each.
///
/// ```
/// use ws_proto::handshake::{OriginPolicy, Upgrade};
///
/// # let fields: [(&str, &[u8]); 6] = [
/// #     ("Host", b"127.0.0.1:9001"),
/// #     ("Origin", b"https://example.com"),
/// #     ("Upgrade", b"websocket"),
/// #     ("Connection", b"Upgrade"),
/// #     ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
/// #     ("Sec-WebSocket-Version", b"13"),
/// # ];
/// # let upgrade = Upgrade::from_headers("GET", "/chat", &fields)?;
/// # let mut out = Vec::new();
/// if let Err(error) = upgrade.check_origin(&OriginPolicy::same_host()) {
///     assert_eq!(
///         error.to_string(),
///         "Origin and Host differ: list the origin, or let the proxy pass Host on \
///         (Origin \"https://example.com\", Host \"127.0.0.1:9001\")",
///     );
///     upgrade.reject(&error.fault().response(), &mut out)?;
/// }
/// assert!(out.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginError<'h> {
    fault: OriginFault,
    origin: Option<&'h [u8]>,
    host: &'h str,
}

impl<'h> OriginError<'h> {
    pub(super) const fn new(fault: OriginFault, origin: Option<&'h [u8]>, host: &'h str) -> Self {
        Self {
            fault,
            origin,
            host,
        }
    }

    /// Why the request is refused. [`OriginFault::response`] is the answer to it.
    #[must_use]
    pub const fn fault(&self) -> OriginFault {
        self.fault
    }

    /// `Origin`, as received.
    #[must_use]
    pub const fn origin(&self) -> Option<&'h [u8]> {
        self.origin
    }

    /// [`Upgrade::host`](super::Upgrade::host), as received.
    ///
    /// ```
    /// use ws_proto::handshake::{OriginPolicy, Upgrade};
    ///
    /// fn log(upgrade: &Upgrade<'_>) {
    ///     if let Err(error) = upgrade.check_origin(&OriginPolicy::same_host()) {
    ///         let origin = error.origin().unwrap_or_default().escape_ascii();
    ///         println!("{:?}: {origin} asked {}", error.fault(), error.host());
    ///     }
    /// }
    /// # let _ = log;
    /// ```
    #[must_use]
    pub const fn host(&self) -> &'h str {
        self.host
    }
}

impl fmt::Display for OriginError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.text())?;
        f.write_str(" (")?;
        if let Some(origin) = self.origin {
            f.write_str("Origin ")?;
            write_quoted(f, origin)?;
            f.write_str(", ")?;
        }
        f.write_str("Host ")?;
        write_quoted(f, self.host.as_bytes())?;
        f.write_char(')')
    }
}

impl Error for OriginError<'_> {}

fn write_quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for byte in bytes.iter().take(MOST_QUOTED) {
        write!(f, "{}", byte.escape_ascii())?;
    }
    f.write_str(if bytes.len() > MOST_QUOTED {
        "...\""
    } else {
        "\""
    })
}

const MOST_QUOTED: usize = 100;

/// An [`OriginError`] that owns its text, for the errors of a program (feature `alloc`).
///
/// ```
/// use ws_proto::handshake::{OriginFault, OriginPolicy, OriginRefused, Upgrade};
///
/// fn check(upgrade: &Upgrade<'_>) -> Result<(), OriginRefused> {
///     Ok(upgrade.check_origin(&OriginPolicy::same_host())?)
/// }
/// # let fields: [(&str, &[u8]); 6] = [
/// #     ("Host", b"127.0.0.1:9001"),
/// #     ("Origin", b"https://example.com"),
/// #     ("Upgrade", b"websocket"),
/// #     ("Connection", b"Upgrade"),
/// #     ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
/// #     ("Sec-WebSocket-Version", b"13"),
/// # ];
/// # let upgrade = Upgrade::from_headers("GET", "/chat", &fields)?;
/// let error = check(&upgrade).unwrap_err(); // borrows nothing of the request
/// assert_eq!(error.fault(), OriginFault::OtherHost);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRefused {
    fault: OriginFault,
    text: String,
}

#[cfg(feature = "alloc")]
impl OriginRefused {
    /// Why the request was refused.
    #[must_use]
    pub const fn fault(&self) -> OriginFault {
        self.fault
    }
}

#[cfg(feature = "alloc")]
impl From<OriginError<'_>> for OriginRefused {
    fn from(error: OriginError<'_>) -> Self {
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = write!(text, "{error}");
        Self {
            fault: error.fault,
            text,
        }
    }
}

#[cfg(feature = "alloc")]
impl fmt::Display for OriginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(feature = "alloc")]
impl Error for OriginRefused {}

/// An entry of [`OriginPolicy::list`] that no browser can send.
///
/// ```
/// use ws_proto::handshake::{OriginListError, OriginPolicy};
///
/// let configured = ["https://example.com", "https://*.example.com"];
/// let wrong: OriginListError = OriginPolicy::list(&configured).unwrap_err();
/// println!("{}: {wrong}", configured[wrong.index()]);
/// # assert_eq!(wrong.index(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginListError {
    index: usize,
    fault: EntryFault,
}

impl OriginListError {
    /// The index of the entry, from zero.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }
}

impl fmt::Display for OriginListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "origin {} of the list {}",
            self.index.saturating_add(1),
            self.fault.text()
        )
    }
}

impl Error for OriginListError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum EntryFault {
    Character,
    Host,
    Path,
    Pattern,
    Port,
    Scheme,
    UserInfo,
    WebSocketScheme,
}

impl EntryFault {
    const fn text(self) -> &'static str {
        match self {
            Self::Character => {
                "has a character that no origin has: write names in ASCII (xn--), without spaces"
            }
            Self::Host => "has no valid host",
            Self::Path => "has a path: an origin ends after the host or the port, without a slash",
            Self::Pattern => "has a pattern: list each origin, there are no wildcards",
            Self::Port => "has a port that is not a number up to 65535",
            Self::Scheme => "has no scheme: write https://HOST",
            Self::UserInfo => "has a user name, which no origin has",
            Self::WebSocketScheme => "has the scheme ws or wss: pages have http or https",
        }
    }
}

/// Checks whether a browser can send this as an origin (RFC 6454 6.2).
// All of it is `const`: that is what makes the check of a constant list the compiler's.
const fn check_entry(entry: &[u8]) -> Result<(), EntryFault> {
    if let b"null" = entry {
        return Ok(());
    }
    let mut rest = entry;
    while let [byte, after @ ..] = rest {
        match byte {
            b'*' => return Err(EntryFault::Pattern),
            0x21..=0x7e => rest = after,
            _ => return Err(EntryFault::Character),
        }
    }
    let mut rest = entry;
    while let [byte, after @ ..] = rest {
        if !is_scheme(*byte) {
            break;
        }
        rest = after;
    }
    let scheme = before(entry, rest);
    let [b':', b'/', b'/', host @ ..] = rest else {
        return Err(EntryFault::Scheme);
    };
    let [b'a'..=b'z' | b'A'..=b'Z', ..] = scheme else {
        return Err(EntryFault::Scheme);
    };
    if let [b'w' | b'W', b's' | b'S'] | [b'w' | b'W', b's' | b'S', b's' | b'S'] = scheme {
        return Err(EntryFault::WebSocketScheme);
    }
    let mut rest = host;
    while let [byte, after @ ..] = rest {
        match byte {
            b'/' | b'?' | b'#' => return Err(EntryFault::Path),
            b'@' => return Err(EntryFault::UserInfo),
            _ => rest = after,
        }
    }
    if host.is_empty() {
        // `file://`
        return match scheme {
            [b'h' | b'H', b't' | b'T', b't' | b'T', b'p' | b'P']
            | [
                b'h' | b'H',
                b't' | b'T',
                b't' | b'T',
                b'p' | b'P',
                b's' | b'S',
            ] => Err(EntryFault::Host),
            _ => Ok(()),
        };
    }
    let is_literal = matches!(host, [b'[', ..]);
    let mut port = host;
    while let [byte, after @ ..] = port {
        if !is_literal && *byte == b':' {
            break;
        }
        port = after;
        if is_literal && *byte == b']' {
            break;
        }
    }
    let host = before(host, port);
    if !is_host(host) {
        return Err(EntryFault::Host);
    }
    match port {
        [] => Ok(()),
        [b':', digits @ ..] if is_port(digits) => Ok(()),
        _ => Err(EntryFault::Port),
    }
}

/// The bytes of `whole` in front of `rest`, which is its end.
const fn before<'a>(whole: &'a [u8], rest: &[u8]) -> &'a [u8] {
    match whole.split_at_checked(whole.len().saturating_sub(rest.len())) {
        Some((before, _)) => before,
        None => &[],
    }
}

const fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// A name, an IPv4 address, or an IPv6 address in brackets. A browser has decoded percent-encodings.
const fn is_host(host: &[u8]) -> bool {
    if let [b'[', address @ .., b']'] = host {
        let mut colons = 0_usize;
        let mut rest = address;
        while let [byte, after @ ..] = rest {
            match byte {
                b':' => colons = colons.saturating_add(1),
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'.' => {}
                _ => return false,
            }
            rest = after;
        }
        return colons >= 2;
    }
    let mut rest = host;
    while let [byte, after @ ..] = rest {
        match byte {
            b'[' | b']' | b'%' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                return false;
            }
            _ => rest = after,
        }
    }
    !host.is_empty()
}

const fn is_port(digits: &[u8]) -> bool {
    let mut port = 0_u32;
    let mut rest = digits;
    while let [digit, after @ ..] = rest {
        if !digit.is_ascii_digit() {
            return false;
        }
        port = port * 10 + (*digit - b'0') as u32;
        if port > 65_535 {
            return false;
        }
        rest = after;
    }
    !digits.is_empty()
}

/// An IP address or `localhost`: what no site can give the address of another machine.
fn is_local(authority: &Authority<'_>) -> bool {
    authority.host.eq_ignore_ascii_case(b"localhost")
        || authority.ipv6().is_some()
        || syntax::ascii(authority.host).parse::<Ipv4Addr>().is_ok()
}

fn is_same(listed: &[u8], origin: &[u8]) -> bool {
    match (Origin::parse(listed), Origin::parse(origin)) {
        (Some(one), Some(other)) => {
            one.scheme.eq_ignore_ascii_case(other.scheme)
                && one.authority.matches(&other.authority, one.page_port())
        }
        // Neither has a host, so there is no port to compare either.
        (None, None) => listed.eq_ignore_ascii_case(origin),
        _ => false,
    }
}

/// `scheme://host[:port]` (RFC 6454 6.2).
struct Origin<'a> {
    scheme: &'a [u8],
    authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    /// `None` if it has no host.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let colon = text.iter().position(|&byte| byte == b':')?;
        let (scheme, rest) = text.split_at_checked(colon)?;
        let authority = Authority::parse(rest.strip_prefix(b"://")?)?;
        syntax::is_token(scheme).then_some(Self { scheme, authority })
    }

    /// The default port of a page's scheme; `None` for every other scheme.
    fn page_port(&self) -> Option<u16> {
        if self.scheme.eq_ignore_ascii_case(b"http") {
            Some(80)
        } else if self.scheme.eq_ignore_ascii_case(b"https") {
            Some(443)
        } else {
            None
        }
    }
}
