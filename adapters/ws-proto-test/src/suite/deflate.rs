//! For the tests of permessage-deflate: a slow, strict inflater, and a driver.
#![allow(dead_code)]

use ws_proto::extension::deflate::{
    Deflate, DeflateDecoder, DeflateEncoder, DeflateParams, Inflated,
};
use ws_proto::frame::Header;
use ws_proto::{
    AssembleError, Assembler, Config, Connection, Event, Fin, Input, Message, Role, Server,
};

/// An encoder, for what it makes of a message without the header of the frame.
#[derive(Debug)]
pub struct Compressor {
    encoder: DeflateEncoder,
    connection: Connection<Server>,
}

impl Compressor {
    /// `encoder` has a threshold of 0 and context takeover, or it sends some messages as they are.
    pub fn new(encoder: DeflateEncoder) -> Self {
        let negotiated = DeflateParams::new().negotiated();
        Self {
            encoder,
            connection: Connection::server(negotiated, Config::new()),
        }
    }

    /// The payload for a part of a message of bytes.
    pub fn part(&mut self, data: &[u8], fin: Fin) -> Vec<u8> {
        let starts = !self.connection.is_message_open();
        let mut wire = Vec::new();
        self.encoder
            .send_binary_part(&mut self.connection, data, fin, &mut wire)
            .expect("room");
        let (_, header) = Header::parse(&wire).expect("a header").expect("all of it");
        assert_eq!(wire[0] & 0x40 != 0, starts, "compressed");
        wire.split_off(header)
    }
}

/// Inflates message after message as RFC 1951 and RFC 7692 say, with a window of exactly that size.
#[derive(Debug)]
pub struct Reference {
    window: usize,
    history: Vec<u8>,
    /// The longest distance seen.
    pub longest: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Corrupt(pub &'static str);

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Result<usize, Corrupt> {
        let byte = self.bytes.get(self.at / 8).ok_or(Corrupt("end of data"))?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Ok(bit.into())
    }

    fn bits(&mut self, n: usize) -> Result<usize, Corrupt> {
        (0..n).try_fold(0, |value, i| Ok(value | self.bit()? << i))
    }

    fn is_empty(&self) -> bool {
        self.at == self.bytes.len() * 8
    }
}

/// A canonical Huffman code, by lengths.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        for &length in lengths {
            counts[length] += 1;
        }
        counts[0] = 0;
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&s| lengths[s] != 0).collect();
        symbols.sort_by_key(|&s| (lengths[s], s));
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Result<usize, Corrupt> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for length in 1..16 {
            code |= bits.bit()?;
            let count = self.counts[length];
            if code < first + count {
                return Ok(self.symbols[index + code - first]);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Corrupt("no such code"))
    }
}

impl Reference {
    pub fn new(window_bits: u8) -> Self {
        Self {
            window: 1 << window_bits,
            history: Vec::new(),
            longest: 0,
        }
    }

    pub fn reset(&mut self) {
        self.history.clear();
    }

