//! Servers on smol: one thread, a task for each connection.

use std::future::Future;

use anyhow::Result;
use smol::net::{TcpListener, TcpStream};
use ws_proto_smol::{AcceptError, Acceptor, WebSocket};

use crate::PAUSE;
use crate::echo;

pub fn serve<E, F>(echo: E) -> Result<()>
where
    E: Fn(TcpStream) -> F,
    F: Future<Output = echo::Result<()>> + 'static,
{
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                smol::Timer::after(PAUSE).await;
                continue;
            };
            stream.set_nodelay(true)?;
            executor.spawn(echo(stream)).detach();
        }
    }))
}

pub async fn accept(
    stream: TcpStream,
    acceptor: Acceptor<'_>,
) -> Result<WebSocket<TcpStream>, AcceptError> {
    ws_proto_smol::accept_with(stream, acceptor).await
}
