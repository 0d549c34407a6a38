//! An echo server and an echo client, for the Autobahn TestSuite.

use anyhow::Result;
use ws_proto_async::{Accept, Connector, Deflate, Io, Message, Reply, WebSocket};

use super::{Runtime, options};

/// Serves until the process is ended.
pub(crate) async fn serve<R: Runtime>(address: &str, deflate: Option<Deflate>) -> Result<()> {
    let listener = R::bind(address).await?;
    println!("ws://{}", R::address(&listener)?);
    loop {
        let stream = R::accept(&listener).await?;
        let deflate = deflate.clone();
        R::spawn(async move {
            // Many cases end in an error, on purpose; the suite checks which.
            if let Err(error) = serve_one::<R>(stream, deflate.as_ref()).await {
                eprintln!("{error:#}");
            }
        });
    }
}

/// Echoes; chooses the subprotocol `echo`, and answers other requests as a small web server does.
async fn serve_one<R: Runtime>(stream: R::Stream, deflate: Option<&Deflate>) -> Result<()> {
    let mut incoming = R::read_request(stream, options()).await?;
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
pub(crate) async fn run_cases<R: Runtime>(
    url: &str,
    agent: &str,
    deflate: Option<&Deflate>,
) -> Result<()> {
    let count = case_count::<R>(url).await?;
    for case in 1..=count {
        let url = format!("{url}/runCase?case={case}&agent={agent}");
        if let Err(error) = echo_at::<R>(&url, deflate).await {
            eprintln!("case number {case}: {error:#}");
        }
    }
    echo_at::<R>(&format!("{url}/updateReports?agent={agent}"), None).await
}

async fn case_count<R: Runtime>(url: &str) -> Result<u32> {
    let url = format!("{url}/getCaseCount");
    let (mut socket, _) = R::connect(Connector::new(&url)?).await?;
    let mut count = None;
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            count = Some(text.parse()?);
        }
    }
    count.ok_or_else(|| anyhow::anyhow!("the server does not say how many cases there are"))
}

async fn echo_at<R: Runtime>(url: &str, deflate: Option<&Deflate>) -> Result<()> {
    let mut connector = Connector::new(url)?.options(options());
    if let Some(deflate) = deflate {
        connector = connector.deflate(deflate);
    }
    let (socket, _) = R::connect(connector).await?;
    echo(socket).await
}

async fn echo<T: Io>(mut socket: WebSocket<T>) -> Result<()> {
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}
