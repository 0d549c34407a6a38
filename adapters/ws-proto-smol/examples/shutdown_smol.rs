//! An echo server that ends well: at Ctrl-C nobody new gets in, every client gets a Close frame with 1001, and those that do
//! not answer are left after a while.
//!
//! ```sh
//! cargo run -p ws-proto-smol --example shutdown_smol -- 127.0.0.1:9001
//! ```

use std::time::Duration;

use anyhow::Result;
use async_signal::{Signal, Signals};
use futures_util::StreamExt;
use smol::channel::{Receiver, bounded};
use smol::future::or;
use smol::net::{TcpListener, TcpStream};
use smol::{Task, Timer};
use ws_proto_smol::{CloseCode, accept};

/// How long to wait when nobody can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    smol::block_on(async {
        let address = std::env::args().nth(1);
        let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001")).await?;
        println!("ws://{}/", listener.local_addr()?);
        let mut signals = Signals::new([Signal::Int])?;
        let interrupted = async {
            signals.next().await;
        };
        let left = serve_until(listener, interrupted, Duration::from_secs(5)).await?;
        println!("{left} clients did not answer");
        Ok(())
    })
}

/// Returns how many clients were left without an answer to our Close frame.
pub(crate) async fn serve_until(
    listener: TcpListener,
    end: impl Future<Output = ()>,
    patience: Duration,
) -> Result<usize> {
    // Nothing is sent: all receivers see that it is closed.
    let (going_away, watch) = bounded::<()>(1);
    let mut connections: Vec<Task<Result<()>>> = Vec::new();
    let serving = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, for instance. Those who are there are served on.
                    eprintln!("nobody can be accepted: {error}");
                    Timer::after(PAUSE).await;
                    continue;
                }
            };
            connections.retain(|task| !task.is_finished());
            connections.push(smol::spawn(serve(stream, watch.clone())));
        }
    };
    let ended = async {
        end.await;
        anyhow::Ok(())
    };
    or(serving, ended).await?;
    drop(listener);
    going_away.close();
    let all = async {
        for task in &mut connections {
            let _ = task.await;
        }
    };
    let late = async {
        Timer::after(patience).await;
    };
    or(all, late).await;
    // Dropping a task drops its connection.
    Ok(connections
        .iter()
        .filter(|task| !task.is_finished())
        .count())
}

async fn serve(stream: TcpStream, going_away: Receiver<()>) -> Result<()> {
    let mut socket = accept(stream).await?;
    loop {
        let next = async { Some(socket.next().await) };
        let end = async {
            let _ = going_away.recv().await;
            None
        };
        match or(next, end).await {
            Some(Some(message)) => socket.send(message?).await?,
            Some(None) => return Ok(()),
            None => {
                return Ok(socket
                    .close(CloseCode::GOING_AWAY, "the server goes away")
                    .await?);
            }
        }
    }
}
