//! Which sites may connect from a browser (RFC 6455 10.2).

use super::syntax;
use super::target::Authority;
use super::upgrade::Upgrade;

/// Decides whether to accept a request by its `Origin`.
///
/// A browser lets the scripts of any site open a WebSocket connection with the user's cookies, and
/// names the site in `Origin`. A server that relies on cookies has to check it. Other programs can
/// omit it or send any value, so this is no access control for them. Therefore a missing `Origin`
/// is allowed unless
/// [`require_origin`](Self::require_origin) is called.
///
/// Schemes and hosts are compared without regard to case, ports with the default of the scheme.
///
/// ```
/// use ws_proto::handshake::OriginPolicy;
///
/// let policy = OriginPolicy::same_host();
/// assert!(policy.allows_origin(Some(b"https://example.com"), "Example.com:443"));
/// assert!(!policy.allows_origin(Some(b"https://evil.example"), "example.com"));
/// assert!(policy.allows_origin(None, "example.com"));
///
/// let policy = OriginPolicy::list(&["https://app.example"]).require_origin();
/// assert!(policy.allows_origin(Some(b"https://app.example:443"), "example.com"));
/// assert!(!policy.allows_origin(Some(b"http://app.example"), "example.com"));
/// assert!(!policy.allows_origin(None, "example.com"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OriginPolicy<'p> {
    rule: Rule<'p>,
    required: bool,
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
        Self {
            rule: Rule::Any,
            required: false,
        }
    }

    /// Allows the host and port that the request was sent to. If `Host` names no port, it is the
    /// default of the origin's scheme.
    pub const fn same_host() -> Self {
        Self {
            rule: Rule::SameHost,
            required: false,
        }
    }

    /// Allows these origins, such as `https://example.com` or `null`. There are no patterns.
    pub const fn list(origins: &'p [&'p str]) -> Self {
        Self {
            rule: Rule::List(origins),
            required: false,
        }
    }

    /// Refuses requests without `Origin`.
    #[must_use]
    pub const fn require_origin(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// Whether the request may be accepted. If not, answer with 403 (RFC 6455 4.2.2).
    pub fn allows(&self, upgrade: &Upgrade<'_>) -> bool {
        self.allows_origin(upgrade.origin(), upgrade.host())
    }

    /// Whether a request with that `Origin` to that `Host` may be accepted.
    pub fn allows_origin(&self, origin: Option<&[u8]>, host: &str) -> bool {
        let Some(origin) = origin else {
            return !self.required;
        };
        match self.rule {
            Rule::Any => true,
            Rule::List(list) => list.iter().any(|listed| is_same(listed.as_bytes(), origin)),
            Rule::SameHost => match (Origin::parse(origin), Authority::parse(host.as_bytes())) {
                (Some(origin), Some(host)) => {
                    origin.authority.matches(&host, origin.default_port())
                }
                _ => false,
            },
        }
    }
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    match (Origin::parse(one), Origin::parse(other)) {
        (Some(one), Some(other)) => {
            one.scheme.eq_ignore_ascii_case(other.scheme)
                && one.authority.matches(&other.authority, one.default_port())
        }
        (None, None) => one == b"null" && other == b"null",
        _ => false,
    }
}

/// `scheme://host[:port]` (RFC 6454 6.2).
struct Origin<'a> {
    scheme: &'a [u8],
    authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let colon = text.iter().position(|&byte| byte == b':')?;
        let (scheme, rest) = text.split_at_checked(colon)?;
        let authority = Authority::parse(rest.strip_prefix(b"://")?)?;
        syntax::is_token(scheme).then_some(Self { scheme, authority })
    }

    fn default_port(&self) -> Option<u16> {
        let is = |scheme: &[u8]| self.scheme.eq_ignore_ascii_case(scheme);
        if is(b"http") || is(b"ws") {
            Some(80)
        } else if is(b"https") || is(b"wss") {
            Some(443)
        } else {
            None
        }
    }
}
