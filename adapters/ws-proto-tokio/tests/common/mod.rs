//! Pairs of connections over pipes, raw peers, and polling by hand.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) use tokio::io::duplex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use ws_proto_tokio::{Config, Connector, Options, WebSocket, accept_with, connect_over};

pub(crate) type Socket = WebSocket<DuplexStream>;

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(test)
}

/// A task; waiting for it gives what it returns.
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> {
    let task = tokio::spawn(future);
    async { task.await.unwrap() }
}

pub(crate) async fn write_raw(raw: &mut DuplexStream, bytes: &[u8]) {
    raw.write_all(bytes).await.unwrap();
}

/// A client and a server that are connected by pipes of so many bytes.
pub(crate) async fn pair(pipe: usize, options: Options) -> (Socket, Socket) {
    let (client, server) = duplex(pipe);
    let connector = Connector::new("ws://example.com/")
        .unwrap()
        .options(options);
    let acceptor = ws_proto_tokio::Acceptor::new().options(options);
    let (client, server) = tokio::join!(
        connect_over(client, connector),
        accept_with(server, acceptor)
    );
    (client.unwrap().0, server.unwrap())
}

/// A server, and the other end of its stream as bytes; masks are all zero there.
pub(crate) async fn server_and_raw(pipe: usize, options: Options) -> (Socket, DuplexStream) {
    let (mut raw, server) = duplex(pipe);
    let ask = async {
        let request = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\n\r\n";
        raw.write_all(request.as_bytes()).await.unwrap();
        read_head(&mut raw).await;
        raw
    };
    let acceptor = ws_proto_tokio::Acceptor::new().options(options);
    let (server, raw) = tokio::join!(accept_with(server, acceptor), ask);
    (server.unwrap(), raw)
}

pub(crate) async fn read_head(raw: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(raw.read_u8().await.unwrap());
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

/// Counts how often a task is woken.
#[derive(Default)]
pub(crate) struct Woken(AtomicUsize);

impl Woken {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once and drops the future: cancels it at its first await.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = Box::pin(future);
    poll_pinned(future.as_mut())
}

pub(crate) fn poll_pinned<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Woken::default()));
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
        tokio::task::yield_now().await;
    }
}
