//! One port for all that a client may speak: TLS or not, which its first byte shows, and then HTTP/1.1 or HTTP/2, which
//! axum finds out. So there is one address to try things at; a server in public would send plain requests to `https`.

use std::fmt;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How long a client has for its first byte and for TLS.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first byte of a handshake of TLS (RFC 8446 5.1); no method of HTTP begins with it.
const HANDSHAKE: u8 = 22;

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) is_tls: bool,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl Connected<IncomingStream<'_, Port>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Port>) -> Self {
        *stream.remote_addr()
    }
}

/// A stream of either kind.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

type Accepted = (Box<dyn Duplex>, Peer);

/// What axum accepts from: streams that are ready for HTTP.
pub(crate) struct Port {
    address: SocketAddr,
    accepted: mpsc::Receiver<Accepted>,
}

impl Port {
    /// Listens, and writes the certificate that it makes to a file, for clients to trust it.
    pub(crate) async fn bind(address: &str, certificate: Option<&str>) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let tls = tls(certificate)?;
        let (put, accepted) = mpsc::channel(16);
        tokio::spawn(async move {
            // A client that is slow here keeps nobody else waiting. It ends when `Port` is dropped.
            tokio::select! {
                () = put.closed() => {}
                () = accept_all(&listener, &tls, &put) => {}
            }
        });
        Ok(Self { address, accepted })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listener for Port {
    type Io = Box<dyn Duplex>;
    type Addr = Peer;

    async fn accept(&mut self) -> Accepted {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            None => pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Peer> {
        Ok(Peer {
            address: self.address,
            is_tls: false,
        })
    }
}

async fn accept_all(listener: &TcpListener, tls: &TlsAcceptor, put: &mpsc::Sender<Accepted>) {
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // For lack of file descriptors, for instance: those who are there are served.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (tls, put) = (tls.clone(), put.clone());
        tokio::spawn(async move {
            match timeout(PATIENCE, begin(stream, &tls)).await {
                Ok(Ok((stream, is_tls))) => {
                    let _ = put.send((stream, Peer { address, is_tls })).await;
                }
                Ok(Err(error)) => println!("{address}: {error:#}"),
                Err(_) => println!("{address}: nothing has come"),
            }
        });
    }
}

async fn begin(stream: TcpStream, tls: &TlsAcceptor) -> Result<(Box<dyn Duplex>, bool)> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    stream.peek(&mut first).await?;
    Ok(if first == [HANDSHAKE] {
        (Box::new(tls.accept(stream).await?), true)
    } else {
        (Box::new(stream), false)
    })
}

/// TLS with a certificate that is made now, and ALPN for both versions of HTTP.
fn tls(file: Option<&str>) -> Result<TlsAcceptor> {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)?;
    if let Some(file) = file {
        std::fs::write(file, made.cert.pem()).with_context(|| format!("cannot write {file}"))?;
    }
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
