//! What one end has received, once more and cut in other ways: the messages and the first fault
//! have to be the same.

use ws_proto::{
    Assembler, CloseCode, Connection, Input, Kind, Message, ProtocolError, ReceiveError, Role,
    WebSocketError,
};

use crate::session::Setup;

/// Longer input is not cut into single bytes: that takes the fuzzer's time.
const MOST_SINGLE: usize = 1 << 14;

/// What an end of a session with compression has received.
#[derive(Debug, PartialEq, Eq)]
pub struct Emitted {
    pub messages: Vec<(Kind, Vec<u8>)>,
    /// The close code for the first fault.
    pub fault: Option<u16>,
}

/// Compares with the output for the same bytes in one piece, in pieces of a few bytes and in
/// single bytes, put together by an `Assembler`. If the end `waits` for the rest of a frame, it has not looked at
/// the received part of it, where a fault may lie.
pub fn check(setup: Setup, client: bool, received: &[u8], emitted: &Emitted, waits: bool) {
    let single = if received.len() > MOST_SINGLE { 509 } else { 1 };
    for size in [usize::MAX, 7, single] {
        let mut again = receive(setup, client, received, size);
        if waits {
            again.fault = emitted.fault;
        }
        assert_eq!(&again, emitted, "in pieces of {size} bytes");
    }
}

/// The fault of the peer's: the output is endless.
fn endless(error: ReceiveError) -> ProtocolError {
    error.protocol().expect("a `Vec` is never full")
}

fn receive(setup: Setup, client: bool, bytes: &[u8], size: usize) -> Emitted {
    let (negotiated, config) = (setup.negotiated(), setup.config(client));
    if client {
        let connection = Connection::client(negotiated, config, || [0; 4]);
        drive(connection, setup, client, bytes, size)
    } else {
        let connection = Connection::server(negotiated, config);
        drive(connection, setup, client, bytes, size)
    }
}

fn drive<R: Role>(
    mut connection: Connection<R>,
    setup: Setup,
    client: bool,
    bytes: &[u8],
    size: usize,
) -> Emitted {
    let compression = setup.compression.expect("agreed on");
    let (deflate, params) = (compression.deflate(), compression.params());
    let (_, decoder) = if client {
        deflate.client(params)
    } else {
        deflate.server(params)
    };
    let most = setup.config(client).get_max_message();
    let mut assembler = Assembler::with_extension(Vec::new(), most, decoder);
    let mut messages = Vec::new();
    let mut take = |piece: &mut [u8]| -> Result<(), WebSocketError> {
        let mut input = Input::new(piece);
        while let Some(event) = connection
            .receive(&mut input, &mut Vec::new())
            .map_err(endless)?
        {
            match assembler.push(event)? {
                Some(Message::Text(text)) => messages.push((Kind::Text, text.into())),
                Some(Message::Binary(data)) => messages.push((Kind::Binary, data.into())),
                None => {}
            }
        }
        Ok(())
    };
    let fault = bytes
        .to_vec()
        .chunks_mut(size)
        .find_map(|piece| take(piece).err());
    Emitted {
        messages,
        fault: fault
            .and_then(WebSocketError::close_code)
            .map(CloseCode::as_u16),
    }
}
