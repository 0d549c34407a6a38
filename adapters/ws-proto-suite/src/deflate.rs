//! For the tests of permessage-deflate: a slow, strict inflater, and a driver.
#![allow(dead_code)]

pub use ws_proto_test::inflate::{Corrupt, Inflater as Reference};

use ws_proto::extension::deflate::{
    Deflate, DeflateDecoder, DeflateEncoder, DeflateParams, Inflated,
};
use ws_proto::frame::Header;
use ws_proto::{
    AssembleError, Assembler, Config, Connection, Event, Fin, Input, Message, Role, Server,
};

/// An encoder, for its output for a message without the header of the frame.
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

/// The events of a connection, joined over its pieces.
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
        .with_max_message(max_message)
        .with_max_piece(max_piece);
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
