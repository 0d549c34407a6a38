//! What the examples of the documentation run on: a peer in memory that greets, echoes some messages, and says Close
//! when both ends wait; and a server on the loopback interface that echoes.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use ws_proto::opening::Acceptor;
use ws_proto_async::client::connect_over;
use ws_proto_async::server::{accept, read_request};
use ws_proto_async::{
    AcceptError, CloseCode, Connect, ConnectError, Connector, Error, Incoming, Instant, Io,
    Message, Negotiated, Reconnecting, Response, Timer, WebSocket,
};
use ws_proto_test::stream::{End, pipe};
use ws_proto_test::task::Wakes;

use super::quiet;

/// How much a stream in memory holds.
const CAPACITY: usize = 64 * 1024;

/// After so many times that both ends wait, an example waits for ever.
const MAX_WAITS: usize = 100;

/// How many messages the peer sends back: an example that sends back as well comes to an end.
const ECHOES: usize = 8;

const TIME: Duration = Duration::from_secs(10);

/// A stream in memory, on a clock that stands still.
#[derive(Debug)]
pub struct Memory(End);

impl Timer for Memory {
    fn now(&self) -> Instant {
        Instant::default()
    }

    fn poll_until(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

impl Io for Memory {
    type Stream = End;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        AsyncRead::poll_read(Pin::new(&mut self.0), cx, buffer)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(Pin::new(&mut self.0), cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(Pin::new(&mut self.0), cx)
    }

    fn stream(&self) -> &End {
        &self.0
    }

    fn stream_mut(&mut self) -> &mut End {
        &mut self.0
    }

    fn into_stream(self) -> End {
        self.0
    }
}

/// It never comes to a connection.
impl Connect for Memory {
    fn connect(
        _: Connector,
    ) -> impl Future<Output = Result<(WebSocket<Self>, Response), ConnectError>> + Send + 'static
    {
        pending()
    }

    fn timer() -> impl Timer + Send + 'static {
        Self(pipe(1).0)
    }
}

/// Runs an example with a connection to the peer.
pub fn connected(example: impl AsyncFnOnce(WebSocket<Memory>) -> Result<(), Error>) {
    let greeting = Message::text("hello");
    with_client(greeting, example).expect("the example succeeds");
}

/// As [`connected`], with a peer that greets in a binary message.
pub fn bytes(example: impl AsyncFnOnce(WebSocket<Memory>) -> io::Result<()>) {
    let greeting = Message::binary(&b"hello"[..]);
    with_client(greeting, example).expect("the example succeeds");
}

fn with_client<T>(greeting: Message, example: impl AsyncFnOnce(WebSocket<Memory>) -> T) -> T {
    let (near, far) = pipe(CAPACITY);
    let client = WebSocket::client(Memory(near), Negotiated::new(), &[], quiet());
    let server = WebSocket::server(Memory(far), Negotiated::new(), &[], quiet());
    let both_wait = Cell::new(false);
    let peer = serve(server, greeting, &both_wait);
    run(example(client), peer, &both_wait)
}

/// Runs an example with the stream of a client that asks for `/chat`, with the subprotocol `chat.v1`.
pub fn asked(example: impl AsyncFnOnce(Memory) -> Result<(), AcceptError>) {
    let (near, far) = pipe(CAPACITY);
    let both_wait = Cell::new(false);
    let client = async {
        let connector = connector().subprotocols(&["chat.v1"]);
        if let Ok((client, _)) = connect_over(Memory(near), connector, TIME).await {
            serve(client, Message::text("hello"), &both_wait).await;
        }
    };
    let done = run(example(Memory(far)), client, &both_wait);
    done.expect("the example succeeds");
}

/// Runs an example with the request of a client, as [`asked`] does.
pub fn requested(example: impl AsyncFnOnce(Incoming<Memory>) -> Result<(), AcceptError>) {
    asked(async |io| example(read_request(io, quiet()).await?).await);
}

/// Runs an example with a stream to a server.
pub fn reached(example: impl AsyncFnOnce(Memory) -> Result<(), ConnectError>) {
    let (near, far) = pipe(CAPACITY);
    let both_wait = Cell::new(false);
    let done = run(
        example(Memory(near)),
        serve_on(Memory(far), &both_wait),
        &both_wait,
    );
    done.expect("the example succeeds");
}

/// Runs an example with a client that connects to the peer, and whose connection ends with 1000 when both ends wait.
pub fn reconnecting(example: impl AsyncFnOnce(Reconnecting<Memory>) -> Result<(), Error>) {
    let slot = Arc::new(Mutex::new(None));
    let asked = Arc::clone(&slot);
    let client = Reconnecting::from_connections(Memory::timer(), move || {
        let (near, far) = pipe(CAPACITY);
        *asked.lock().unwrap() = Some(far);
        async move { Ok(connect_over(Memory(near), connector(), TIME).await?) }
    });
    let both_wait = Cell::new(false);
    let peer = async {
        loop {
            let end = poll_fn(|_| match slot.lock().unwrap().take() {
                Some(end) => Poll::Ready(end),
                None => Poll::Pending,
            });
            serve_on(Memory(end.await), &both_wait).await;
        }
    };
    run(example(client), peer, &both_wait).expect("the example succeeds");
}

/// The port of a server in a thread of its own.
pub fn server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve_blocking(stream));
        }
    });
    port
}

fn serve_blocking(mut stream: TcpStream) -> Option<()> {
    let mut server = Acceptor::new().accept(&mut stream).ok()?;
    while server.exchange(&mut stream).ok()? {
        while let Some((message, mut sender)) = server.next_message().ok()? {
            sender.send(message).ok()?;
        }
    }
    Some(())
}

fn connector() -> Connector {
    Connector::new("ws://example.com/chat").expect("it is a URL")
}

async fn serve_on(io: Memory, both_wait: &Cell<bool>) {
    if let Ok(server) = accept(io, Acceptor::new()).await {
        serve(server, Message::text("hello"), both_wait).await;
    }
}

async fn serve(mut socket: WebSocket<Memory>, greeting: Message, both_wait: &Cell<bool>) {
    let _ = socket.send(greeting).await;
    let mut echoes = 0;
    loop {
        let next = poll_fn(|cx| {
            if both_wait.take() {
                return Poll::Ready(None);
            }
            pin!(socket.next()).poll(cx).map(Some)
        });
        match next.await {
            None => drop(socket.start_close(CloseCode::NORMAL, "bye")),
            Some(Some(Ok(message))) if echoes < ECHOES => {
                echoes += 1;
                drop(socket.send(message).await);
            }
            Some(Some(Ok(_))) => {}
            Some(_) => return,
        }
    }
}

/// Runs both; sets `both_wait` when none of them has been woken.
fn run<T>(
    example: impl Future<Output = T>,
    peer: impl Future<Output = ()>,
    both_wait: &Cell<bool>,
) -> T {
    let (mut example, mut peer) = (pin!(example), pin!(peer));
    let (mut is_over, mut waits) = (false, 0);
    let wakes = Wakes::new();
    let waker = wakes.waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        let before = wakes.count();
        if let Poll::Ready(done) = example.as_mut().poll(&mut cx) {
            return done;
        }
        is_over = is_over || peer.as_mut().poll(&mut cx).is_ready();
        if wakes.count() == before {
            both_wait.set(true);
            waits += 1;
            assert!(waits < MAX_WAITS, "the example never ends");
        }
    }
}