    pub fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, Corrupt> {
        let bytes = [payload, &[0, 0, 0xff, 0xff]].concat();
        let mut bits = Bits {
            bytes: &bytes,
            at: 0,
        };
        let from = self.history.len();
        while !bits.is_empty() {
            let last = bits.bit()? == 1;
            match bits.bits(2)? {
                0 => self.stored(&mut bits)?,
                1 => {
                    let lengths: Vec<usize> = (0..288)
                        .map(|s| match s {
                            0..=143 | 280..=287 => 8,
                            144..=255 => 9,
                            _ => 7,
                        })
                        .collect();
                    let lengths = lengths
                        .iter()
                        .enumerate()
                        .map(|(s, &l)| if s >= 280 { 8 } else { l })
                        .collect::<Vec<_>>();
                    self.codes(&mut bits, &Code::new(&lengths), &Code::new(&[5; 30]))?;
                }
                2 => self.dynamic(&mut bits)?,
                _ => return Err(Corrupt("block type")),
            }
            if last {
                bits.at = bits.at.next_multiple_of(8);
            }
        }
        let message = self.history[from..].to_vec();
        let keep = self.history.len().saturating_sub(self.window);
        self.history.drain(..keep);
        Ok(message)
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Result<(), Corrupt> {
        bits.at = bits.at.next_multiple_of(8);
        let length = bits.bits(16)?;
        if bits.bits(16)? != length ^ 0xffff {
            return Err(Corrupt("stored length"));
        }
        for _ in 0..length {
            let byte = bits.bits(8)?;
            self.history.push(byte as u8);
        }
        Ok(())
    }

    fn dynamic(&mut self, bits: &mut Bits<'_>) -> Result<(), Corrupt> {
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        let literals = bits.bits(5)? + 257;
        let distances = bits.bits(5)? + 1;
        let codes = bits.bits(4)? + 4;
        let mut lengths = [0; 19];
        for &at in &ORDER[..codes] {
            lengths[at] = bits.bits(3)?;
        }
        let code = Code::new(&lengths);
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match code.read(bits)? {
                16 => (
                    *lengths.last().ok_or(Corrupt("nothing to repeat"))?,
                    3 + bits.bits(2)?,
                ),
                17 => (0, 3 + bits.bits(3)?),
                18 => (0, 11 + bits.bits(7)?),
                length => (length, 1),
            };
            lengths.extend(core::iter::repeat_n(length, times));
        }
        if lengths.len() > literals + distances {
            return Err(Corrupt("too many lengths"));
        }
        let (literal, distance) = lengths.split_at(literals);
        self.codes(bits, &Code::new(literal), &Code::new(distance))
    }

    fn codes(&mut self, bits: &mut Bits<'_>, lit: &Code, dist: &Code) -> Result<(), Corrupt> {
        const LENGTHS: [usize; 29] = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
            115, 131, 163, 195, 227, 258,
        ];
        loop {
            let symbol = match lit.read(bits)? {
                literal @ 0..=255 => {
                    self.history.push(literal as u8);
                    continue;
                }
                256 => return Ok(()),
                symbol => symbol - 257,
            };
            let base = *LENGTHS.get(symbol).ok_or(Corrupt("length symbol"))?;
            let extra = match symbol {
                0..=7 | 28 => 0,
                _ => symbol / 4 - 1,
            };
            let length = base + bits.bits(extra)?;
            let symbol = dist.read(bits)?;
            let distance = match symbol {
                0..=3 => symbol + 1,
                4..=29 => {
                    let extra = symbol / 2 - 1;
                    ((2 + symbol % 2) << extra) + 1 + bits.bits(extra)?
                }
                _ => return Err(Corrupt("distance symbol")),
            };
            if distance > self.window || distance > self.history.len() {
                return Err(Corrupt("distance"));
            }
            self.longest = self.longest.max(distance);
            for _ in 0..length {
                self.history
                    .push(self.history[self.history.len() - distance]);
            }
        }
    }
}

/// What a connection tells, joined over its pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emitted {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close,
    Fail(u16),
}

pub fn fail(error: impl Into<AssembleError>) -> Emitted {
    Emitted::Fail(error.into().close_code().as_u16())
}

/// Receives the pieces with whole messages.
pub fn receive_whole<R: Role>(
    connection: &mut Connection<R>,
    decoder: DeflateDecoder,
    max_message: u64,
    pieces: &[&[u8]],
) -> Vec<Emitted> {
    let mut assembler = Assembler::with_extension(Vec::new(), max_message, decoder);
    let mut emitted = Vec::new();
    let mut out = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            let event = match connection.receive(&mut input, &mut out) {
                Ok(None) => break,
                Ok(Some(event)) => event,
                Err(error) => {
                    let code = error.close_code().expect("a `Vec` is never full");
                    emitted.push(Emitted::Fail(code.as_u16()));
                    return emitted;
                }
            };
            match control(connection, &event) {
                Some(control) => emitted.push(control),
                None => match assembler.push(event) {
                    Ok(None) => {}
                    Ok(Some(Message::Text(text))) => emitted.push(Emitted::Text(text.into())),
                    Ok(Some(Message::Binary(data))) => emitted.push(Emitted::Binary(data.into())),
                    Err(error) => {
                        emitted.push(fail(error));
                        return emitted;
                    }
                },
            }
        }
    }
    emitted
}

