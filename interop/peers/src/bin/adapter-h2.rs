//! `ws-proto-tokio` over HTTP/2 with prior knowledge: the commands `server`, `client` and `visit` of
//! [`ws_proto_interop::command`]. Its URLs begin with `ws`, and each connection is one of HTTP/2 of its own.

use anyhow::{Result, bail};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_interop::command::Command;
use ws_proto_interop::play::{self, Way};
use ws_proto_tokio::http2::{self, H2Stream, h2};
use ws_proto_tokio::{Acceptor, ConnectError, Connector, Deflate, Response, WebSocket};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match Command::parse(&words)? {
        Command::Sessions | Command::Bytes(_) => bail!("that is not played over HTTP/2"),
        Command::Server(address, deflate) => runtime.block_on(serve(address, deflate)),
        Command::Client(url, agent, deflate) => {
            runtime.block_on(play::run_cases(connect, url, agent, deflate.as_ref()))
        }
        Command::Visit(url, options) => runtime.block_on(play::visit(connect_by, url, options)),
    }
}

/// The cases of Autobahn with small frames have many: the default would end the connection.
const DATA_FRAME_BUDGET: usize = 1 << 24;

async fn serve(address: &str, deflate: Option<Deflate>) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("ws://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let deflate = deflate.clone();
        tokio::spawn(async move {
            if let Err(error) = serve_all(stream, deflate).await {
                eprintln!("HTTP/2: {error:#}");
            }
        });
    }
}

/// Serves the streams of one connection of HTTP/2.
async fn serve_all(stream: TcpStream, deflate: Option<Deflate>) -> Result<()> {
    let mut builder = h2::server::Builder::new();
    builder
        .enable_connect_protocol()
        .data_frame_budget(DATA_FRAME_BUDGET);
    let mut connection = builder.handshake(stream).await?;
    while let Some(next) = connection.accept().await {
        let (request, mut respond) = next?;
        if !http2::is_websocket(&request) {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            continue;
        }
        let mut acceptor = Acceptor::new()
            .subprotocols(&["echo"])
            .options(play::options());
        if let Some(deflate) = &deflate {
            acceptor = acceptor.deflate(deflate);
        }
        match http2::accept(request, respond, acceptor) {
            Ok(socket) => {
                tokio::spawn(async move {
                    // Many cases of Autobahn end in an error, on purpose; the suite checks which.
                    if let Err(error) = play::echo(socket).await {
                        eprintln!("stream: {error:#}");
                    }
                });
            }
            Err(error) => eprintln!("{error:#}"),
        }
    }
    Ok(())
}

async fn connect(connector: Connector) -> Result<(WebSocket<H2Stream>, Response), ConnectError> {
    let uri = connector.uri();
    let stream = TcpStream::connect((uri.host(), uri.port())).await?;
    stream.set_nodelay(true)?;
    let mut builder = h2::client::Builder::new();
    builder.data_frame_budget(DATA_FRAME_BUDGET);
    let handshake = http2::handshake(stream, &builder).await;
    let (sender, connection) = handshake.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    http2::connect(&sender, connector).await
}

async fn connect_by(
    connector: Connector,
    _: Way,
) -> Result<(WebSocket<H2Stream>, Response), ConnectError> {
    connect(connector).await
}
