//! The peer of the scripts in `adapters/tests`, on `ws-proto-tokio`.

#[path = "play/mod.rs"]
mod play;

use tokio_rustls::rustls;

/// What is tokio's.
mod runtime {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Arc;

    use tokio::io::AsyncWriteExt as _;
    pub(crate) use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::ClientConfig;
    use tokio_rustls::rustls::pki_types::ServerName;
    pub(crate) use ws_proto_tokio::{Tokio as Adapted, connect, connect_over, read_request};

    pub(crate) struct Listener(tokio::net::TcpListener);

    impl Listener {
        pub(crate) async fn bind(address: &str) -> io::Result<Self> {
            tokio::net::TcpListener::bind(address).await.map(Self)
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
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.expect("threads can be started").block_on(future)
    }

    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }

    pub(crate) async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    pub(crate) async fn shut_down(stream: &mut TcpStream) -> io::Result<()> {
        stream.shutdown().await
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
