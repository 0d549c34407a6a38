//! ws-proto, and the floor.

use std::io::{IoSlice, Read, Write};

use bytes::Bytes;
use ws_proto::frame::MAX_HEADER;
use ws_proto::{
    Assembler, Client, Config, Connection, Event, FixedBuf, Input, Limited, MaskSource, Message,
    MessageBuf, Negotiated, Role, Server, VectoredSend, WebSocket,
};

use crate::floor;
use crate::io::MemIo;
use crate::peer::{Peer, Sink};
use crate::wire::{READ, xorshift};

/// A generator such as the contenders have by default where it is a cheap one (fastrand, xorshift).
pub struct Keys(u64);

impl Keys {
    pub const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl MaskSource for Keys {
    #[inline]
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        Some((xorshift(&mut self.0) as u32).to_ne_bytes())
    }
}

/// Frames from here on are read until they are there as a whole, so that they need not be copied.
const WHOLE: usize = 1 << 10;
/// What the read buffer may grow to for that.
const MOST: usize = 2 << 20;

/// `Connection` with a read buffer, an `Assembler` for messages that it does not hold as a whole, and a `Limited`
/// output.
pub struct Core<R> {
    io: MemIo,
    connection: Connection<R>,
    assembler: Assembler<MessageBuf>,
    read: Vec<u8>,
    start: usize,
    end: usize,
    missing: usize,
    out: Limited,
}

impl<R: Role> Core<R> {
    fn new(io: MemIo, connection: Connection<R>) -> Self {
        let assembler = Assembler::new(MessageBuf::new(), 16 << 20);
        Self {
            io,
            connection,
            assembler,
            read: vec![0; READ],
            start: 0,
            end: 0,
            missing: 0,
            out: Limited::new(16 << 20),
        }
    }

    /// Reads once. What is left is the start of a frame that is waited for.
    fn read(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let n = if self.missing > 0 { self.missing } else { READ };
        if self.read.len() - self.end < n {
            self.read.resize(self.end + n, 0);
        }
        self.end += self
            .io
            .read(&mut self.read[self.end..self.end + n])
            .unwrap();
    }

    /// How many messages came of that; `each` is given them.
    fn messages(
        &mut self,
        mut each: impl FnMut(&mut Connection<R>, &mut Limited, Message<'_>),
    ) -> usize {
        let (connection, out) = (&mut self.connection, &mut self.out);
        let mut input = Input::new(&mut self.read[self.start..self.end]);
        let mut seen = 0;
        loop {
            self.missing = connection.frame_missing(input.bytes(), WHOLE, MOST);
            if self.missing > 0 {
                break;
            }
            let Some(event) = connection.receive(&mut input, out).unwrap() else {
                break;
            };
            if let Some(message) = self.assembler.push(event).unwrap() {
                each(connection, out, message);
                seen += 1;
            }
        }
        self.start = self.end - input.len();
        seen
    }
}

impl Core<Server> {
    pub fn server(io: MemIo) -> Self {
        Self::new(io, Connection::server(Negotiated::new(), Config::new()))
    }
}

impl Core<Client<Keys>> {
    pub fn client(io: MemIo) -> Self {
        Self::new(
            io,
            Connection::client(Negotiated::new(), Config::new(), Keys::new()),
        )
    }
}

impl<R> Core<R> {
    fn write(&mut self) {
        let n = self.io.write(self.out.pending()).unwrap();
        self.out.consume(n);
    }
}

impl<R: Role> Peer for Core<R> {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        let mut seen = 0;
        while seen < n {
            self.read();
            seen += self.messages(|_, _, message| sink.message(message.as_bytes()));
        }
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        for _ in 0..n {
            self.connection.send_binary(payload, &mut self.out).unwrap();
            self.write();
        }
    }

    fn echo(&mut self, n: usize, _: usize) {
        let mut seen = 0;
        while seen < n {
            self.read();
            seen += self.messages(|connection, out, message| {
                connection.send_binary(message.as_bytes(), out).unwrap();
            });
            self.write();
        }
    }
}

