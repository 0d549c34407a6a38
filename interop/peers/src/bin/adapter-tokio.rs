//! `ws-proto-tokio` as one end of a connection: see [`ws_proto_interop::command`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use ws_proto_interop::play::{self, Runtime};
use ws_proto_tokio::{
    AcceptError, ConnectError, Connector, Incoming, Options, Response, Tokio, WebSocket,
};

enum Adapter {}

impl Runtime for Adapter {
    type Listener = TcpListener;
    type Stream = TcpStream;
    type Io = Tokio<TcpStream>;
    type TlsIo = Tokio<TlsStream<TcpStream>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.expect("threads can be started").block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }

    async fn bind(address: &str) -> io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    fn address(listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read_request(
        stream: TcpStream,
        options: Options,
    ) -> Result<Incoming<TcpStream>, AcceptError> {
        ws_proto_tokio::read_request(stream, options).await
    }

    async fn connect(
        connector: Connector,
    ) -> Result<(WebSocket<TcpStream>, Response), ConnectError> {
        ws_proto_tokio::connect(connector).await
    }

    async fn connect_tls(
        connector: Connector,
        config: ClientConfig,
    ) -> Result<(WebSocket<TlsStream<TcpStream>>, Response), ConnectError> {
        let uri = connector.uri();
        let name = ServerName::try_from(uri.host().to_owned()).map_err(io::Error::other)?;
        let stream = TcpStream::connect((uri.host(), uri.port())).await?;
        let tls = TlsConnector::from(Arc::new(config));
        ws_proto_tokio::connect_over(tls.connect(name, stream).await?, connector).await
    }

    async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    async fn shut_down(stream: &mut TcpStream) -> io::Result<()> {
        stream.shutdown().await
    }
}

fn main() -> anyhow::Result<()> {
    play::main::<Adapter>()
}
