//! One port for a page, for WebSocket over HTTP/1.1 and for WebSocket over HTTP/2 (RFC 8441), with TLS and ALPN. And a client
//! over HTTP/2.
//!
//! ```sh
//! cargo run -p ws-proto-tokio --features h2,deflate,rustls --example h2    # both, in one program
//! cargo run ... --example h2 -- --listen 127.0.0.1:9443 --cert ca.pem      # the server
//! cargo run ... --example h2 -- --connect https://localhost:9443/echo --ca ca.pem hello
//! ```
//!
//! | option | |
//! |---|---|
//! | `--listen ADDRESS` | the server alone; Ctrl-C closes all connections with 1001 |
//! | `--connect URL` | the client alone: sends the further arguments, each a text, and prints the echoes |
//! | `--plain` | no TLS: HTTP/2 with prior knowledge, and HTTP/1.1. A client has it by a URL with `http:` |
//! | `--deflate` | messages are compressed if both ends have this option |
//! | `--hyper` | HTTP/2 by hyper in place of `h2` |
//! | `--window BYTES` | what the peer may send on a stream before it is read |
//! | `--cert FILE` | where the server writes its certificate, made on the spot |
//! | `--ca FILE` | the certificates that the client trusts, and no others; a client needs it for `https:` |
//!
//! A browser that has the page over HTTP/2 opens its WebSocket on the same connection. The server sends back what
//! it gets; for the text `/close CODE REASON` it closes with these.

mod client;
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ws_proto_tokio::{Deflate, http2::h2};

#[derive(Default)]
struct Settings {
    listen: Option<SocketAddr>,
    connect: Option<String>,
    is_plain: bool,
    deflate: Option<Deflate>,
    by_hyper: bool,
    window: Option<u32>,
    certificate: Option<PathBuf>,
    trusted: Option<PathBuf>,
    texts: Vec<String>,
}

impl Settings {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut settings = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().context("a value is missing at the end");
            match argument.as_str() {
                "--listen" => settings.listen = Some(value()?.parse()?),
                "--connect" => settings.connect = Some(value()?),
                "--plain" => settings.is_plain = true,
                "--deflate" => settings.deflate = Some(Deflate::new()),
                "--hyper" => settings.by_hyper = true,
                "--window" => settings.window = Some(value()?.parse()?),
                "--cert" => settings.certificate = Some(value()?.into()),
                "--ca" => settings.trusted = Some(value()?.into()),
                option if option.starts_with("--") => bail!("there is no option {option}"),
                _ => settings.texts.push(argument),
            }
        }
        Ok(settings)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut settings = Settings::parse(std::env::args().skip(1))?;
    if let Some(url) = &settings.connect {
        return client::talk(url, &settings).await;
    }
    let address = settings
        .listen
        .unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
    let file = std::env::temp_dir().join(format!("ws-proto-h2-{}.pem", std::process::id()));
    if settings.listen.is_none() {
        settings.certificate = Some(file.clone());
        settings.trusted = Some(file.clone());
        settings.texts = vec!["hello".to_owned(), "on a stream of HTTP/2".to_owned()];
    }
    let server = server::Server::bind(address, &settings).await?;
    println!("{}", server.url());
    if settings.listen.is_some() {
        return server
            .run(async { drop(tokio::signal::ctrl_c().await) })
            .await;
    }
    let url = format!("{}echo", server.url());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async { drop(ended.await) }));
    let talked = client::talk(&url, &settings).await;
    drop(end);
    serving.await??;
    let _ = std::fs::remove_file(file);
    talked
}

/// How large the head of a request may be. Without this it is 16 MiB.
const MAX_HEAD: u32 = 16 << 10;
/// What a connection of HTTP/2 may send before it is read: as much as a few streams, so that one does not stop all.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// What a stream may send before it is read.
const STREAM_WINDOW: u32 = 256 << 10;
/// What small DATA frames that wait to be read may cost: see the module `http2`. The window is full before.
const DATA_FRAME_BUDGET: usize = 42 * CONNECTION_WINDOW as usize;

impl Settings {
    fn window(&self) -> u32 {
        self.window.unwrap_or(STREAM_WINDOW)
    }

    fn server_builder(&self) -> h2::server::Builder {
        let mut builder = h2::server::Builder::new();
        builder
            .enable_connect_protocol()
            .initial_window_size(self.window())
            .initial_connection_window_size(CONNECTION_WINDOW)
            .data_frame_budget(DATA_FRAME_BUDGET)
            .max_header_list_size(MAX_HEAD)
            .max_concurrent_streams(100);
        builder
    }
}
