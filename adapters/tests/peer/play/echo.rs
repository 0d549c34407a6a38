//! An echo server and an echo client: what the Autobahn TestSuite judges.

use anyhow::Result;
use ws_proto_async::{Accept, Connector, Deflate, Io, Message, Reply, WebSocket};

use super::options;
use crate::runtime::{self, Listener, TcpStream};

/// Serves until the process is ended.
pub(crate) async fn serve(address: &str, deflate: Option<Deflate>) -> Result<()> {
    let listener = Listener::bind(address).await?;
    println!("ws://{}", listener.address()?);
    loop {
        let stream = listener.accept().await?;
        let deflate = deflate.clone();
        runtime::spawn(async move {
            // Many cases end in an error, on purpose; the suite judges.
            if let Err(error) = serve_one(stream, deflate.as_ref()).await {
                eprintln!("{error:#}");
            }
        });
    }
}

/// Echoes; chooses the subprotocol `echo`, and answers other requests as a small web server does.
async fn serve_one(stream: TcpStream, deflate: Option<&Deflate>) -> Result<()> {
    let mut incoming = runtime::read_request(stream, options()).await?;
    let request = incoming.request();
    if !request.is_upgrade() {
        let reply = match (request.method(), request.path()) {
            ("GET" | "HEAD", "/") => Reply::new(200).body(b"a page\n"),
            _ => Reply::new(404).body(b"not found\n"),
        };
        return Ok(incoming.respond(&reply).await?);
    }
    let accept = Accept::new().maybe_subprotocol(request.choose_subprotocol(&["echo"]));
    if let Some(deflate) = deflate {
        incoming = incoming.deflate(deflate);
    }
    echo(incoming.accept(&accept).await?).await
}

/// Runs every case of a fuzzingserver, then asks for its report.
pub(crate) async fn run_cases(url: &str, agent: &str, deflate: Option<&Deflate>) -> Result<()> {
    let count = case_count(url).await?;
    for case in 1..=count {
        let url = format!("{url}/runCase?case={case}&agent={agent}");
        if let Err(error) = echo_at(&url, deflate).await {
            eprintln!("case number {case}: {error:#}");
        }
    }
    echo_at(&format!("{url}/updateReports?agent={agent}"), None).await
}

async fn case_count(url: &str) -> Result<u32> {
    let (mut socket, _) = runtime::connect(&format!("{url}/getCaseCount")).await?;
    let mut count = None;
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            count = Some(text.parse()?);
        }
    }
    count.ok_or_else(|| anyhow::anyhow!("the server does not say how many cases there are"))
}

async fn echo_at(url: &str, deflate: Option<&Deflate>) -> Result<()> {
    let mut connector = Connector::new(url)?.options(options());
    if let Some(deflate) = deflate {
        connector = connector.deflate(deflate);
    }
    let (socket, _) = runtime::connect(connector).await?;
    echo(socket).await
}

async fn echo<T: Io>(mut socket: WebSocket<T>) -> Result<()> {
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}
