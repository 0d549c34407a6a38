//! One publication for members with permessage-deflate and without, with every window and takeover.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::time::timeout;
use ws_proto_hub::{DriveEvent, Hub, MemberOptions, Publication};
use ws_proto_tokio::{Acceptor, Connector, Deflate, Message, WebSocket, accept_with, connect_over};

/// Counts the bytes that are read.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buffer);
        self.1.fetch_add(buffer.filled().len() - before, Relaxed);
        read
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

struct Client {
    name: &'static str,
    socket: WebSocket<Counting>,
    read: Arc<AtomicUsize>,
}

/// A client of a server that sends what its peer says back to that one alone, and publications in between.
async fn client(hub: &Hub, name: &'static str, deflate: Option<Deflate>) -> Client {
    let (ours, theirs) = duplex(64 * 1024);
    let (mut member, agreed) = (hub.join(MemberOptions::new()), deflate.clone());
    member.subscribe("t");
    tokio::spawn(async move {
        let mut acceptor = Acceptor::new();
        if let Some(deflate) = &agreed {
            acceptor = acceptor.deflate(deflate);
        }
        let mut socket = accept_with(ours, acceptor).await.unwrap();
        while let Some(event) = member.drive(&mut socket).await {
            if let DriveEvent::Message(message) = event.unwrap() {
                socket.feed(message).await.unwrap();
            }
        }
    });
    let read = Arc::new(AtomicUsize::new(0));
    let mut connector = Connector::new("ws://h/").unwrap();
    if let Some(deflate) = &deflate {
        connector = connector.deflate(deflate);
    }
    let stream = Counting(theirs, Arc::clone(&read));
    let (socket, _) = connect_over(stream, connector).await.unwrap();
    Client { name, socket, read }
}

impl Client {
    async fn expect(&mut self, expected: &Message) {
        let next = timeout(Duration::from_secs(60), self.socket.next()).await;
        let message = next.expect(self.name).expect(self.name).expect(self.name);
        assert!(message == *expected, "{}: another message", self.name);
    }

    fn read(&self) -> usize {
        self.read.swap(0, Relaxed)
    }
}

/// Text that compresses well, and does not repeat earlier text.
fn lines(from: usize, count: usize) -> String {
    (from..from + count).fold(String::new(), |text, n| {
        text + &format!("line {n} of \u{20ac} and \u{e9}, number {}\n", n * n)
    })
}

#[tokio::test(start_paused = true)]
async fn one_publication_goes_to_all_whatever_they_have_agreed_on() {
    let hub = Hub::new();
    let deflate = Deflate::new();
    let without = deflate.clone().server_takeover(false);
    let small = deflate.clone().server_window_bits(9);
    let mut all = [
        client(&hub, "plain", None).await,
        client(&hub, "takeover", Some(deflate.clone())).await,
        client(&hub, "takeover too", Some(deflate)).await,
        client(&hub, "no takeover", Some(without)).await,
        client(&hub, "window of 512 bytes", Some(small)).await,
    ];
    for client in &all {
        client.read(); // the handshake
    }
    // Each length of window, a message that is too short for it, and one that does not become shorter.
    let noise = |seed: u32| {
        let mut state = seed;
        let bytes = (0..3000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        Message::from(bytes.collect::<Vec<_>>())
    };
    let published = [
        Message::from(lines(0, 4)),
        Message::from(lines(100, 40)),
        Message::from("short"),
        noise(1),
        Message::from(lines(1000, 800)),
        Message::from(""),
    ];
    for round in 0..3 {
        for (n, message) in published.iter().enumerate() {
            // What a connection sends itself, before and after, refers to its own history.
            let own = Message::from(lines(round * 7 + n, 10));
            for client in &mut all {
                client.socket.send(own.clone()).await.unwrap();
                client.expect(&own).await;
            }
            let group = Publication::group([message.clone(), message.clone()]);
            assert_eq!(hub.publish("t", group), all.len());
            for client in &mut all {
                client.expect(message).await;
                client.expect(message).await;
                client.socket.send(own.clone()).await.unwrap();
                client.expect(&own).await;
            }
        }
    }
    // Who has agreed on compression gets it, and nobody else does.
    for client in &all {
        client.read();
    }
    let text = Message::from(lines(5000, 100));
    hub.publish("t", text.clone());
    let plain = lines(5000, 100).len() + 4;
    for client in &mut all {
        client.expect(&text).await;
        let read = client.read();
        if client.name == "plain" {
            assert_eq!(read, plain);
        } else {
            assert!(read * 2 < plain, "{}: {read} of {plain}", client.name);
        }
    }
}
