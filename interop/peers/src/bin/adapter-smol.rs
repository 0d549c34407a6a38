//! `ws-proto-smol` as one end of a connection: see [`ws_proto_interop::command`].

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::ClientConfig;
use futures_rustls::rustls::pki_types::ServerName;
use smol::io::AsyncWriteExt as _;
use smol::net::{TcpListener, TcpStream};
use ws_proto_interop::play::{self, Runtime};
use ws_proto_smol::{
    AcceptError, ConnectError, Connector, Incoming, Options, Response, Smol, WebSocket,
};

enum Adapter {}

impl Runtime for Adapter {
    type Listener = TcpListener;
    type Stream = TcpStream;
    type Io = Smol<TcpStream>;
    type TlsIo = Smol<TlsStream<TcpStream>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        smol::block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(future).detach();
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
        ws_proto_smol::read_request(stream, options).await
    }

    async fn connect(
        connector: Connector,
    ) -> Result<(WebSocket<TcpStream>, Response), ConnectError> {
        ws_proto_smol::connect(connector).await
    }

    async fn connect_tls(
        connector: Connector,
        config: ClientConfig,
    ) -> Result<(WebSocket<TlsStream<TcpStream>>, Response), ConnectError> {
        let uri = connector.uri();
        let name = ServerName::try_from(uri.host().to_owned()).map_err(io::Error::other)?;
        let stream = TcpStream::connect((uri.host(), uri.port())).await?;
        let tls = TlsConnector::from(Arc::new(config));
        ws_proto_smol::connect_over(tls.connect(name, stream).await?, connector).await
    }

    async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    async fn shut_down(stream: &mut TcpStream) -> io::Result<()> {
        stream.shutdown(Shutdown::Write)
    }
}

fn main() -> anyhow::Result<()> {
    play::main::<Adapter>()
}
