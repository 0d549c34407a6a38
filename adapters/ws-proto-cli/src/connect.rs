//! From a URL to a connection, with errors that say what went wrong where.

use anyhow::Context;
use ws_proto_tokio::{
    Client, ClientStream, Config, ConnectError, Connector, Deflate, Options, Response, WebSocket,
};

use crate::args::Args;
use crate::failure::{Exit, Failure, OrExit, failure};
use crate::notices::Notices;
use crate::response::{fields, refusal};
use crate::tls;

pub(crate) async fn connect(
    args: &Args,
    url: &str,
    notices: Notices,
) -> Result<WebSocket<ClientStream>, Failure> {
    let connector = Connector::new(url)
        .with_context(|| format!("{url} is not the URL of a WebSocket server"))
        .or_exit(Exit::Usage)?;
    let mut client = Client::new();
    // A wrong file is wrong usage, whether or not there is a server.
    if connector.uri().is_secure() {
        client = client.tls(tls::tls(args).or_exit(Exit::Usage)?);
    }
    match client.connect(asking(args, connector)).await {
        Ok((socket, response)) => {
            tell(notices, url, &socket, &response);
            Ok(socket)
        }
        Err(ConnectError::Refused(response)) => Err(failure(Exit::Connect, refusal(&response))),
        Err(ConnectError::Head(error)) => Err(error)
            .context("this cannot be asked")
            .or_exit(Exit::Usage),
        Err(
            error @ (ConnectError::Resolve { .. }
            | ConnectError::TimedOut(_)
            | ConnectError::Tls { .. }
            | ConnectError::Unreachable(_)),
        ) => Err(error).or_exit(Exit::Connect),
        Err(error) => Err(error)
            .context("the handshake failed")
            .or_exit(Exit::Connect),
    }
}

/// With all that the arguments ask for.
fn asking(args: &Args, connector: Connector) -> Connector {
    let subprotocols: Vec<&str> = args.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<(&str, &[u8])> = args
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let mut connector = connector
        .subprotocols(&subprotocols)
        .headers(&headers)
        .options(options(args));
    if let Some(origin) = &args.origin {
        connector = connector.origin(origin);
    }
    if args.compress {
        connector = connector.deflate(&Deflate::new());
    }
    connector
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

fn tell(notices: Notices, url: &str, socket: &WebSocket<ClientStream>, response: &Response) {
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
    notices.explain(format_args!("the response has{}", fields(response)));
}
