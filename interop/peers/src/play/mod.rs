//! The program of an asynchronous adapter, for every runtime.

mod bytes;
mod echo;
mod session;
mod visit;

use std::io;
use std::net::SocketAddr;

use anyhow::Result;
use rustls::ClientConfig;
use ws_proto_async::net::{Client, Network};
use ws_proto_async::{
    AcceptError, ConnectError, Connector, Incoming, Io, Options, Proxy, Response, WebSocket,
};

use crate::command::{self, Command};
pub use echo::{Connect, echo, run_cases};
pub use visit::visit;

/// An asynchronous adapter with its runtime.
///
/// What serves a connection is spawned: it has to be [`Send`]. Everything else runs in
/// [`block_on`](Self::block_on).
pub trait Runtime: 'static {
    /// A socket that listens.
    type Listener;
    /// A TCP stream, with TLS or without.
    type Stream: Send + 'static;
    /// A stream as the adapter wraps it.
    type Io: Io<Stream = Self::Stream> + Send + 'static;

    /// Runs a future to its end.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Runs a future beside the others.
    fn spawn(future: impl Future<Output = ()> + Send + 'static);

    /// Listens at an address.
    fn bind(address: &str) -> impl Future<Output = io::Result<Self::Listener>>;

    /// The address that it listens at.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn address(listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// The next connection.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>>;

    /// The adapter's `read_request`.
    fn read_request(
        stream: Self::Stream,
        options: Options,
    ) -> impl Future<Output = Result<Incoming<Self::Io>, AcceptError>> + Send;

    /// The adapter's `connect`.
    fn connect(
        connector: Connector,
    ) -> impl Future<Output = Result<(WebSocket<Self::Io>, Response), ConnectError>>;

    /// The adapter's `Client`.
    fn connect_by(
        connector: Connector,
        way: Way,
    ) -> impl Future<Output = Result<(WebSocket<Self::Io>, Response), ConnectError>>;

    /// Writes all of `bytes` past the adapter.
    fn write(stream: &mut Self::Stream, bytes: &[u8]) -> impl Future<Output = io::Result<()>>;

    /// Ends the writing side past the adapter.
    fn shut_down(stream: &mut Self::Stream) -> impl Future<Output = io::Result<()>>;
}

/// How to get to a server.
#[derive(Debug, Default)]
pub struct Way {
    /// Which `wss` servers are trusted.
    pub tls: Option<ClientConfig>,
    /// What to connect through.
    pub proxy: Option<Proxy>,
    /// Which `https` proxies are trusted.
    pub proxy_tls: Option<ClientConfig>,
}

impl Way {
    /// A client of an adapter that goes this way.
    pub fn client<N: Network>(self) -> Client<N> {
        let mut client = Client::new();
        if let Some(config) = self.tls {
            client = client.tls(config);
        }
        if let Some(proxy) = self.proxy {
            client = client.proxy(proxy);
        }
        if let Some(config) = self.proxy_tls {
            client = client.proxy_tls(config);
        }
        client
    }
}

/// Does what the command line says.
///
/// # Errors
///
/// What the program cannot go on after, with its reason.
pub fn main<R: Runtime>() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Command::parse(&words)? {
        Command::Sessions => session::play_all::<R>(),
        Command::Server(address, deflate) => R::block_on(echo::serve::<R>(address, deflate)),
        Command::Client(url, agent, deflate) => {
            R::block_on(run_cases(R::connect, url, agent, deflate.as_ref()))
        }
        Command::Bytes(plan) => R::block_on(bytes::play::<R>(&plan)),
        Command::Visit(url, options) => R::block_on(visit(R::connect_by, url, options)),
    }
}

/// The limits of [`command::config`].
pub fn options() -> Options {
    Options::new().config(command::config())
}
