//! A server on blocking streams: a thread for each connection.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail};
use ws_proto::WebSocketError;
use ws_proto_tokio::Acceptor;

use crate::PAUSE;

/// How long a read or a write waits before the time limits of the connection are looked at.
const WAIT: Duration = Duration::from_millis(200);

pub fn serve(acceptor: Acceptor<'static>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(PAUSE);
            continue;
        };
        // Without a thread for it the connection is dropped, and the others are served on.
        let _ = std::thread::Builder::new().spawn(move || echo(stream, acceptor));
    }
}

fn echo(mut stream: TcpStream, acceptor: Acceptor<'_>) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let mut server = acceptor.accept(&mut stream)?;
    while server.exchange(&mut stream)? {
        loop {
            match server.next_message() {
                Ok(Some((message, mut sender))) => sender.send(message)?,
                Ok(None) | Err(WebSocketError::OutputFull) => break,
                Err(error) => {
                    // Writes the Close frame that explains it.
                    while server.exchange(&mut stream).unwrap_or(false) {}
                    bail!(error);
                }
            }
        }
    }
    Ok(())
}
