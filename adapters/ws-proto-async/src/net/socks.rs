//! The handshake with a SOCKS 5 proxy (RFC 1928, RFC 1929), by `tokio-socks` over the stream of any runtime.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::str::from_utf8;
use std::task::{Context, Poll};

use tokio_socks::Error;
use tokio_socks::io::AsyncSocket;
use tokio_socks::tcp::Socks5Stream;
use ws_proto::opening::{
    ConnectError, Connector, HappyEyeballs, Proxy, ProxyError, ProxyScheme, Stage, Unreachable,
};

use super::client::Client;
use super::network::Network;
use super::stages::Stages;
use super::tunnel::Reached;
use crate::io::{Io, poll_read};

impl<N: Network> Client<N> {
    /// A tunnel, as [`tunnel`](Self::tunnel), through a SOCKS proxy.
    pub(super) async fn tunnel_by_socks(
        &self,
        proxy: &Proxy,
        place: Option<(&str, u16)>,
        connector: &Connector,
        stages: &Stages<N>,
    ) -> Result<Reached<N>, ConnectError> {
        let credentials = credentials(proxy)?;
        let uri = connector.uri();
        if proxy.scheme() == ProxyScheme::Socks5h {
            // The zone of a link-local address means something to this system only.
            let place = place.unwrap_or((uri.host(), uri.port()));
            return self.tunnel_to(proxy, credentials, place, stages, 1).await;
        }
        let (host, port) = match place {
            Some((host, port)) => (Cow::Borrowed(host), port),
            None => (Cow::Owned(uri.connect_host().to_string()), uri.port()),
        };
        let mut last = None;
        let plan = HappyEyeballs::new(self.addresses(&host, port, stages).await?);
        let mut left = u32::try_from(plan.addresses().len()).unwrap_or(u32::MAX);
        for address in plan.addresses() {
            let place = (&*address.ip().to_string(), address.port());
            let reached = self.tunnel_to(proxy, credentials, place, stages, left);
            left = left.saturating_sub(1);
            match reached.await {
                // The proxy may reach another address of the server.
                Err(error) if is_about_address(&error) => last = Some(error),
                reached => return reached,
            }
        }
        let none = || ConnectError::Unreachable(Unreachable::new(&host, Vec::new()));
        Err(last.unwrap_or_else(none))
    }

    /// A tunnel to the next of `left` places.
    async fn tunnel_to(
        &self,
        proxy: &Proxy,
        credentials: Option<Credentials<'_>>,
        place: (&str, u16),
        stages: &Stages<N>,
        left: u32,
    ) -> Result<Reached<N>, ConnectError> {
        let mut io = N::io(self.open_proxy(proxy, stages).await?);
        // A place that does not answer leaves their share of the time to the others.
        let time = stages.left();
        let share = Stages::<N>::begin(time.checked_div(left).unwrap_or(time));
        match share.run(ask(&mut io, credentials, place)).await {
            // The answers say how long they are: no byte after them has been read.
            Ok(Ok(())) => Ok((io.into_stream(), Vec::new())),
            Ok(Err(error)) => Err(error.into()),
            Err(late) => Err(ProxyError::TimedOut(late.of(Stage::Proxy, proxy.host())).into()),
        }
    }
}

/// A user name and a password.
type Credentials<'p> = (&'p str, &'p str);

/// What the proxy is told, if that can be sent (RFC 1929 2).
fn credentials(proxy: &Proxy) -> Result<Option<Credentials<'_>>, ProxyError> {
    let Some((user, password)) = proxy.credentials() else {
        return Ok(None);
    };
    let fits = |text: &&str| (1..=255).contains(&text.len());
    let text = |bytes| {
        from_utf8(bytes)
            .ok()
            .filter(fits)
            .ok_or(ProxyError::Credentials)
    };
    Ok(Some((text(user)?, text(password)?)))
}

/// Asks the proxy at the other end of `io` for a tunnel to a host and port.
async fn ask<T: Io>(
    io: &mut T,
    credentials: Option<Credentials<'_>>,
    place: (&str, u16),
) -> Result<(), ProxyError> {
    let socket = Socket(io);
    let asked = match credentials {
        None => Socks5Stream::connect_with_socket(socket, place).await,
        Some((user, password)) => {
            Socks5Stream::connect_with_password_and_socket(socket, place, user, password).await
        }
    };
    asked.map(drop).map_err(error_of)
}

/// Whether it is the address of the server that the proxy does not reach.
fn is_about_address(error: &ConnectError) -> bool {
    let error = match error {
        ConnectError::Proxy(ProxyError::Socks(error)) => error,
        ConnectError::Proxy(ProxyError::TimedOut(late)) => return late.stage() == Stage::Proxy,
        _ => return false,
    };
    !matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::InvalidData
    )
}

fn error_of(error: Error) -> ProxyError {
    let kind = match error {
        Error::Io(error) => return ProxyError::Io(error),
        Error::AuthorizationRequired
        | Error::ConnectionNotAllowedByRuleset
        | Error::NoAcceptableAuthMethods
        | Error::PasswordAuthFailure(_) => ErrorKind::PermissionDenied,
        Error::InvalidAuthValues(_) | Error::InvalidTargetAddress(_) => ErrorKind::InvalidInput,
        Error::NetworkUnreachable => ErrorKind::NetworkUnreachable,
        Error::HostUnreachable => ErrorKind::HostUnreachable,
        Error::ConnectionRefused => ErrorKind::ConnectionRefused,
        Error::InvalidResponseVersion
        | Error::UnknownAuthMethod
        | Error::InvalidReservedByte
        | Error::UnknownAddressType => ErrorKind::InvalidData,
        _ => ErrorKind::Other,
    };
    ProxyError::Socks(io::Error::new(kind, error))
}

/// A stream as that crate wants it.
struct Socket<'i, T>(&'i mut T);

impl<T: Io> AsyncSocket for Socket<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        poll_read(self.0, cx, buffer)
    }

    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, &[IoSlice::new(bytes)])
    }
}
