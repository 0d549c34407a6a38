//! A stream to a host: its addresses, sockets, the attempts to connect, TLS.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use ws_proto::opening::{
    ConnectError, ConnectTimeout, Connector, HappyEyeballs, Stage, Unreachable,
};

use super::client::{Client, Place};
use super::network::{Network, TlsRequest};
use super::race::Race;
use super::stages::{Late, Stages};
use super::tunnel::Reached;

impl<N: Network> Client<N> {
    /// What TLS is asked for, for a `wss` URL.
    pub(super) fn tls_for(
        &self,
        connector: &Connector,
    ) -> Result<Option<TlsRequest>, ConnectError> {
        if !connector.uri().is_secure() {
            return Ok(None);
        }
        if !N::HAS_TLS {
            return Err(ConnectError::TlsNeeded);
        }
        #[cfg(feature = "rustls")]
        {
            let host = connector.uri().host();
            let request = self.tls.request(host);
            request.map(Some).map_err(|error| tls_error(host, error))
        }
        #[cfg(not(feature = "rustls"))]
        Err(ConnectError::TlsNeeded)
    }

    /// A stream to the server, without TLS.
    pub(super) async fn reach(
        &self,
        connector: &Connector,
        stages: &Stages<N>,
    ) -> Result<Reached<N>, ConnectError> {
        let place = match &self.place {
            None => None,
            Some(Place::Host(host, port)) => Some((&**host, *port)),
            #[cfg(unix)]
            Some(Place::Unix(path)) => {
                let opened = stages.run(N::open_unix(path.clone())).await;
                let place = path.display().to_string();
                let opened = opened.map_err(|late| late.of(Stage::Connect, &place))?;
                let opened = opened.map_err(|error| {
                    let words = format!("{place} cannot be connected to: {error}");
                    io::Error::new(error.kind(), words)
                });
                return Ok((opened?, Vec::new()));
            }
        };
        if let Some(proxy) = self.route.proxy(connector)? {
            return self.tunnel(&proxy, place, connector, stages).await;
        }
        let uri = connector.uri();
        let stream = match place {
            Some((host, port)) => self.open(host, port, stages).await?,
            None => {
                let host = uri.connect_host().to_string();
                self.open(&host, uri.port(), stages).await?
            }
        };
        Ok((stream, Vec::new()))
    }

    /// The addresses of a host.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
        stages: &Stages<N>,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        match stages.run(self.resolve(host.into(), port)).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => {
                let host = host.into();
                Err(ConnectError::Resolve { host, error })
            }
            Err(late) => Err(late.of(Stage::Resolve, host).into()),
        }
    }

    /// A TCP stream to one of the addresses of a host.
    pub(super) async fn open(
        &self,
        host: &str,
        port: u16,
        stages: &Stages<N>,
    ) -> Result<N::Stream, ConnectError> {
        let addresses = self.addresses(host, port, stages).await?;
        let mut plan = HappyEyeballs::new(addresses);
        if let Some(delay) = self.attempt_delay {
            plan = plan.with_delay(delay);
        }
        let mut race = Race::<N, _>::new(plan, |address| {
            let socket = self.begin(address);
            Box::pin(async move { N::open_tcp(socket?).await })
        });
        match stages.run(poll_fn(|cx| race.poll(cx))).await {
            Ok(Some(stream)) => Ok(stream),
            Ok(None) => {
                let unreachable = Unreachable::new(host, race.attempts());
                Err(ConnectError::Unreachable(unreachable))
            }
            Err(late) => {
                let timeout = late.of(Stage::Connect, host);
                Err(timeout.attempts(race.attempts()).into())
            }
        }
    }

    async fn resolve(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        match &self.resolver {
            // The zone of a link-local address means something to this system only. Names can have a percent-encoding.
            Some(resolver) if !has_zone(&host) => resolver(host, port).await,
            _ => N::resolve(host, port).await,
        }
    }

    /// A socket that has begun to connect.
    fn begin(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if self.nodelay {
            // It is only about delay.
            let _ = socket.set_tcp_nodelay(true);
        }
        if let Some(hook) = &self.before_connect {
            hook(&SockRef::from(&socket), address)?;
        }
        match socket.connect(&address.into()) {
            Err(error) if !is_in_progress(&error) => Err(error),
            _ => Ok(socket.into()),
        }
    }
}

impl Late {
    pub(super) fn of(self, stage: Stage, host: &str) -> ConnectTimeout {
        ConnectTimeout::new(stage, self.0).host(host)
    }
}

/// TLS with `host` over a stream, of which `received` was read already.
pub(super) async fn secure<N: Network>(
    stream: N::Stream,
    tls: TlsRequest,
    received: Vec<u8>,
    host: &str,
    stages: &Stages<N>,
) -> Result<N::Stream, ConnectError> {
    let secured = stages.run(N::secure(stream, tls, received)).await;
    let secured = secured.map_err(|late| late.of(Stage::Tls, host))?;
    secured.map_err(|error| tls_error(host, error))
}

pub(super) fn tls_error(host: &str, error: io::Error) -> ConnectError {
    let host = host.into();
    ConnectError::Tls { host, error }
}

/// Whether an error of a stream is one of rustls.
#[cfg(feature = "rustls")]
pub(super) fn is_of_tls(error: &io::Error) -> bool {
    match error.get_ref() {
        Some(inner) => inner.is::<rustls::Error>(),
        None => false,
    }
}

/// Whether it is an IPv6 address with a zone.
fn has_zone(host: &str) -> bool {
    let address = host.split_once('%').map(|(address, _)| address);
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// What a non-blocking `connect` fails with though it goes on.
fn is_in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
