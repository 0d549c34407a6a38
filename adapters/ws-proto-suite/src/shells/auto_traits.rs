//! Values are at home in any thread, and every future can be a task of a runtime with several threads. The compiler checks
//! that: nothing of it has to run.

use std::error::Error as StdError;
use std::time::Duration;

use ws_proto_async::client::connect_over;
use ws_proto_async::server::{accept, read_request};
use ws_proto_async::{
    Accept, AcceptError, Acceptor, AttemptError, Batch, ByteStream, ByteStreamError, CloseCode,
    Closed, ConnectError, Connected, Connector, Decision, Disconnected, Ended, Error, Event, Fin,
    Incoming, Io, Message, MessageRef, Options, Piece, PlainResponse, PreparedMessage, ReadHalf,
    Reason, Reconnecting, ReuniteError, Sender, TrySendError, Update, Utf8Bytes, WebSocket,
    WriteHalf,
};
pub use ws_proto_test::link::End;

use super::Runtime;

fn is_free<T: Send + Sync + Unpin>() {}
fn is_error<T: StdError + Send + Sync + 'static>() {}
fn is_mobile<T: Send + Unpin>() {}
fn is_send<T: Send>(_: T) {}

macro_rules! every {
    ($check:ident: $($type:ty),* $(,)?) => {
        $($check::<$type>();)*
    };
}

/// The calls that the whole connection shares with the reading half.
macro_rules! receiving {
    ($socket:expr) => {
        is_send($socket.next());
        is_send($socket.next_event());
        is_send($socket.next_piece());
    };
}

/// The calls that the whole connection shares with the writing half.
macro_rules! sending {
    ($socket:expr, $message:expr) => {
        is_send($socket.send("text"));
        is_send($socket.send_uncompressed("text"));
        is_send($socket.send_text("text"));
        is_send($socket.send_binary(vec![1]));
        is_send($socket.send_prepared($message));
        is_send($socket.send_text_part("text", Fin::No));
        is_send($socket.send_binary_part(vec![1], Fin::No));
        is_send($socket.feed("text"));
        is_send($socket.feed_prepared($message));
        is_send($socket.flush());
        is_send($socket.ready());
        is_send($socket.ping(b"?"));
        is_send($socket.pong(b"?"));
        is_send($socket.close(CloseCode::NORMAL, ""));
    };
}

pub fn values_go_to_any_thread<R: Runtime>()
where
    R::Io<End>: Sync,
{
    every!(is_free: WebSocket<R::Io<End>>, ReadHalf<R::Io<End>>, WriteHalf<R::Io<End>>,
        ByteStream<R::Io<End>>, Incoming<R::Io<End>>, Batch<'static, R::Io<End>>, Sender<'static>);
    every!(is_free: Message, MessageRef<'static>, PreparedMessage, Utf8Bytes, Piece, Event, Closed);
    every!(is_free: Update, Connected, Disconnected, Ended, Reason, Decision);
    // The functions of a program that this calls need not be `Sync`.
    every!(is_mobile: Reconnecting<R::Io<End>>);
}

pub fn errors_are_errors_of_any_program<R: Runtime>() {
    every!(is_error: AcceptError, AttemptError, ByteStreamError, ConnectError, Error, TrySendError,
        ReuniteError<R::Io<End>>);
}

pub fn futures_go_to_any_thread<R: Runtime>() {
    let _ = (of_handshakes::<R::Io<End>>, of_an_answer::<R::Io<End>>);
    let _ = (of_a_connection::<R::Io<End>>, of_halves::<R::Io<End>>);
    let _ = of_a_client_that_reconnects::<R::Io<End>>;
}

fn of_handshakes<T: Io + Send>(ios: [T; 3], connector: Connector) {
    let [first, second, third] = ios;
    is_send(accept(first, Acceptor::new()));
    is_send(read_request(second, Options::new()));
    is_send(connect_over(third, connector, Duration::ZERO));
}

fn of_an_answer<T: Io + Send>(incoming: [Incoming<T>; 3]) {
    let [first, second, third] = incoming;
    is_send(first.accept(&Accept::new()));
    is_send(second.accept_with(Acceptor::new()));
    is_send(third.respond(&PlainResponse::new(404)));
}

fn of_a_connection<T: Io + Send>(mut socket: WebSocket<T>, message: &PreparedMessage) {
    receiving!(socket);
    sending!(socket, message);
    is_send(socket.next_batch());
}

fn of_halves<T: Io + Send>(socket: WebSocket<T>, message: &PreparedMessage) {
    let (mut read, mut write) = socket.split();
    receiving!(read);
    sending!(write, message);
}

fn of_a_client_that_reconnects<T: Io + Send>(mut client: Reconnecting<T>) {
    is_send(client.next());
    is_send(client.send("text"));
    is_send(client.feed("text"));
    is_send(client.flush());
    is_send(client.ready());
    is_send(client.close(CloseCode::NORMAL, ""));
}

#[cfg(feature = "network")]
pub use network::a_client_goes_to_any_thread;

#[cfg(feature = "network")]
mod network {
    use ws_proto_async::net::{Client, Network, Tls, TlsRequest};

    use super::{is_free, is_send};

    pub fn a_client_goes_to_any_thread<N: Network>()
    where
        N::Io: Send,
    {
        every!(is_free: Client<N>, Tls, TlsRequest);
        let _ = of_a_client::<N>;
    }

    fn of_a_client<N: Network>(client: &Client<N>)
    where
        N::Io: Send,
    {
        is_send(client.connect("ws://localhost/"));
        is_send(client.connect_with("ws://localhost/", N::io));
    }
}
