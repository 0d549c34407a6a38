//! `ws-proto-smol` as one end of a connection: see [`ws_proto_interop::command`].

use std::io;
use std::net::SocketAddr;

use smol::io::AsyncWriteExt as _;
use smol::net::TcpListener;
use ws_proto_interop::play::{self, Runtime, Way};
use ws_proto_smol::{
    AcceptError, ClientStream, ConnectError, Connector, Incoming, Options, Response, Smol,
    SmolNetwork, WebSocket,
};

enum Adapter {}

impl Runtime for Adapter {
    type Listener = TcpListener;
    type Stream = ClientStream;
    type Io = Smol<ClientStream>;

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

    async fn accept(listener: &TcpListener) -> io::Result<ClientStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(ClientStream::Tcp(stream))
    }

    async fn read_request(
        stream: ClientStream,
        options: Options,
    ) -> Result<Incoming<ClientStream>, AcceptError> {
        ws_proto_smol::read_request(stream, options).await
    }

    async fn connect(
        connector: Connector,
    ) -> Result<(WebSocket<ClientStream>, Response), ConnectError> {
        ws_proto_smol::connect(connector).await
    }

    async fn connect_by(
        connector: Connector,
        way: Way,
    ) -> Result<(WebSocket<ClientStream>, Response), ConnectError> {
        way.client::<SmolNetwork>().connect(connector).await
    }

    async fn write(stream: &mut ClientStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    async fn shut_down(stream: &mut ClientStream) -> io::Result<()> {
        stream.close().await
    }
}

fn main() -> anyhow::Result<()> {
    play::main::<Adapter>()
}
