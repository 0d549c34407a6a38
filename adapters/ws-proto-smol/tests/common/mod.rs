//! Pairs of connections over pipes, raw peers, and polling by hand.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join};
use smol::Task;
pub(crate) use smol::future::yield_now;
use ws_proto_smol::{Config, Connector, Options, WebSocket, accept_with, connect_over};

pub(crate) type Socket = WebSocket<Pipe>;

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    smol::block_on(test)
}

pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    smol::spawn(future)
}

/// One end of a stream in memory.
pub(crate) struct Pipe {
    read: piper::Reader,
    write: piper::Writer,
}

/// Both ends of a stream in memory that holds so many bytes in each direction.
pub(crate) fn duplex(bytes: usize) -> (Pipe, Pipe) {
    let (read_one, write_other) = piper::pipe(bytes);
    let (read_other, write_one) = piper::pipe(bytes);
    let one = Pipe {
        read: read_one,
        write: write_one,
    };
    let other = Pipe {
        read: read_other,
        write: write_other,
    };
    (one, other)
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pipe")
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.read).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.write).poll_write(cx, bytes) {
            // As a socket has it; TLS streams try for ever when they are told nothing but 0.
            Poll::Ready(Ok(0)) if !bytes.is_empty() => {
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_close(cx)
    }
}

pub(crate) async fn write_raw(raw: &mut Pipe, bytes: &[u8]) {
    raw.write_all(bytes).await.unwrap();
}

/// A client and a server that are connected by pipes of so many bytes.
pub(crate) async fn pair(pipe: usize, options: Options) -> (Socket, Socket) {
    let (client, server) = duplex(pipe);
    let connector = Connector::new("ws://example.com/")
        .unwrap()
        .options(options);
    let acceptor = ws_proto_smol::Acceptor::new().options(options);
    let (client, server) = join!(
        connect_over(client, connector),
        accept_with(server, acceptor)
    );
    (client.unwrap().0, server.unwrap())
}

/// A server, and the other end of its stream as bytes; masks are all zero there.
pub(crate) async fn server_and_raw(pipe: usize, options: Options) -> (Socket, Pipe) {
    let (mut raw, server) = duplex(pipe);
    let ask = async {
        let request = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\n\r\n";
        raw.write_all(request.as_bytes()).await.unwrap();
        read_head(&mut raw).await;
        raw
    };
    let acceptor = ws_proto_smol::Acceptor::new().options(options);
    let (server, raw) = join!(accept_with(server, acceptor), ask);
    (server.unwrap(), raw)
}

pub(crate) async fn read_head(raw: &mut Pipe) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        raw.read_exact(&mut byte).await.unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// A frame of a client's, with a mask of zeros.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

pub(crate) fn quiet() -> Options {
    Options::new().config(Config::new().keepalive(None))
}

/// Polls once and drops the future: cancels it at its first await.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = Box::pin(future);
    poll_pinned(future.as_mut())
}

pub(crate) fn poll_pinned<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Nobody));
    future.poll(&mut Context::from_waker(&waker))
}

/// Runs a future, but cancels it after every poll that is not ready and starts it anew.
pub(crate) async fn impatiently<T, A>(
    argument: &mut A,
    start: impl for<'s> Fn(&'s mut A) -> Pin<Box<dyn Future<Output = T> + 's>>,
) -> (T, usize) {
    let mut cancelled = 0;
    loop {
        if let Poll::Ready(output) = poll_once(start(argument)) {
            return (output, cancelled);
        }
        cancelled += 1;
        assert!(cancelled < 1_000_000, "it never ends");
        yield_now().await;
    }
}

/// The waker of a task that does not wait.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}
