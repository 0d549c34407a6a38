//! From a URL to a connection, with errors that name the failed step, and a remedy.

use ws_proto_tokio::reconnect::End;
use ws_proto_tokio::{
    Client, Config, ConnectError, Connector, Deflate, Options, ProxyError, ProxyScheme, Response,
    Tokio, WebSocket,
};

use anyhow::Context;
use ws_proto_test::Side;

use crate::args::Args;
use crate::failure::{Exit, Failure, OrExit, failure};
use crate::hints::hint;
use crate::kit::{ClientStream, Recordings};
use crate::response::{fields, refusal, rest};
use crate::route::Route;
use crate::target::Target;
use crate::tls;

/// What there is instead of a connection.
#[derive(Debug)]
pub(crate) struct Unconnected {
    /// How it has ended; `None` if another attempt is useless.
    pub(crate) end: Option<End>,
    /// What has failed and why, in one line.
    pub(crate) words: String,
    /// The same, with what to try.
    pub(crate) failure: Failure,
}

/// Connects, once or again.
#[derive(Debug)]
pub(crate) struct Dialer<'a> {
    args: &'a Args,
    route: Route,
    client: Client,
    connector: Connector,
    recordings: Recordings,
}

impl<'a> Dialer<'a> {
    /// Checks all that can be checked without a server: a fault is wrong usage, whether or not there is one.
    pub(crate) fn new(args: &'a Args, target: &Target) -> Result<Self, Failure> {
        let place = Connector::new(&target.url)
            .with_context(|| format!("{} is not the URL of a WebSocket server", target.name))
            .or_exit(Exit::Usage)?;
        let route = match target.socket {
            Some(_) => Route::Direct,
            None => Route::to(&place.uri(), args)?,
        };
        let mut client = Client::new();
        if let Some(proxy) = route.proxy() {
            client = client.proxy(proxy.clone());
            if proxy.scheme() == ProxyScheme::Https {
                client = client.proxy_tls(tls::proxy().or_exit(Exit::Usage)?);
            }
        }
        let connector = match &args.host {
            Some(host) => {
                let uri = place.uri();
                client = client.connect_to(&uri.connect_host().to_string(), uri.port());
                Connector::new(&target.url_for(host))
                    .with_context(|| format!("--host {host} cannot be a part of the URL"))
                    .or_exit(Exit::Usage)?
            }
            None => place,
        };
        if let Some(place) = &args.connect_to {
            client = client.connect_to(&place.host, place.port);
        }
        #[cfg(unix)]
        if let Some(path) = &target.socket {
            client = client.connect_to_unix(path);
        }
        if target.is_secure() {
            client = client.tls(tls::client(args).or_exit(Exit::Usage)?);
        }
        Ok(Self {
            args,
            route,
            client,
            connector: asking(args, connector),
            recordings: Recordings::new(args, Side::Client)?,
        })
    }

    pub(crate) async fn connect(&self) -> Result<(WebSocket<ClientStream>, Response), Unconnected> {
        let io = |stream| Tokio::new(self.recordings.stream(stream));
        let connected = self.client.connect_with(self.connector.clone(), io).await;
        connected.map_err(|error| self.unconnected(error))
    }

    fn unconnected(&self, error: ConnectError) -> Unconnected {
        let end = error.end();
        let hint = hint(&error, self.args, &self.route);
        let hint = hint.map_or(String::new(), |hint| format!(": {hint}"));
        let (exit, what) = match &error {
            ConnectError::Head(_) => (Exit::Usage, "this cannot be asked: "),
            ConnectError::Resolve { .. }
            | ConnectError::TimedOut(_)
            | ConnectError::Tls { .. }
            | ConnectError::Proxy(_)
            | ConnectError::Refused(_)
            | ConnectError::Unreachable(_) => (Exit::Connect, ""),
            ConnectError::Io(_) if self.is_at_socket() => (Exit::Connect, ""),
            _ => (Exit::Connect, "the handshake failed: "),
        };
        let place = match &self.args.connect_to {
            Some(place) if is_about_the_place(&error) => {
                format!("--connect-to {}:{}: ", place.host, place.port)
            }
            _ => String::new(),
        };
        let details = match &error {
            ConnectError::Refused(response) => refusal(response),
            ConnectError::Proxy(ProxyError::Refused(response)) => rest(response),
            _ => String::new(),
        };
        // The alternate form has the causes after it.
        let words = format!("{place}{what}{:#}", anyhow::Error::from(error));
        let failure = failure(exit, format_args!("{words}{hint}{details}"));
        Unconnected {
            end,
            words,
            failure,
        }
    }

    fn is_at_socket(&self) -> bool {
        let target = self.args.url.as_ref();
        target.is_some_and(|target| target.socket.is_some())
    }
}

/// Whether nothing was reached.
fn is_about_the_place(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::Resolve { .. } | ConnectError::Unreachable(_)
    )
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

/// What was agreed on, after the URL.
pub(crate) fn agreed(socket: &WebSocket<ClientStream>) -> String {
    let subprotocol = match socket.subprotocol() {
        Some(name) => format!(", subprotocol {name}"),
        None => String::new(),
    };
    let compressed = if socket.deflate().is_some() {
        ", compressed"
    } else {
        ""
    };
    format!("{subprotocol}{compressed}")
}

/// For `--verbose`.
pub(crate) fn response_words(response: &Response) -> String {
    format!("the response has{}", fields(response))
}
