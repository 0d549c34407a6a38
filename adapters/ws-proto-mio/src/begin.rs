//! How a connection begins: with its handshake, or after one that was made elsewhere.

use mio::Token;
use ws_proto::Negotiated;
use ws_proto::opening::{Connector, Opened};

use crate::error::ConnectError;
use crate::handshake::{self, Handshake};
use crate::options::Options;
use crate::socket::{Left, State, WebSocket};
use crate::stream::Stream;

impl<S: Stream> WebSocket<S> {
    /// The server's end over a stream that has been accepted. Its first event is the client's
    /// [`Request`](crate::Event::Request).
    ///
    /// ```
    /// use mio::Token;
    /// use mio::net::TcpStream;
    /// use ws_proto_mio::{Options, WebSocket};
    ///
    /// /// Register it, then give it a turn: its request is an event.
    /// fn accepted(stream: TcpStream, token: Token) -> WebSocket<TcpStream> {
    ///     WebSocket::accept(stream, token, &Options::new())
    /// }
    /// ```
    pub fn accept(stream: S, token: Token, options: &Options) -> Self {
        let state = State::Handshake(Box::new(Handshake::accept(options.clone())));
        Self::new(stream, token, state, options)
    }

    /// The client's end over a stream that is connected or being connected: TCP, TLS, a Unix
    /// socket. Whether the URL says `ws` or `wss` is not looked at. Its first event is
    /// [`Connected`](crate::Event::Connected).
    ///
    /// ```
    /// # let (stream, peer) = ws_proto_test::stream::pipe(1024);
    /// use mio::Token;
    /// use ws_proto_mio::{Connector, Options, WebSocket};
    ///
    /// let connector = Connector::new("wss://example.com/chat")?.subprotocols(&["chat.v1"]);
    /// let socket = WebSocket::connect_over(stream, Token(1), connector, &Options::new())?;
    /// assert!(!socket.can_send()); // not before the handshake is done
    /// # drop(peer);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectError::Head`], [`ConnectError::NoRandomness`].
    pub fn connect_over(
        stream: S,
        token: Token,
        connector: Connector,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let handshake = Handshake::connect(connector, options.clone())?;
        let state = State::Handshake(Box::new(handshake));
        let mut this = Self::new(stream, token, state, options);
        this.wire.is_connecting = true;
        Ok(this)
    }

    /// The server's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read after the request, often nothing.
    ///
    /// ```
    /// use mio::Token;
    /// use mio::net::TcpStream;
    /// use ws_proto_mio::{Negotiated, Options, WebSocket};
    ///
    /// /// An HTTP server did the handshake.
    /// fn upgraded(stream: TcpStream, token: Token) -> WebSocket<TcpStream> {
    ///     WebSocket::server(stream, token, Negotiated::new(), &[], &Options::new())
    /// }
    /// ```
    pub fn server(
        stream: S,
        token: Token,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        Self::agreed_elsewhere(stream, token, false, negotiated, received, options)
    }

    /// The client's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read after the response, often nothing.
    ///
    /// ```
    /// use mio::Token;
    /// use mio::net::TcpStream;
    /// use ws_proto_mio::{Negotiated, Options, WebSocket};
    ///
    /// /// An HTTP client did the handshake.
    /// fn upgraded(stream: TcpStream, token: Token) -> WebSocket<TcpStream> {
    ///     WebSocket::client(stream, token, Negotiated::new(), &[], &Options::new())
    /// }
    /// ```
    pub fn client(
        stream: S,
        token: Token,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        Self::agreed_elsewhere(stream, token, true, negotiated, received, options)
    }

    /// The server's end of a connection whose handshake has been done elsewhere by [`Acceptor::answer`], with the limits
    /// and times, the subprotocol and the compression that it has led to; `options` are for the turns only.
    ///
    /// ```
    /// use mio::Token;
    /// use mio::net::TcpStream;
    /// use ws_proto_mio::{Opened, Options, WebSocket};
    ///
    /// /// `opened` is the result of `Acceptor::answer`.
    /// fn upgraded(stream: TcpStream, token: Token, opened: Opened) -> WebSocket<TcpStream> {
    ///     WebSocket::open_server(stream, token, opened, &Options::new())
    /// }
    /// ```
    ///
    /// [`Acceptor::answer`]: crate::Acceptor::answer
    pub fn open_server(stream: S, token: Token, opened: Opened, options: &Options) -> Self {
        Self::opened_elsewhere(stream, token, false, opened, options)
    }

    /// The client's end of a connection whose handshake [`ConnectingStream`](crate::ConnectingStream) has done, with the
    /// limits and times, the subprotocol and the compression that it has led to; `options` are for the turns only.
    ///
    /// ```
    /// use mio::Token;
    /// use ws_proto_mio::{Opened, Options, Stream, WebSocket};
    ///
    /// /// `opened` is the result of a `ConnectingStream`.
    /// fn upgraded<S: Stream>(stream: S, token: Token, opened: Opened) -> WebSocket<S> {
    ///     WebSocket::open_client(stream, token, opened, &Options::new())
    /// }
    /// ```
    pub fn open_client(stream: S, token: Token, opened: Opened, options: &Options) -> Self {
        Self::opened_elsewhere(stream, token, true, opened, options)
    }

    fn opened_elsewhere(
        stream: S,
        token: Token,
        is_client: bool,
        opened: Opened,
        options: &Options,
    ) -> Self {
        let subprotocol = opened.subprotocol().map(Into::into);
        let driver = handshake::opened_driver(is_client, opened);
        let mut this = Self::new(stream, token, State::Open(driver), options);
        this.wire.note_subprotocol(subprotocol);
        this
    }

    fn agreed_elsewhere(
        stream: S,
        token: Token,
        is_client: bool,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        let mut driver = handshake::driver(is_client, negotiated, options);
        driver.keep(received);
        let mut this = Self::new(stream, token, State::Open(driver), options);
        if !received.is_empty() {
            this.wire.left = Left::Input;
        }
        this
    }
}