/// Receives the pieces with messages inflated piece by piece.
pub fn receive_streaming<R: Role>(
    connection: &mut Connection<R>,
    decoder: &mut DeflateDecoder,
    pieces: &[&[u8]],
) -> Vec<Emitted> {
    let mut emitted = Vec::new();
    let mut out = Vec::new();
    let (mut text, mut binary) = (String::new(), Vec::new());
    let mut open = false;
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            let event = match connection.receive(&mut input, &mut out) {
                Ok(None) => break,
                Ok(Some(event)) => event,
                Err(error) => {
                    let code = error.close_code().expect("a `Vec` is never full");
                    emitted.push(Emitted::Fail(code.as_u16()));
                    return emitted;
                }
            };
            if let Some(control) = control(connection, &event) {
                emitted.push(control);
                continue;
            }
            let mut take = |inflated: Inflated<'_>| {
                let (first, last) = match inflated {
                    Inflated::Text(piece) => {
                        text.extend(piece.head);
                        text.push_str(piece.body);
                        (piece.first, piece.last)
                    }
                    Inflated::Binary { data, first, last } => {
                        binary.extend_from_slice(data);
                        (first, last)
                    }
                };
                assert_eq!(first, !open, "the first piece, and no other, is the first");
                open = !last;
                if last {
                    emitted.push(match inflated {
                        Inflated::Text(_) => Emitted::Text(core::mem::take(&mut text)),
                        Inflated::Binary { .. } => Emitted::Binary(core::mem::take(&mut binary)),
                    });
                }
            };
            match event {
                Event::Text(text) => take(Inflated::Text(text)),
                Event::Binary(binary) => take(Inflated::Binary {
                    data: binary.data,
                    first: binary.first,
                    last: binary.last,
                }),
                Event::Extended(extended) => {
                    let mut inflating = decoder.inflate(extended);
                    loop {
                        match inflating.next_piece() {
                            Ok(Some(piece)) => take(piece),
                            Ok(None) => break,
                            Err(error) => {
                                emitted.push(fail(error));
                                return emitted;
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }
    emitted
}

fn control<R: Role>(connection: &Connection<R>, event: &Event<'_>) -> Option<Emitted> {
    Some(match event {
        Event::Ping => Emitted::Ping(connection.control_payload().into()),
        Event::Pong => Emitted::Pong(connection.control_payload().into()),
        Event::Close(_) => Emitted::Close,
        _ => return None,
    })
}

/// The two codecs of a server and of a client.
pub fn decoder(server: bool, deflate: &Deflate, params: DeflateParams) -> DeflateDecoder {
    if server {
        deflate.server(params).1
    } else {
        deflate.client(params).1
    }
}

/// Receives as a server or as a client, whole and piece by piece, and wants the same of both.
pub fn receive(
    server: bool,
    params: DeflateParams,
    max_message: u64,
    max_piece: usize,
    pieces: &[&[u8]],
) -> Vec<Emitted> {
    let config = Config::new().max_message(max_message);
    let deflate = Deflate::new();
    let negotiated = params.negotiated();
    let whole = decoder(server, &deflate, params);
    let mut streaming = decoder(server, &deflate, params)
        .max_message(max_message)
        .max_piece(max_piece);
    let keys = || [1, 2, 3, 4];
    let (whole, streaming) = if server {
        (
            receive_whole(
                &mut Connection::server(negotiated, config),
                whole,
                max_message,
                pieces,
            ),
            receive_streaming(
                &mut Connection::server(negotiated, config),
                &mut streaming,
                pieces,
            ),
        )
    } else {
        (
            receive_whole(
                &mut Connection::client(negotiated, config, keys),
                whole,
                max_message,
                pieces,
            ),
            receive_streaming(
                &mut Connection::client(negotiated, config, keys),
                &mut streaming,
                pieces,
            ),
        )
    };
    assert_eq!(whole, streaming, "whole messages and pieces differ");
    whole
}

/// An unmasked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(len as u8),
        len @ 126..=0xffff => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// The payload of each frame in unmasked output, with its first byte.
pub fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (len, rest) = match second {
            126 => (
                u16::from_be_bytes(rest[..2].try_into().unwrap()).into(),
                &rest[2..],
            ),
            127 => (
                u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize,
                &rest[8..],
            ),
            len => (usize::from(*len), rest),
        };
        frames.push((*first, rest[..len].to_vec()));
        bytes = &rest[len..];
    }
    frames
}
