//! A tunnel through a proxy.

use std::borrow::Cow;

use ws_proto::opening::{ConnectError, Connector, Proxy, ProxyError, ProxyScheme, Proxying};

use super::client::Client;
use super::network::{Network, TlsRequest};
use super::stages::Stages;
use crate::client::ask;
use crate::io::Io;

/// Whether servers are connected to through a proxy.
#[derive(Clone, Debug)]
pub(super) enum Route {
    Direct,
    Through(Box<Proxy>),
    /// As the environment says for each URL.
    Environment,
}

impl Route {
    /// The proxy for the server of `connector`.
    pub(super) fn proxy(
        &self,
        connector: &Connector,
    ) -> Result<Option<Cow<'_, Proxy>>, ConnectError> {
        match self {
            Self::Direct => Ok(None),
            Self::Through(proxy) => Ok(Some(Cow::Borrowed(proxy))),
            Self::Environment => {
                // What is not Unicode must not count as unset: it would be a connection without the proxy.
                let var = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
                let proxy = Proxy::from_env(&connector.uri(), var)?;
                Ok(proxy.map(Cow::Owned))
            }
        }
    }
}

/// A stream that leads to the server, and the bytes that were read from it already.
pub(super) type Reached<N> = (<N as Network>::Stream, Vec<u8>);

impl<N: Network> Client<N> {
    /// Connects to the proxy, and asks it for a tunnel to `place`, or else to the host and port of the URL.
    pub(super) async fn tunnel(
        &self,
        proxy: &Proxy,
        place: Option<(&str, u16)>,
        connector: &Connector,
        stages: &Stages<N>,
    ) -> Result<Reached<N>, ConnectError> {
        match proxy.scheme() {
            ProxyScheme::Http => {
                let stream = self.open_proxy(proxy, stages).await?;
                ask_http(stream, proxy, place, connector, stages).await
            }
            ProxyScheme::Https => {
                let tls = self.tls_for_proxy(proxy)?;
                let stream = self.open_proxy(proxy, stages).await?;
                let secured = super::open::secure(stream, tls, Vec::new(), proxy.host(), stages);
                let stream = secured.await.map_err(ProxyError::of)?;
                ask_http(stream, proxy, place, connector, stages).await
            }
            #[cfg(feature = "socks")]
            ProxyScheme::Socks5 | ProxyScheme::Socks5h => {
                self.tunnel_by_socks(proxy, place, connector, stages).await
            }
            other => Err(ProxyError::Unsupported(other).into()),
        }
    }

    /// A stream to the proxy, without TLS.
    pub(super) async fn open_proxy(
        &self,
        proxy: &Proxy,
        stages: &Stages<N>,
    ) -> Result<N::Stream, ConnectError> {
        let opened = self.open(proxy.host(), proxy.port(), stages).await;
        opened.map_err(ProxyError::of)
    }

    /// What TLS to the proxy is asked for.
    fn tls_for_proxy(&self, proxy: &Proxy) -> Result<TlsRequest, ConnectError> {
        #[cfg(feature = "rustls")]
        if N::HAS_TLS {
            let host = proxy.host();
            let request = self.proxy_tls.request(host);
            return request.map_err(|error| ProxyError::of(super::open::tls_error(host, error)));
        }
        Err(ProxyError::Unsupported(proxy.scheme()).into())
    }
}

/// Asks an HTTP proxy.
async fn ask_http<N: Network>(
    stream: N::Stream,
    proxy: &Proxy,
    place: Option<(&str, u16)>,
    connector: &Connector,
    stages: &Stages<N>,
) -> Result<Reached<N>, ConnectError> {
    let time = stages.left();
    let proxying = match place {
        None => Proxying::start_within(proxy, connector, time),
        Some((host, port)) => Proxying::start_to(proxy, host, port, connector.get_options(), time),
    };
    let mut io = N::io(stream);
    let asked = ask(&mut io, proxying?, &[], time).await;
    let (_, received) = asked.map_err(|error| match error {
        ConnectError::Proxy(ProxyError::TimedOut(late)) => {
            ProxyError::TimedOut(late.host(proxy.host())).into()
        }
        error => error,
    })?;
    Ok((io.into_stream(), received))
}
