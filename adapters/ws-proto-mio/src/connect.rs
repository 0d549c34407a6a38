//! A client over TCP.

use std::io;
use std::net::ToSocketAddrs;

use mio::Token;
use mio::net::TcpStream;
use ws_proto::opening::Connector;

use crate::error::ConnectError;
use crate::options::Options;
use crate::socket::WebSocket;

/// Starts to connect to a `ws://` URL over TCP. For more than a URL, give a [`Connector`].
///
/// The name of the host is resolved by the system, which blocks; an address as the host does not. Its
/// first address is taken. A loop that cannot wait, or has several addresses to try, resolves
/// elsewhere and gives a stream to [`WebSocket::connect`].
///
/// `options` take the place of those of a [`Connector`].
///
/// Register what is returned, then give it a turn. That the server cannot be reached is reported by a
/// turn.
///
/// # Errors
///
/// [`ConnectError`]; [`ConnectError::TlsNeeded`] for a `wss://` URL, which takes a TLS stream and
/// [`WebSocket::connect`].
pub fn connect<C>(
    to: C,
    token: Token,
    options: &Options,
) -> Result<WebSocket<TcpStream>, ConnectError>
where
    C: TryInto<Connector>,
    ConnectError: From<C::Error>,
{
    let connector = to.try_into()?;
    let uri = connector.uri();
    if uri.is_secure() {
        return Err(ConnectError::TlsNeeded);
    }
    let mut addresses = (uri.host(), uri.port()).to_socket_addrs()?;
    let address = addresses
        .next()
        .ok_or(io::ErrorKind::AddrNotAvailable)
        .map_err(io::Error::from)?;
    let stream = TcpStream::connect(address)?;
    // It is only about delay.
    let _ = stream.set_nodelay(true);
    WebSocket::connect(stream, token, connector, options)
}
