//! TCP through WebSocket: where only HTTP gets through, SSH or a database does.
//!
//! ```sh
//! # Where the service is: every connection of port 9001 is one to port 22.
//! cargo run -p ws-proto-tokio --example tunnel -- serve 0.0.0.0:9001 127.0.0.1:22
//! # Where the user is: every connection of port 2222 goes through the server above.
//! cargo run -p ws-proto-tokio --example tunnel -- connect 127.0.0.1:2222 ws://the.server:9001/
//! ssh -p 2222 127.0.0.1
//! ```

use std::io;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_tokio::{
    Acceptor, ByteStream, Config, Connector, Options, UriError, accept_with, connect,
};

const SUBPROTOCOL: &str = "tunnel.example";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", listen, target] => serve(TcpListener::bind(listen).await?, target).await,
        ["connect", listen, url] => {
            forward(TcpListener::bind(listen).await?, &connector(url)?).await
        }
        _ => bail!("usage: tunnel serve ADDRESS TARGET | tunnel connect ADDRESS URL"),
    }
}

/// Both ends end one direction of TCP while the other goes on, and a program at the end of TCP may take nothing: each for
/// ten minutes.
fn options() -> Options {
    let time = Duration::from_secs(600);
    let config = Config::new().manual_close(true).close_timeout(time);
    Options::new()
        .config(config.pong_timeout(time))
        .stall_time(time)
}

/// What to ask for at the server at `url`.
pub(crate) fn connector(url: &str) -> Result<Connector, UriError> {
    let connector = Connector::new(url)?.options(options());
    Ok(connector.subprotocols(&[SUBPROTOCOL]))
}

/// The server: each WebSocket connection is one of TCP to `target`.
pub(crate) async fn serve(listener: TcpListener, target: &str) -> Result<()> {
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Out of file descriptors, for instance. Those who are there are served on.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let target = target.to_owned();
        tokio::spawn(async move {
            let tunnel = async {
                stream.set_nodelay(true)?;
                // Pages of other sites are refused.
                let acceptor = Acceptor::new()
                    .subprotocols(&[SUBPROTOCOL])
                    .options(options());
                let socket = accept_with(stream, acceptor).await?;
                if socket.subprotocol() != Some(SUBPROTOCOL) {
                    bail!("it is no client of a tunnel");
                }
                // Connected after the handshake, so that whoever is refused costs nothing.
                let target = TcpStream::connect(&target)
                    .await
                    .with_context(|| target.clone())?;
                Ok(copy(socket.into_byte_stream(), target).await?)
            };
            report(&address.to_string(), tunnel.await);
        });
    }
}

/// The client: each connection of TCP is one of WebSocket to `connector`.
pub(crate) async fn forward(listener: TcpListener, connector: &Connector) -> Result<()> {
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Out of file descriptors, for instance. Those who are there are served on.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let connector = connector.clone();
        tokio::spawn(async move {
            let tunnel = async {
                let (socket, _) = connect(connector).await?;
                Ok(copy(socket.into_byte_stream(), stream).await?)
            };
            report(&address.to_string(), tunnel.await);
        });
    }
}

/// Copies both ways until both have ended.
async fn copy<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: ByteStream<S>,
    mut tcp: TcpStream,
) -> io::Result<(u64, u64)> {
    tcp.set_nodelay(true)?;
    copy_bidirectional(&mut socket, &mut tcp).await
}

fn report(address: &str, ended: Result<(u64, u64)>) {
    match ended {
        Ok((received, sent)) => println!("{address}: {received} bytes there, {sent} back"),
        Err(error) => println!("{address}: {error:#}"),
    }
}
