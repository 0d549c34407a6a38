//! The other crates, each in the fastest fair configuration that it has.

use std::io::{Read, Write};

use bytes::{Bytes, BytesMut};
use embedded_websocket as embedded;
use futures_util::{SinkExt, StreamExt};

use crate::io::{MemIo, block_on};
use crate::peer::{Peer, Sink};
use crate::wire::{READ, xorshift};

/// Joins what a crate leaves in fragments, and validates text where a crate does not: with
/// simdutf8, as an application that cares for speed would.
#[derive(Default)]
struct Joined(Vec<u8>);

fn check_text(bytes: &[u8]) {
    simdutf8::basic::from_utf8(bytes).unwrap();
}

/// Its read buffer is 4 KiB: the default, 128 KiB, costs it a factor of two from 16 KiB on.
pub struct Tungstenite(tungstenite::WebSocket<MemIo>);

impl Tungstenite {
    pub fn new(io: MemIo, role: tungstenite::protocol::Role) -> Self {
        let config = tungstenite::protocol::WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(READ);
        Self(tungstenite::WebSocket::from_raw_socket(
            io,
            role,
            Some(config),
        ))
    }
}

impl Peer for Tungstenite {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        for _ in 0..n {
            match self.0.read().unwrap() {
                tungstenite::Message::Text(text) => sink.message(text.as_bytes()),
                tungstenite::Message::Binary(data) => sink.message(&data),
                other => panic!("{other:?}"),
            }
        }
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        for _ in 0..n {
            self.0
                .send(tungstenite::Message::Binary(payload.clone()))
                .unwrap();
        }
    }

    fn echo(&mut self, n: usize, batch: usize) {
        for index in 1..=n {
            let message = self.0.read().unwrap();
            self.0.write(message).unwrap();
            if index % batch == 0 || index == n {
                self.0.flush().unwrap();
            }
        }
    }
}

/// `FragmentCollector`: it joins fragments and validates text. simdutf8, vectored writes.
pub struct Fast(fastwebsockets::FragmentCollector<MemIo>);

impl Fast {
    pub fn new(io: MemIo, role: fastwebsockets::Role) -> Self {
        let mut socket = fastwebsockets::WebSocket::after_handshake(io, role);
        socket.set_auto_close(false);
        socket.set_writev(true);
        Self(fastwebsockets::FragmentCollector::new(socket))
    }
}

impl Peer for Fast {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        block_on(async {
            for _ in 0..n {
                let frame = self.0.read_frame().await.unwrap();
                sink.message(&frame.payload);
            }
        });
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        block_on(async {
            for _ in 0..n {
                let data = fastwebsockets::Payload::Borrowed(payload);
                self.0
                    .write_frame(fastwebsockets::Frame::binary(data))
                    .await
                    .unwrap();
            }
        });
    }

    fn echo(&mut self, n: usize, _: usize) {
        block_on(async {
            for _ in 0..n {
                let frame = self.0.read_frame().await.unwrap();
                let frame = fastwebsockets::Frame::new(true, frame.opcode, None, frame.payload);
                self.0.write_frame(frame).await.unwrap();
            }
        });
    }
}

/// Its SIMD is chosen at run time. No splitting of messages into frames.
pub struct TokioWs(tokio_websockets::WebSocketStream<MemIo>);

fn tokio_config() -> tokio_websockets::Config {
    tokio_websockets::Config::default().frame_size(usize::MAX)
}

impl TokioWs {
    pub fn server(io: MemIo) -> Self {
        Self(
            tokio_websockets::ServerBuilder::new()
                .config(tokio_config())
                .serve(io),
        )
    }

    pub fn client(io: MemIo) -> Self {
        Self(
            tokio_websockets::ClientBuilder::new()
                .config(tokio_config())
                .take_over(io),
        )
    }
}

impl Peer for TokioWs {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        block_on(async {
            for _ in 0..n {
                let message = self.0.next().await.unwrap().unwrap();
                sink.message(message.as_payload());
            }
        });
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        block_on(async {
            for _ in 0..n {
                let message = tokio_websockets::Message::binary(payload.clone());
                self.0.send(message).await.unwrap();
            }
        });
    }

    fn echo(&mut self, n: usize, batch: usize) {
        block_on(async {
            for index in 1..=n {
                let message = self.0.next().await.unwrap().unwrap();
                self.0.feed(message).await.unwrap();
                if index % batch == 0 || index == n {
                    self.0.flush().await.unwrap();
                }
            }
        });
    }
}

/// Its tokio stream, timers off.
pub struct Sockudo(sockudo_ws::WebSocketStream<MemIo>);

pub fn sockudo_config() -> sockudo_ws::Config {
    sockudo_ws::ConfigBuilder::new().idle_timeout(0).build()
}

impl Sockudo {
    pub fn new(io: MemIo, role: sockudo_ws::Role) -> Self {
        let mut config = sockudo_config();
        config.auto_ping = false;
        Self(sockudo_ws::WebSocketStream::from_raw(io, role, config))
    }
}

