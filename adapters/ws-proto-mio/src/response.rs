//! A server's answer, as a client keeps it.

use std::fmt;

use ws_proto::handshake::{Established, Headers, Refusal};

/// A server's answer to a handshake: the 101, or the refusal.
#[derive(Clone)]
pub struct Response {
    status: u16,
    headers: Vec<(Box<str>, Box<[u8]>)>,
    body: Box<[u8]>,
    subprotocol: Option<Box<str>>,
}

impl Response {
    pub(crate) fn established(established: &Established<'_>) -> Self {
        Self {
            status: 101,
            headers: owned(&established.headers()),
            body: Box::default(),
            subprotocol: established.subprotocol().map(Into::into),
        }
    }

    pub(crate) fn refusal(refusal: &Refusal<'_>) -> Self {
        Self {
            status: refusal.status(),
            headers: owned(&refusal.headers()),
            body: refusal.body().into(),
            subprotocol: None,
        }
    }

    /// The status: 101, or that of the refusal.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first header field with this name, in any case: `Location`, `Retry-After`...
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers();
        headers.find_map(|(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
    }

    /// All header fields, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The body of a refusal, as much of it as `Limits::body_bytes` allows.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }
}

fn owned(headers: &Headers<'_>) -> Vec<(Box<str>, Box<[u8]>)> {
    let fields = headers.iter();
    fields
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Leaves out values and body: they can have secrets.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers().map(|(name, _)| name).collect();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &names)
            .field("subprotocol", &self.subprotocol)
            .finish_non_exhaustive()
    }
}
