//! Values are at home in any thread, and errors go into a `Box<dyn Error + Send + Sync>`.

use std::error::Error;
use std::sync::Arc;

use ws_proto::byte_stream::{ByteReader, ByteStreamError, ByteStreamOptions};
use ws_proto::close::InvalidCloseCode;
use ws_proto::extension::DecodeError;
use ws_proto::extension::deflate::{
    Deflate, DeflateDecoder, DeflateElement, DeflateEncoder, DeflateParams, DeflatePool,
};
use ws_proto::frame::{EncodedHeader, Header, Mask, Opcode, Rsv};
use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
use ws_proto::handshake::{
    Accept, AcceptKey, ClientConnect, ClientHandshake, ClientRequest, Extensions, HandshakeError,
    HeadError, Headers, Limits, OriginError, OriginFault, OriginListError, OriginPolicy,
    OriginRefused, PlainResponse, RequestError, ServerHandshake, Upgrade,
};
use ws_proto::opening::{
    AcceptError, Accepting, Acceptor, ConnectError, ConnectTimeout, Connecting, ConnectingStream,
    Connector, HappyEyeballs, Opened, Options, Proxy, ProxyError, ProxyUriError, Proxying, Request,
    Response, Unreachable,
};
use ws_proto::reconnect::{Backoff, BackoffConfig, End};
use ws_proto::socket::{Failure, OutputMemory, Sender};
use ws_proto::uri::{BasicAuthError, UriError};
use ws_proto::utf8::{InvalidUtf8, Utf8};
use ws_proto::{
    AssembleError, Assembler, CapacityError, CloseCode, CloseReason, Config, Connection,
    ControlPayload, EitherRole, Event, FixedBuf, Input, Instant, Limited, Message, MessageBuf,
    Negotiated, OsRandom, OwnedMessage, PreparedMessage, ProtocolError, ReceiveError, SendError,
    Server, TimedOut, TooLong, UnexpectedEof, Uri, VectoredSend, WebSocket, WebSocketError, io,
};

macro_rules! every {
    ($check:ident: $($type:ty),* $(,)?) => {
        $($check::<$type>();)*
    };
}

/// What `Connection` promises is in `tests/engine`, as contract 13.
#[test]
fn values_are_send_sync_and_unpin() {
    fn is_free<T: Send + Sync + Unpin>() {}
    type Shared = Arc<[u8]>;
    type Either = EitherRole<OsRandom>;
    every!(is_free: Connection<Either>, WebSocket<Server>, WebSocket<Either, Shared>,
        Sender<'_, Server>, VectoredSend<'_, Server>, OutputMemory<Shared>, io::ByteStream<(), Server>);
    every!(is_free: Accept<'_>, ClientRequest<'_>, ConnectRequest<'_>, Extensions<'_>, Headers<'_>,
        PlainResponse<'_>, Upgrade<'_>, AcceptKey, Limits, Negotiated, OriginPolicy<'_>);
    every!(is_free: ServerHandshake<MessageBuf>, ClientHandshake<FixedBuf<9>>, ClientConnect<Vec<u8>>,
        ProxyHandshake<Vec<u8>>);
    every!(is_free: Accepting, Acceptor<'_>, Connecting, ConnectingStream, Connector, HappyEyeballs,
        Opened, Options, Proxy, Proxying, Request, Response);
    every!(is_free: Deflate, DeflateDecoder, DeflateElement, DeflateEncoder, DeflateParams, DeflatePool,
        Assembler<MessageBuf, Option<DeflateDecoder>>, PreparedMessage<Shared>);
    every!(is_free: Backoff, BackoffConfig, End, ByteReader, ByteStreamOptions, CloseCode, CloseReason<'_>,
        Config, ControlPayload<'_>, EncodedHeader, Event<'_>, Header, Input<'_>, Instant, Limited, Mask,
        Message<'_>, Opcode, OsRandom, OwnedMessage, Rsv, Uri<'_>, Utf8);
}

#[test]
fn errors_are_errors_of_any_program() {
    fn is_error<T: Error + Send + Sync + 'static>() {}
    every!(is_error: AcceptError, AssembleError, BasicAuthError, ByteStreamError, CapacityError, ConnectError,
        ConnectTimeout, DecodeError, Failure, HandshakeError, HeadError, InvalidCloseCode, InvalidUtf8,
        OriginError<'static>, OriginFault, OriginListError, OriginRefused, ProtocolError, ProxyError,
        ProxyUriError, ReceiveError, RequestError, SendError, TimedOut, TooLong, UnexpectedEof, Unreachable,
        UriError, WebSocketError, io::Error);
}