impl Peer for Sockudo {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        block_on(async {
            for _ in 0..n {
                let message = self.0.next().await.unwrap().unwrap();
                sink.message(message.as_bytes());
            }
        });
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        block_on(async {
            for _ in 0..n {
                let message = sockudo_ws::Message::Binary(payload.clone());
                self.0.send(message).await.unwrap();
            }
        });
    }

    fn echo(&mut self, n: usize, batch: usize) {
        block_on(async {
            for index in 1..=n {
                let message = self.0.next().await.unwrap().unwrap();
                self.0.feed(message).await.unwrap();
                if index % batch == 0 || index == n {
                    self.0.flush().await.unwrap();
                }
            }
        });
    }
}

/// Its sans-IO half: the read buffer and the writing are the application's.
pub struct SockudoCore {
    io: MemIo,
    protocol: sockudo_ws::protocol::Protocol,
    read: BytesMut,
    messages: Vec<sockudo_ws::Message>,
    out: BytesMut,
}

impl SockudoCore {
    pub fn new(io: MemIo, role: sockudo_ws::Role) -> Self {
        Self {
            io,
            protocol: sockudo_ws::protocol::Protocol::new(role, 16 << 20, 64 << 20),
            read: BytesMut::new(),
            messages: Vec::new(),
            out: BytesMut::new(),
        }
    }

    fn fill(&mut self) {
        let before = self.read.len();
        self.read.resize(before + READ, 0);
        let n = self.io.read(&mut self.read[before..]).unwrap();
        self.read.truncate(before + n);
        self.protocol
            .process_into(&mut self.read, &mut self.messages)
            .unwrap();
    }

    fn write(&mut self) {
        self.io.write_all(&self.out).unwrap();
        self.out.clear();
    }
}

impl Peer for SockudoCore {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        let mut seen = 0;
        while seen < n {
            self.fill();
            for message in self.messages.drain(..) {
                sink.message(message.as_bytes());
                seen += 1;
            }
        }
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        for _ in 0..n {
            let message = sockudo_ws::Message::Binary(payload.clone());
            self.protocol
                .encode_message(&message, &mut self.out)
                .unwrap();
            self.write();
        }
    }

    fn echo(&mut self, n: usize, _: usize) {
        let mut seen = 0;
        while seen < n {
            self.fill();
            let mut messages = std::mem::take(&mut self.messages);
            for message in messages.drain(..) {
                self.protocol
                    .encode_message(&message, &mut self.out)
                    .unwrap();
                seen += 1;
            }
            self.messages = messages;
            self.write();
        }
    }
}

/// simdutf8, and text validation switched on: it is off by default.
pub struct Yawc(yawc::WebSocket<MemIo>);

impl Yawc {
    pub fn new(io: MemIo, role: yawc::Role) -> Self {
        let options = yawc::Options::default()
            .without_compression()
            .with_utf8()
            .with_limits(16 << 20, 64 << 20);
        Self(yawc::WebSocket::from_stream(io, role, options).unwrap())
    }
}

impl Peer for Yawc {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        block_on(async {
            for _ in 0..n {
                let frame = self.0.next_frame().await.unwrap();
                sink.message(frame.payload());
            }
        });
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        block_on(async {
            for _ in 0..n {
                self.0
                    .send(yawc::Frame::binary(payload.clone()))
                    .await
                    .unwrap();
            }
        });
    }

    fn echo(&mut self, n: usize, batch: usize) {
        block_on(async {
            for index in 1..=n {
                let (opcode, _, payload) = self.0.next_frame().await.unwrap().into_parts();
                let frame = if opcode == yawc::frame::OpCode::Text {
                    yawc::Frame::text(payload)
                } else {
                    yawc::Frame::binary(payload)
                };
                self.0.feed(frame).await.unwrap();
                if index % batch == 0 || index == n {
                    self.0.flush().await.unwrap();
                }
            }
        });
    }
}

/// With the `BufReader` that it needs not to read twice or more for a frame. Joins and validates
/// nothing: the harness does. (A plain `MemIo` would forgo the system calls that memory hides.)
pub struct WebSocketCrate {
    socket: web_socket::WebSocket<tokio::io::BufReader<MemIo>>,
    joined: Joined,
}

impl WebSocketCrate {
    pub fn server(io: MemIo) -> Self {
        let io = tokio::io::BufReader::with_capacity(READ, io);
        Self {
            socket: web_socket::WebSocket::server(io),
            joined: Joined::default(),
        }
    }

    pub fn client(io: MemIo) -> Self {
        let io = tokio::io::BufReader::with_capacity(READ, io);
        Self {
            socket: web_socket::WebSocket::client(io),
            joined: Joined::default(),
        }
    }
}

