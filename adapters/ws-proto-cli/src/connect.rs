//! From a URL to a connection, with errors that say what went wrong where.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use ws_proto_tokio::{
    Config, ConnectError, Connector, Deflate, Options, Response, Uri, WebSocket, connect_over,
};

use crate::args::Args;
use crate::failure::{Exit, Failure, OrExit, failure};
use crate::print::{Notices, harmless};
use crate::tls;

pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// TCP, with TLS or without.
pub(crate) type Stream = Box<dyn Transport>;

pub(crate) async fn connect(
    args: &Args,
    url: &str,
    notices: Notices,
) -> Result<WebSocket<Stream>, Failure> {
    let connector = Connector::new(url)
        .with_context(|| format!("{url} is not the URL of a WebSocket server"))
        .or_exit(Exit::Usage)?;
    let uri = connector.uri();
    // A wrong file is wrong usage, whether or not there is a server.
    let tls = if uri.is_secure() {
        Some(tls::config(args).or_exit(Exit::Usage)?)
    } else {
        None
    };
    let started = Instant::now();
    let opening = async {
        let stream = open_tcp(uri).await?;
        match tls {
            Some(config) => secure(stream, uri, config).await,
            None => Ok(Box::new(stream) as Stream),
        }
    };
    let stream = match timeout(args.timeout, opening).await {
        Ok(opened) => opened.or_exit(Exit::Connect)?,
        Err(_) => {
            let within = args.timeout.as_secs_f64();
            let words = format!("{url}: no connection within {within} s");
            return Err(failure(Exit::Connect, words));
        }
    };
    let left = args.timeout.saturating_sub(started.elapsed());
    let (socket, response) = ask(args, connector, stream, left).await?;
    tell(notices, url, &socket, &response);
    Ok(socket)
}

async fn open_tcp(uri: Uri<'_>) -> Result<TcpStream> {
    let (host, port) = (uri.host(), uri.port());
    let found = lookup_host((host, port)).await;
    let addresses = found.with_context(|| format!("the host {host} cannot be found"))?;
    let mut last = anyhow!("the host {host} has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => {
                last = anyhow!(error).context(format!("{address} cannot be connected to"));
            }
        }
    }
    Err(last)
}

async fn secure(
    stream: TcpStream,
    uri: Uri<'_>,
    config: tokio_rustls::rustls::ClientConfig,
) -> Result<Stream> {
    let host = uri.host();
    let name = ServerName::try_from(host.to_owned())
        .with_context(|| format!("{host} is not a name that a certificate can have"))?;
    match TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
    {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => bail!("TLS with {host} failed: {error}"),
    }
}

async fn ask(
    args: &Args,
    connector: Connector,
    stream: Stream,
    time: Duration,
) -> Result<(WebSocket<Stream>, Response), Failure> {
    let subprotocols: Vec<&str> = args.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<(&str, &[u8])> = args
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let deflate = Deflate::new();
    let mut connector = connector
        .subprotocols(&subprotocols)
        .headers(&headers)
        .options(options(args).handshake_time(time));
    if let Some(origin) = &args.origin {
        connector = connector.origin(origin);
    }
    if args.compress {
        connector = connector.deflate(&deflate);
    }
    match connect_over(stream, connector).await {
        Ok(connected) => Ok(connected),
        Err(ConnectError::Refused(response)) => Err(failure(Exit::Connect, refusal(&response))),
        Err(ConnectError::Head(error)) => Err(error)
            .context("this cannot be asked")
            .or_exit(Exit::Usage),
        Err(error) => Err(error)
            .context("the handshake failed")
            .or_exit(Exit::Connect),
    }
}

/// What both roles have in common.
pub(crate) fn options(args: &Args) -> Options {
    let mut config = Config::new()
        .max_message(args.max_message)
        .max_frame(args.max_message);
    if args.ping.is_some() {
        // Its Pings could not be distinguished from ours.
        config = config.keepalive(None);
    }
    Options::new().config(config).handshake_time(args.timeout)
}

/// What the server has said instead: status, where to go, header fields, body.
fn refusal(response: &Response) -> String {
    let status = response.status();
    let field = |name| {
        let value = response.headers().get(name)?;
        Some(harmless(&String::from_utf8_lossy(value)))
    };
    let mut words = match field("Location") {
        Some(to) if (300..400).contains(&status) => {
            format!("redirected with status {status} to {to}, where it is not followed")
        }
        _ => format!("refused with status {status}"),
    };
    for (name, value) in response.headers().iter() {
        let value = harmless(&String::from_utf8_lossy(value));
        let _ = write!(words, "\n  {name}: {value}");
    }
    let body = harmless(&String::from_utf8_lossy(response.body()));
    if !body.trim().is_empty() {
        let _ = write!(words, "\n\n{}", body.trim_end());
    }
    words
}

fn tell(notices: Notices, url: &str, socket: &WebSocket<Stream>, response: &Response) {
    let subprotocol = match socket.subprotocol() {
        Some(name) => format!(", subprotocol {name}"),
        None => String::new(),
    };
    let compressed = if socket.deflate().is_some() {
        ", compressed"
    } else {
        ""
    };
    notices.say(format_args!("connected to {url}{subprotocol}{compressed}"));
    for (name, value) in response.headers().iter() {
        let value = harmless(&String::from_utf8_lossy(value));
        notices.explain(format_args!("  {name}: {value}"));
    }
}
