//! Servers on tokio: one thread, a task for each connection.

use std::future::Future;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use ws_proto_tokio::{AcceptError, Acceptor, WebSocket};

use crate::PAUSE;
use crate::echo::{self, others};

pub fn serve<E, F>(echo: E) -> Result<()>
where
    E: Fn(TcpStream) -> F,
    F: Future<Output = echo::Result<()>> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(echo(stream));
        }
    }))
}

pub async fn accept(
    stream: TcpStream,
    acceptor: Acceptor<'_>,
) -> Result<WebSocket<TcpStream>, AcceptError> {
    ws_proto_tokio::accept_with(stream, acceptor).await
}

pub async fn tokio_tungstenite(stream: TcpStream) -> echo::Result<()> {
    others::tokio_tungstenite(tokio_tungstenite::accept_async(stream).await?).await
}

pub async fn tokio_websockets(stream: TcpStream) -> echo::Result<()> {
    let server = tokio_websockets::ServerBuilder::new();
    let (_, socket) = server.accept(stream).await?;
    others::tokio_websockets(socket).await
}

pub async fn fastwebsockets(stream: TcpStream) -> echo::Result<()> {
    use http_body_util::Empty;
    use hyper::body::{Bytes, Incoming};
    use hyper::service::service_fn;
    use hyper::{Request, Response};

    let service = service_fn(|mut request: Request<Incoming>| async move {
        let (response, upgrade) = fastwebsockets::upgrade::upgrade(&mut request)?;
        tokio::task::spawn_local(async move { others::fastwebsockets(upgrade.await?).await });
        Ok::<Response<Empty<Bytes>>, fastwebsockets::WebSocketError>(response)
    });
    let io = hyper_util::rt::TokioIo::new(stream);
    hyper::server::conn::http1::Builder::new()
        .serve_connection(io, service)
        .with_upgrades()
        .await?;
    Ok(())
}
