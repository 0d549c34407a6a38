//! Why a request is refused for its `Origin`.

use core::error::Error;
use core::fmt;

/// The reason why an [`OriginPolicy`](super::OriginPolicy) refuses a request.
///
/// ```
/// use ws_proto::handshake::{OriginFault, OriginPolicy};
///
/// // What nginx makes of a page of https://example.com, unless it is set to pass Host on.
/// let fault = OriginPolicy::same_host().check(Some(b"https://example.com"), "127.0.0.1:9001");
/// assert_eq!(fault, Err(OriginFault::OtherHost));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OriginFault {
    /// `Host` is a name other than `localhost`, and [`OriginPolicy::local_only`](super::OriginPolicy::local_only) is set.
    HostNotLocal,
    /// No `Origin`, and [`OriginPolicy::require_origin`](super::OriginPolicy::require_origin) is set.
    Missing,
    /// The list does not have the origin.
    NotListed,
    /// The origin is not one of `http` or `https` with a host: a file, a sandboxed frame, an app.
    NotPage,
    /// The origin is a page of another host or port than `Host` names.
    OtherHost,
}

impl OriginFault {
    /// The fault, for the user, then the remedy, for the operator.
    pub(super) const fn body(self) -> &'static str {
        match self {
            Self::HostNotLocal => {
                "This server is for local use: open the page by localhost or by an IP address.\n\
                For the operator: Host is another name, and the policy is for local servers only.\n"
            }
            Self::Missing => {
                "This server accepts pages in browsers only: the request has no Origin.\n"
            }
            Self::NotListed => {
                "This server does not accept connections from the site of this page.\n\
                For the operator: the list of allowed origins does not have the Origin of the \
                request.\n"
            }
            Self::NotPage => {
                "This server accepts pages of its own site only: the Origin of the request is not \
                that of an http or https page.\n\
                For the operator: allow an app, a file or a sandboxed frame by listing its origin.\n"
            }
            Self::OtherHost => {
                "This server accepts pages of its own site only: Origin and Host of the request \
                differ.\n\
                For the operator: a proxy has to pass Host on (nginx: proxy_set_header Host \
                $http_host;), and pages of other hosts need a list of allowed origins.\n"
            }
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::HostNotLocal => "Host is a name other than localhost: local use only",
            Self::Missing => "the request has no Origin",
            Self::NotListed => "Origin is not in the list of allowed origins",
            Self::NotPage => "Origin is not that of an http or https page",
            Self::OtherHost => {
                "Origin and Host differ: list the origin, or let the proxy pass Host on"
            }
        }
    }
}

impl fmt::Display for OriginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Error for OriginFault {}
