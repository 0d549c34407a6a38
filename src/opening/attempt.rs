use alloc::boxed::Box;
#[cfg(feature = "std")]
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
#[cfg(feature = "std")]
use core::net::SocketAddr;
use core::time::Duration;

/// A part of connecting, in the order in which they come.
///
/// ```
/// use ws_proto::opening::{ConnectError, Stage};
///
/// /// Whether the server was reached, and did not answer.
/// fn is_silent(error: &ConnectError) -> bool {
///     matches!(error, ConnectError::TimedOut(late) if late.stage() == Stage::Handshake)
/// }
/// assert!(!is_silent(&ConnectError::NoRandomness));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The addresses of the host are looked up.
    Resolve,
    /// A connection of the transport is made, to one of the addresses.
    Connect,
    /// The proxy is asked for a tunnel to the server.
    Proxy,
    /// The handshake of TLS.
    Tls,
    /// The opening handshake of the WebSocket connection.
    Handshake,
}

/// Which part of connecting was not finished in time, and for how long it was tried.
///
/// ```
/// use std::time::Duration;
/// use ws_proto::opening::{ConnectTimeout, Stage};
///
/// let late = ConnectTimeout::new(Stage::Tls, Duration::from_millis(9800)).host("example.com");
/// assert_eq!(late.to_string(), "the TLS handshake was not finished in time (9.8s, example.com)");
/// ```
#[derive(Debug)]
pub struct ConnectTimeout {
    stage: Stage,
    spent: Duration,
    host: Option<Box<str>>,
    #[cfg(feature = "std")]
    attempts: Vec<Attempt>,
}

impl ConnectTimeout {
    /// This stage has taken so long.
    #[must_use]
    pub const fn new(stage: Stage, spent: Duration) -> Self {
        Self {
            stage,
            spent,
            host: None,
            #[cfg(feature = "std")]
            attempts: Vec::new(),
        }
    }

    /// Adds the host that was to be reached.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Adds the attempts that were made.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.attempts = attempts;
        self
    }

    /// The stage that was not finished.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// For how long this stage was tried. The stages before it have taken the rest of
    /// [`Options::handshake_time`](super::Options::handshake_time).
    #[must_use]
    pub const fn spent(&self) -> Duration {
        self.spent
    }

    /// The host that was to be reached, if there was a name to resolve or an address to connect to.
    #[must_use]
    pub fn get_host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The addresses that were tried until then; of [`Stage::Connect`] only.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto::opening::{Attempt, ConnectTimeout, Stage};
    ///
    /// let silent = Attempt::new("192.0.2.1:443".parse()?, Duration::from_secs(9), None);
    /// let late = ConnectTimeout::new(Stage::Connect, Duration::from_secs(9))
    ///     .host("example.com")
    ///     .attempts(vec![silent]);
    /// assert_eq!((late.stage(), late.spent()), (Stage::Connect, Duration::from_secs(9)));
    /// assert_eq!(late.get_host(), Some("example.com"));
    /// assert_eq!(late.get_attempts().len(), 1);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[cfg(feature = "std")]
    #[must_use]
    pub fn get_attempts(&self) -> &[Attempt] {
        &self.attempts
    }
}

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::Resolve => "the addresses of the host were not found in time",
            Stage::Connect => "no connection in time",
            Stage::Proxy => "the proxy did not answer in time",
            Stage::Tls => "the TLS handshake was not finished in time",
            Stage::Handshake => "the handshake was not finished in time",
        })?;
        write!(f, " ({}", Millis(self.spent))?;
        match &self.host {
            Some(host) => write!(f, ", {host})")?,
            None => f.write_str(")")?,
        }
        #[cfg(feature = "std")]
        write_attempts(f, &self.attempts)?;
        Ok(())
    }
}

impl Error for ConnectTimeout {}

/// No address of a host could be connected to, or it has none.
///
/// ```
/// use std::io;
/// use std::time::Duration;
/// use ws_proto::opening::{Attempt, Unreachable};
///
/// let address = "192.0.2.1:80".parse().unwrap();
/// let refused = Attempt::new(address, Duration::from_millis(3), Some(io::Error::other("refused")));
/// let error = Unreachable::new("example.com", vec![refused]);
/// assert_eq!(error.to_string(), "example.com cannot be reached: 192.0.2.1:80: refused");
/// ```
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct Unreachable {
    host: Box<str>,
    attempts: Vec<Attempt>,
}

#[cfg(feature = "std")]
impl Unreachable {
    /// This was tried to reach `host`.
    #[must_use]
    pub fn new(host: &str, attempts: Vec<Attempt>) -> Self {
        Self {
            host: host.into(),
            attempts,
        }
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its addresses with the error of each, in the order in which they were tried.
    ///
    /// ```
    /// use ws_proto::opening::{ConnectError, Unreachable};
    ///
    /// let error = Unreachable::new("example.com", Vec::new());
    /// assert_eq!((error.host(), error.attempts().len()), ("example.com", 0)); // it has no address
    /// println!("{}", ConnectError::Unreachable(error));
    /// ```
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }
}

#[cfg(feature = "std")]
impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attempts.is_empty() {
            return write!(f, "{} has no address", self.host);
        }
        write!(f, "{} cannot be reached", self.host)?;
        write_attempts(f, &self.attempts)
    }
}

#[cfg(feature = "std")]
impl Error for Unreachable {}

/// An address that a client has tried to connect to.
///
/// ```
/// use std::io::{Error, ErrorKind};
/// use std::time::Duration;
/// use ws_proto::opening::Attempt;
///
/// let refused = Error::from(ErrorKind::ConnectionRefused);
/// let attempt = Attempt::new("192.0.2.1:80".parse()?, Duration::from_millis(3), Some(refused));
/// assert_eq!(attempt.address().port(), 80);
/// assert_eq!(attempt.spent(), Duration::from_millis(3));
/// assert_eq!(attempt.error().map(Error::kind), Some(ErrorKind::ConnectionRefused));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct Attempt {
    address: SocketAddr,
    spent: Duration,
    error: Option<std::io::Error>,
}

#[cfg(feature = "std")]
impl Attempt {
    /// This address was tried for so long, and then failed by `error`; without an error it has not answered.
    #[must_use]
    pub const fn new(address: SocketAddr, spent: Duration, error: Option<std::io::Error>) -> Self {
        Self {
            address,
            spent,
            error,
        }
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// For how long it was tried.
    #[must_use]
    pub const fn spent(&self) -> Duration {
        self.spent
    }

    /// Why it failed; `None` if it has not answered.
    #[must_use]
    pub const fn error(&self) -> Option<&std::io::Error> {
        self.error.as_ref()
    }
}

#[cfg(feature = "std")]
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => write!(f, "{}: {error}", self.address),
            None => write!(f, "{}: no answer in {}", self.address, Millis(self.spent)),
        }
    }
}

#[cfg(feature = "std")]
fn write_attempts(f: &mut fmt::Formatter<'_>, attempts: &[Attempt]) -> fmt::Result {
    for (index, attempt) in attempts.iter().enumerate() {
        write!(f, "{} {attempt}", if index == 0 { ":" } else { ";" })?;
    }
    Ok(())
}

/// A time with no more digits than milliseconds have.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subsec = self.0.subsec_millis();
        write!(
            f,
            "{:?}",
            Duration::new(self.0.as_secs(), subsec * 1_000_000)
        )
    }
}
