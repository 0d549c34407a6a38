//! Where peers come in: TCP or a Unix socket.

use std::io;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::args::Address;

/// A stream to a peer, of whatever kind.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(super) type Stream = Box<dyn Duplex>;

/// Who comes in.
pub(super) struct Arrival {
    pub(super) stream: Stream,
    /// By an address that only programs of this machine reach.
    pub(super) is_local: bool,
}

/// A socket that is listened on.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// How others come to a [`Listener`].
#[derive(Debug)]
pub(super) struct Bound {
    /// For people, and for clients.
    pub(super) url: String,
    /// Takes the file of a Unix socket away.
    #[cfg(unix)]
    _file: Option<SocketFile>,
}

impl Listener {
    /// `scheme` is `ws` or `wss`.
    pub(super) async fn bind(address: &Address, scheme: &str) -> Result<(Self, Bound)> {
        match address {
            Address::Tcp(address) => {
                let unbound = || format!("--listen {address} cannot be listened on");
                let listener = TcpListener::bind(address).await.with_context(unbound)?;
                let address = listener.local_addr().with_context(unbound)?;
                let bound = Bound {
                    url: format!("{scheme}://{address}/"),
                    #[cfg(unix)]
                    _file: None,
                };
                Ok((Self::Tcp(listener), bound))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let shown = path.display();
                let listener = bind_unix(path)
                    .await
                    .with_context(|| format!("--listen {shown} cannot be listened on"))?;
                let bound = Bound {
                    url: format!("{scheme}+unix:{shown}"),
                    _file: Some(SocketFile(path.clone())),
                };
                Ok((Self::Unix(listener), bound))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => anyhow::bail!("there are no Unix sockets on this system"),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Arrival> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                // Who listens on all addresses listens on those of this machine too.
                let at = stream.local_addr();
                Ok(Arrival {
                    is_local: at.is_ok_and(|at| at.ip().to_canonical().is_loopback()),
                    stream: Box::new(stream),
                })
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Arrival {
                    stream: Box::new(stream),
                    is_local: true,
                })
            }
        }
    }
}

/// A process that was killed leaves its socket, at which nobody listens: that one is replaced.
#[cfg(unix)]
async fn bind_unix(path: &std::path::Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::FileTypeExt;

    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let is_socket =
                std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
            let asked = tokio::net::UnixStream::connect(path).await;
            let is_left =
                asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            if !(is_socket && is_left) {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct SocketFile(std::path::PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