/// `Connection`, the pieces handed out as they come; sends without copying.
pub struct Pieces<R> {
    io: MemIo,
    connection: Connection<R>,
    read: Box<[u8]>,
    head: FixedBuf<160>,
    scratch: Vec<u8>,
}

impl<R: Role> Pieces<R> {
    fn new(io: MemIo, connection: Connection<R>) -> Self {
        let (head, scratch) = (FixedBuf::new(), Vec::new());
        Self {
            io,
            connection,
            read: vec![0; READ].into(),
            head,
            scratch,
        }
    }

    fn take(&mut self, n: usize, sink: &mut impl Sink) {
        let mut seen = 0;
        while seen < n {
            let len = self.io.read(&mut self.read).unwrap();
            let mut input = Input::new(&mut self.read[..len]);
            while let Some(event) = self.connection.receive(&mut input, &mut self.head).unwrap() {
                match event {
                    Event::Text(text) => {
                        if let Some(head) = text.head {
                            sink.message(head.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                        sink.message(text.body.as_bytes());
                        seen += usize::from(text.last);
                    }
                    Event::Binary(binary) => {
                        sink.message(binary.data);
                        seen += usize::from(binary.last);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

impl Pieces<Server> {
    pub fn server(io: MemIo) -> Self {
        Self::new(io, Connection::server(Negotiated::new(), Config::new()))
    }
}

impl Pieces<Client<Keys>> {
    pub fn client(io: MemIo) -> Self {
        Self::new(
            io,
            Connection::client(Negotiated::new(), Config::new(), Keys::new()),
        )
    }
}

#[inline(always)]
fn write_both(io: &mut MemIo, head: &FixedBuf<MAX_HEADER>, payload: &[u8]) {
    let slices = [IoSlice::new(head.pending()), IoSlice::new(payload)];
    let written = io.write_vectored(&slices).unwrap();
    assert_eq!(written, head.pending().len() + payload.len());
}

impl Peer for Pieces<Server> {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        self.take(n, sink);
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        for _ in 0..n {
            let mut head = FixedBuf::new();
            let data = self.connection.frame_binary(payload, &mut head).unwrap();
            write_both(&mut self.io, &head, data);
        }
    }

    fn echo(&mut self, _: usize, _: usize) {
        unreachable!("echoes whole messages");
    }
}

impl Peer for Pieces<Client<Keys>> {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        self.take(n, sink);
    }

    /// Masks the caller's buffer, which is made anew if that has to be kept: once, out of the loop.
    fn send(&mut self, n: usize, payload: &Bytes) {
        if self.scratch.is_empty() {
            self.scratch.extend_from_slice(payload);
        }
        for _ in 0..n {
            let mut head = FixedBuf::new();
            let data = self
                .connection
                .frame_binary(&mut self.scratch, &mut head)
                .unwrap();
            write_both(&mut self.io, &head, data);
        }
    }

    fn echo(&mut self, _: usize, _: usize) {
        unreachable!("echoes whole messages");
    }
}

/// Messages from here on are lent for a write of their own, smaller ones are written several at a time.
const LENT: usize = 4 << 10;

/// `WebSocket`, the easy type. A server's messages are lent, and so not copied; of the echo, those of 4 KiB
/// and more.
pub struct Easy<R: Role> {
    io: MemIo,
    socket: WebSocket<R>,
    /// A client has to copy, to mask.
    copies: bool,
}

impl Easy<Server> {
    pub fn server(io: MemIo) -> Self {
        let socket = WebSocket::server(Negotiated::new(), Config::new());
        Self::with(io, socket.with_read_size(READ))
    }

    pub fn with(io: MemIo, socket: WebSocket<Server>) -> Self {
        Self {
            io,
            socket,
            copies: false,
        }
    }
}

impl Easy<Client<Keys>> {
    pub fn client(io: MemIo) -> Self {
        Self {
            io,
            socket: WebSocket::client(Negotiated::new(), Config::new(), Keys::new())
                .with_read_size(READ),
            copies: true,
        }
    }
}

impl<R: Role> Easy<R> {
    fn read(&mut self) {
        let n = self.socket.read_hint();
        let len = self.io.read(&mut self.socket.read_buf(n)[..n]).unwrap();
        self.socket.advance(len);
    }

    fn write(&mut self) {
        let n = self.io.write(self.socket.pending()).unwrap();
        self.socket.consume(n);
    }
}

#[inline(always)]
fn write_lent<R: Role>(io: &mut MemIo, lent: VectoredSend<'_, R>) {
    let n = io.write_vectored(&lent.slices().map(IoSlice::new)).unwrap();
    lent.consume(n);
}

impl<R: Role> Peer for Easy<R> {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        let mut seen = 0;
        while seen < n {
            self.read();
            while let Some((message, _)) = self.socket.next_message().unwrap() {
                sink.message(message.as_bytes());
                seen += 1;
            }
        }
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        for _ in 0..n {
            if self.copies {
                self.socket.sender().send_binary(payload).unwrap();
                self.write();
            } else {
                let lent = self.socket.sender().send_vectored(Message::Binary(payload));
                write_lent(&mut self.io, lent.unwrap());
            }
        }
    }

    fn echo(&mut self, n: usize, _: usize) {
        let mut seen = 0;
        while seen < n {
            self.read();
            while let Some((message, mut reply)) = self.socket.next_message().unwrap() {
                if message.as_bytes().len() < LENT {
                    reply.send(message).unwrap();
                } else {
                    write_lent(&mut self.io, reply.send_vectored(message).unwrap());
                }
                seen += 1;
            }
            self.write();
        }
    }
}

/// The floor over a buffer that holds the biggest frame. It knows how long frames are: of long ones
/// each read brings one, so that nothing is moved and the buffer stays in the cache.
pub struct Floor {
    io: MemIo,
    most: usize,
    read: Vec<u8>,
    start: usize,
    end: usize,
    out: Vec<u8>,
    keys: Keys,
    client: bool,
}

impl Floor {
    pub fn server(io: MemIo, frame: usize) -> Self {
        let header = if frame > 0xffff { 14 } else { 8 };
        let most = if frame > READ / 4 {
            frame + header
        } else {
            READ
        };
        let read = vec![0; most];
        Self {
            io,
            most,
            read,
            start: 0,
            end: 0,
            out: Vec::new(),
            keys: Keys::new(),
            client: false,
        }
    }

    pub fn client(io: MemIo, frame: usize) -> Self {
        Self {
            client: true,
            ..Self::server(io, frame)
        }
    }

    fn each(
        &mut self,
        n: usize,
        mut each: impl FnMut(&mut Vec<u8>, u8, &[u8]),
        mut done: impl FnMut(&mut MemIo, &mut Vec<u8>),
    ) {
        let mut seen = 0;
        while seen < n {
            if self.start > 0 {
                self.read.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            self.end += self.io.read(&mut self.read[self.end..self.most]).unwrap();
            while let Some((first, payload, len)) =
                floor::receive(&mut self.read[self.start..self.end], |text| {
                    simdutf8::basic::from_utf8(text).is_ok()
                })
            {
                each(&mut self.out, first, payload);
                seen += 1;
                self.start += len;
            }
            done(&mut self.io, &mut self.out);
        }
    }
}

impl Peer for Floor {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        self.each(n, |_, _, payload| sink.message(payload), |_, _| {});
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        for _ in 0..n {
            if self.client {
                let key = self.keys.mask_key().unwrap();
                floor::send_masked(&mut self.out, 0x82, payload, key);
                self.io.write_all(&self.out).unwrap();
                self.out.clear();
            } else {
                let mut head = [0; 14];
                let len = floor::header(&mut head, 0x82, 0, payload.len());
                let slices = [IoSlice::new(&head[..len]), IoSlice::new(payload)];
                let written = self.io.write_vectored(&slices).unwrap();
                assert_eq!(written, len + payload.len());
            }
        }
    }

    fn echo(&mut self, n: usize, _: usize) {
        self.each(n, floor::send, |io, out| {
            io.write_all(out).unwrap();
            out.clear();
        });
    }
}
