//! The same echo on other implementations: `server NAME` prints its address and serves until its
//! standard input ends.

use std::future::Future;
use std::io::Read;

use anyhow::{Result, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};

fn main() -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    match std::env::args().nth(1).as_deref() {
        Some("ws-proto-tokio") => serve(ws_proto_tokio),
        Some("ws-proto-smol") => smol(),
        Some("tokio-tungstenite") => serve(tokio_tungstenite),
        Some("fastwebsockets") => serve(fastwebsockets),
        Some("tokio-websockets") => serve(tokio_websockets),
        name => bail!("no such server: {name:?}"),
    }
}

/// One thread, a task for each connection.
fn serve<F>(echo: fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(echo(stream));
        }
    }))
}

async fn ws_proto_tokio(stream: TcpStream) -> Result<()> {
    let mut socket = ws_proto_tokio::accept(stream).await?;
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}

async fn tokio_tungstenite(stream: TcpStream) -> Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = StreamExt::next(&mut socket).await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            SinkExt::send(&mut socket, message).await?;
        }
    }
    Ok(())
}

async fn tokio_websockets(stream: TcpStream) -> Result<()> {
    let (_, mut socket) = tokio_websockets::ServerBuilder::new()
        .accept(stream)
        .await?;
    while let Some(message) = StreamExt::next(&mut socket).await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            SinkExt::send(&mut socket, message).await?;
        }
    }
    Ok(())
}

async fn fastwebsockets(stream: TcpStream) -> Result<()> {
    use http_body_util::Empty;
    use hyper::body::{Bytes, Incoming};
    use hyper::service::service_fn;
    use hyper::{Request, Response};

    let service = service_fn(|mut request: Request<Incoming>| async move {
        let (response, upgrade) = fastwebsockets::upgrade::upgrade(&mut request)?;
        tokio::task::spawn_local(async move {
            let mut socket = fastwebsockets::FragmentCollector::new(upgrade.await?);
            loop {
                let frame = socket.read_frame().await?;
                match frame.opcode {
                    fastwebsockets::OpCode::Close => break,
                    fastwebsockets::OpCode::Text | fastwebsockets::OpCode::Binary => {
                        socket.write_frame(frame).await?;
                    }
                    _ => {}
                }
            }
            Ok::<(), fastwebsockets::WebSocketError>(())
        });
        Ok::<Response<Empty<Bytes>>, fastwebsockets::WebSocketError>(response)
    });
    let io = hyper_util::rt::TokioIo::new(stream);
    hyper::server::conn::http1::Builder::new()
        .serve_connection(io, service)
        .with_upgrades()
        .await?;
    Ok(())
}

fn smol() -> Result<()> {
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            executor
                .spawn(async move {
                    let mut socket = ws_proto_smol::accept(stream).await?;
                    while let Some(message) = socket.next().await {
                        socket.send(message?).await?;
                    }
                    Ok::<(), anyhow::Error>(())
                })
                .detach();
        }
    }))
}