impl Peer for WebSocketCrate {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        use web_socket::{DataType, Event, Stream};
        block_on(async {
            let mut seen = 0;
            while seen < n {
                let Event::Data { ty, data } = self.socket.recv().await.unwrap() else {
                    panic!("no data");
                };
                match ty {
                    DataType::Complete(kind) => {
                        if kind.is_text() {
                            check_text(&data);
                        }
                        sink.message(&data);
                        seen += 1;
                    }
                    DataType::Stream(part) => {
                        if let Stream::Start(_) = part {
                            self.joined.0.clear();
                        }
                        self.joined.0.extend_from_slice(&data);
                        if let Stream::End(kind) = part {
                            if kind.is_text() {
                                check_text(&self.joined.0);
                            }
                            sink.message(&self.joined.0);
                            seen += 1;
                        }
                    }
                }
            }
        });
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        block_on(async {
            for _ in 0..n {
                self.socket.send(&payload[..]).await.unwrap();
            }
        });
    }

    fn echo(&mut self, n: usize, _: usize) {
        use web_socket::Event;
        block_on(async {
            for _ in 0..n {
                let Event::Data { data, .. } = self.socket.recv().await.unwrap() else {
                    panic!("no data");
                };
                self.socket.send(&data[..]).await.unwrap();
            }
        });
    }
}

/// The xorshift of ws-proto's rows, as the trait that this crate wants.
pub struct Rng(u64);

impl rand_core::RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        xorshift(&mut self.0) as u32
    }

    fn next_u64(&mut self) -> u64 {
        xorshift(&mut self.0)
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        for chunk in to.chunks_mut(4) {
            chunk.copy_from_slice(&self.next_u32().to_ne_bytes()[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(to);
        Ok(())
    }
}

/// Slices in, slices out: the buffers are the harness's, and big enough for a whole frame, since a
/// fragment that a read cuts never ends (`continuation_read`). It validates no text: the harness
/// does.
pub struct Embedded<T: rand_core::RngCore, S: embedded::WebSocketType> {
    io: MemIo,
    socket: embedded::WebSocket<T, S>,
    read: Vec<u8>,
    start: usize,
    end: usize,
    to: Vec<u8>,
    out: Vec<u8>,
}

impl<T: rand_core::RngCore, S: embedded::WebSocketType> Embedded<T, S> {
    fn new(io: MemIo, mut socket: embedded::WebSocket<T, S>, frame: usize) -> Self {
        socket.state = embedded::WebSocketState::Open;
        let read = vec![0; READ + if frame > READ / 4 { frame + 14 } else { 0 }];
        let (to, out) = (vec![0; frame.max(64 << 10)], vec![0; frame + 14]);
        Self {
            io,
            socket,
            read,
            start: 0,
            end: 0,
            to,
            out,
        }
    }

    /// The next message into `to`: its length. Gives up the fast path at the end of the buffer only.
    fn next(&mut self) -> (usize, bool) {
        let mut len = 0;
        loop {
            let from = &self.read[self.start..self.end];
            if !whole_frame(from) {
                self.read.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
                self.end += self.io.read(&mut self.read[self.end..]).unwrap();
                continue;
            }
            let read = self.socket.read(from, &mut self.to[len..]).unwrap();
            self.start += read.len_from;
            len += read.len_to;
            if read.end_of_message {
                let text = read.message_type == embedded::WebSocketReceiveMessageType::Text;
                return (len, text);
            }
        }
    }

    fn write(&mut self, len: usize) {
        self.io.write_all(&self.out[..len]).unwrap();
    }
}

/// Whether a masked frame is there to its end.
fn whole_frame(bytes: &[u8]) -> bool {
    let [_, second, rest @ ..] = bytes else {
        return false;
    };
    let (header, len) = match second & 0x7f {
        126 => match rest.first_chunk() {
            Some(len) => (8, usize::from(u16::from_be_bytes(*len))),
            None => return false,
        },
        127 => match rest.first_chunk() {
            Some(len) => (14, u64::from_be_bytes(*len) as usize),
            None => return false,
        },
        len => (6, usize::from(len)),
    };
    bytes.len() >= header + len
}

pub fn embedded_server(io: MemIo, frame: usize) -> impl Peer {
    Embedded::new(io, embedded::WebSocketServer::new_server(), frame)
}

pub fn embedded_client(io: MemIo, frame: usize) -> impl Peer {
    Embedded::new(io, embedded::WebSocketClient::new_client(Rng(1)), frame)
}

impl<T: rand_core::RngCore, S: embedded::WebSocketType> Peer for Embedded<T, S> {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        for _ in 0..n {
            let (len, text) = self.next();
            if text {
                check_text(&self.to[..len]);
            }
            sink.message(&self.to[..len]);
        }
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        let kind = embedded::WebSocketSendMessageType::Binary;
        for _ in 0..n {
            let len = self
                .socket
                .write(kind, true, payload, &mut self.out)
                .unwrap();
            self.write(len);
        }
    }

    fn echo(&mut self, n: usize, _: usize) {
        for _ in 0..n {
            let (len, _) = self.next();
            let kind = embedded::WebSocketSendMessageType::Binary;
            let len = self
                .socket
                .write(kind, true, &self.to[..len], &mut self.out)
                .unwrap();
            self.write(len);
        }
    }
}
