//! An echo server that ends well: at Ctrl-C nobody new gets in, every client gets a Close frame with 1001, and those that do
//! not answer are left after a while.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --example shutdown -- 127.0.0.1:9001
//! ```

use std::time::Duration;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use ws_proto_tokio::{CloseCode, accept};

/// How long to wait when nobody can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001")).await?;
    println!("ws://{}/", listener.local_addr()?);
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let left = serve_until(listener, interrupted, Duration::from_secs(5)).await?;
    println!("{left} clients did not answer");
    Ok(())
}

/// Returns how many clients were left without an answer to our Close frame.
pub(crate) async fn serve_until(
    listener: TcpListener,
    end: impl Future<Output = ()>,
    patience: Duration,
) -> Result<usize> {
    let (going_away, watch) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(end);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, watch.clone()))),
                Err(error) => {
                    // Out of file descriptors, for instance. Those who are there are served on.
                    eprintln!("nobody can be accepted: {error}");
                    sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {} // one less
            () = &mut end => break,
        }
    }
    drop(listener);
    going_away.send_replace(());
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(patience, all).await;
    // Dropping the set drops the connections that are in it.
    Ok(connections.len())
}

async fn serve(stream: TcpStream, mut going_away: watch::Receiver<()>) -> Result<()> {
    let mut socket = accept(stream).await?;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(message) => socket.send(message?).await?,
                None => return Ok(()),
            },
            _ = going_away.changed() => {
                return Ok(socket.close(CloseCode::GOING_AWAY, "the server goes away").await?);
            }
        }
    }
}
