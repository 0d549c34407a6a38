//! An echo server and a client over real TCP, which print everything that passes.
//!
//! ```text
//! cargo run --release --example echo                      both, a short exchange, the end
//! cargo run --release --example echo -- --listen ADDR     only the server
//! cargo run --release --example echo -- --connect URL     only the client: sends lines of stdin
//! ```

mod client;
mod server;
mod trace;

use std::net::TcpListener;

use anyhow::{Context, Result, bail};
use lexopt::prelude::{Long, Short, ValueExt};

const HELP: &str = "\
Echoes over WebSocket and prints the handshake, each event and each frame.

Usage: echo [OPTIONS]                  a server and a client in one process
       echo --listen ADDR [OPTIONS]    only the server, for example 127.0.0.1:9001;
                                       a browser gets a page that talks to it
       echo --connect URL [OPTIONS]    only the client: sends the lines of standard input

Options:
      --subprotocol NAME    offer it, or as a server ask for it
      --deflate             compress, if the peer agrees
  -q, --quiet               do not print the traffic
  -h, --help                print this";

#[derive(Clone, Default)]
struct Options {
    listen: Option<String>,
    connect: Option<String>,
    subprotocol: Option<String>,
    deflate: bool,
    quiet: bool,
}

fn main() -> Result<()> {
    let options = options()?;
    match (&options.listen, &options.connect) {
        (Some(_), Some(_)) => bail!("--listen or --connect, not both"),
        (Some(address), None) => server::serve_all(&listen(address)?, &options),
        (None, Some(url)) => client::send_lines(url, &options),
        (None, None) => both(&options),
    }
}

/// The server in a thread, the client in this one, a free port between them.
fn both(options: &Options) -> Result<()> {
    let listener = listen("127.0.0.1:0")?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let server_options = options.clone();
    let server = std::thread::spawn(move || -> Result<()> {
        let (stream, _) = listener.accept()?;
        server::serve(stream, &server_options)
    });
    client::exchange(&url, options)?;
    match server.join() {
        Ok(served) => served,
        Err(_) => bail!("the server panicked"),
    }
}

fn listen(address: &str) -> Result<TcpListener> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    println!(
        "listening on ws://{0}/ (and http://{0}/ for a browser)",
        listener.local_addr()?
    );
    Ok(listener)
}

fn options() -> Result<Options> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("listen") => options.listen = Some(parser.value()?.string()?),
            Long("connect") => options.connect = Some(parser.value()?.string()?),
            Long("subprotocol") => options.subprotocol = Some(parser.value()?.string()?),
            Long("deflate") => options.deflate = true,
            Short('q') | Long("quiet") => options.quiet = true,
            Short('h') | Long("help") => {
                println!("{HELP}");
                std::process::exit(0);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}
