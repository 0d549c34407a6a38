//! The peer of the scripts in `adapters/tests`, on `ws-proto-smol`.

#[path = "play/mod.rs"]
mod play;

use futures_rustls::rustls;

/// What is smol's.
mod runtime {
    use std::io;
    use std::net::{Shutdown, SocketAddr};
    use std::sync::Arc;

    use futures_rustls::TlsConnector;
    use futures_rustls::client::TlsStream;
    use futures_rustls::rustls::ClientConfig;
    use futures_rustls::rustls::pki_types::ServerName;
    use smol::io::AsyncWriteExt as _;
    pub(crate) use smol::net::TcpStream;
    pub(crate) use ws_proto_smol::{Smol as Adapted, connect, connect_over, read_request};

    pub(crate) struct Listener(smol::net::TcpListener);

    impl Listener {
        pub(crate) async fn bind(address: &str) -> io::Result<Self> {
            smol::net::TcpListener::bind(address).await.map(Self)
        }

        pub(crate) fn address(&self) -> io::Result<SocketAddr> {
            self.0.local_addr()
        }

        pub(crate) async fn accept(&self) -> io::Result<TcpStream> {
            let (stream, _) = self.0.accept().await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
    }

    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        smol::block_on(future)
    }

    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(future).detach();
    }

    pub(crate) async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    pub(crate) async fn shut_down(stream: &mut TcpStream) -> io::Result<()> {
        stream.shutdown(Shutdown::Write)
    }

    pub(crate) async fn connect_tls(
        host: &str,
        port: u16,
        config: ClientConfig,
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())?;
        let stream = TcpStream::connect((host, port)).await?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(connector.connect(name, stream).await?)
    }
}

fn main() -> anyhow::Result<()> {
    play::main()
}
