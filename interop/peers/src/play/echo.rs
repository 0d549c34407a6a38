//! An echo server and an echo client, for the Autobahn TestSuite.

use anyhow::Result;
use ws_proto_async::{
    Accept, ConnectError, Connector, Deflate, Io, Message, PlainResponse, Response, WebSocket,
};

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
            ("GET" | "HEAD", "/") => PlainResponse::new(200).body(b"a page\n"),
            _ => PlainResponse::new(404).body(b"not found\n"),
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
///
/// # Errors
///
/// There is no such server.
pub async fn run_cases<T: Io>(
    connect: impl Connect<T>,
    url: &str,
    agent: &str,
    deflate: Option<&Deflate>,
) -> Result<()> {
    let count = case_count(&connect, url).await?;
    for case in 1..=count {
        let url = format!("{url}/runCase?case={case}&agent={agent}");
        if let Err(error) = echo_at(&connect, &url, deflate).await {
            eprintln!("case number {case}: {error:#}");
        }
    }
    echo_at(
        &connect,
        &format!("{url}/updateReports?agent={agent}"),
        None,
    )
    .await
}

async fn case_count<T: Io>(connect: &impl Connect<T>, url: &str) -> Result<u32> {
    let url = format!("{url}/getCaseCount");
    let (mut socket, _) = connect(Connector::new(&url)?).await?;
    let mut count = None;
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            count = Some(text.parse()?);
        }
    }
    count.ok_or_else(|| anyhow::anyhow!("the server does not say how many cases there are"))
}

async fn echo_at<T: Io>(
    connect: &impl Connect<T>,
    url: &str,
    deflate: Option<&Deflate>,
) -> Result<()> {
    let mut connector = Connector::new(url)?.options(options());
    if let Some(deflate) = deflate {
        connector = connector.deflate(deflate);
    }
    let (socket, _) = connect(connector).await?;
    echo(socket).await
}

/// How a client gets a connection.
pub trait Connect<T: Io>:
    AsyncFn(Connector) -> Result<(WebSocket<T>, Response), ConnectError>
{
}

impl<T: Io, F: AsyncFn(Connector) -> Result<(WebSocket<T>, Response), ConnectError>> Connect<T>
    for F
{
}

/// Sends back every message, until the peer closes.
///
/// # Errors
///
/// What ends the connection in another way.
pub async fn echo<T: Io>(mut socket: WebSocket<T>) -> Result<()> {
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}
