//! The client's handshake over a blocking stream.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::io::{Read, Write};

use super::error::{Error, Refused};
use super::now;
use super::stream::{Got, ReadOnce, write_all};
use crate::buf::Storage;
use crate::connection::{Client, Config, MaskSource};
#[cfg(feature = "deflate")]
use crate::extension::deflate::Deflate;
use crate::handshake::{ClientHandshake, ClientRequest, Established, HandshakeError, Limits};
use crate::socket::WebSocket;

/// Asks a server for a WebSocket connection, with randomness from the operating system.
///
/// # Errors
///
/// [`Error`]; [`Error::Refused`] has the response of a server that answered with another status
/// than 101.
///
/// ```no_run
/// use ws_proto::handshake::ClientRequest;
/// use ws_proto::{CloseCode, CloseReason, Config, Uri, io};
///
/// let mut stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
/// let request = ClientRequest::from_uri(Uri::parse("ws://127.0.0.1:9001/")?);
/// let mut client = io::connect(&mut stream, request, Config::new())?.websocket;
/// client.sender().text("hello")?;
/// while client.exchange(&mut stream)? {
///     while let Some((message, mut reply)) = client.next_message()? {
///         println!("{message:?}");
///         reply.close(CloseCode::NORMAL, CloseReason::EMPTY)?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "getrandom")]
pub fn connect<S: Read + Write>(
    stream: &mut S,
    request: ClientRequest<'_>,
    config: Config,
) -> Result<Connected<crate::OsRandom>, Error> {
    let nonce = crate::OsRandom::nonce().ok_or(Error::NoRandomness)?;
    connect_with(
        stream,
        request,
        nonce,
        crate::OsRandom::new(),
        config,
        Limits::new(),
    )
}

/// As [`connect`], with permessage-deflate if the server agrees to it. It is the only extension that
/// is offered.
///
/// # Errors
///
/// As [`connect`].
#[cfg(all(feature = "deflate", feature = "getrandom"))]
pub fn connect_deflate<S: Read + Write>(
    stream: &mut S,
    request: ClientRequest<'_>,
    config: Config,
    deflate: &Deflate,
) -> Result<Connected<crate::OsRandom>, Error> {
    let nonce = crate::OsRandom::nonce().ok_or(Error::NoRandomness)?;
    let keys = crate::OsRandom::new();
    connect_deflate_with(stream, request, nonce, keys, config, Limits::new(), deflate)
}

/// As [`connect_with`], with permessage-deflate if the server agrees to it. It is the only
/// extension that is offered.
///
/// # Errors
///
/// As [`connect_with`].
#[cfg(feature = "deflate")]
pub fn connect_deflate_with<S: Read + Write, M: MaskSource>(
    stream: &mut S,
    request: ClientRequest<'_>,
    nonce: [u8; 16],
    keys: M,
    config: Config,
    limits: Limits,
    deflate: &Deflate,
) -> Result<Connected<M>, Error> {
    let offer = deflate.offer();
    let extensions = [offer.extension()];
    let request = request.extensions(&extensions);
    let mut agreed = None;
    let look = |established: &Established<'_>| {
        agreed = deflate.answered(established.extensions())?;
        Ok(())
    };
    let mut connected = connect_looking(stream, request, nonce, keys, config, limits, look)?;
    if let Some(params) = agreed {
        connected.websocket = connected.websocket.with_deflate(deflate, params);
    }
    Ok(connected)
}

/// Asks a server for a WebSocket connection, with randomness of the caller's.
///
/// # Errors
///
/// [`Error`]; [`Error::Refused`] has the response of a server that answered with another status
/// than 101.
pub fn connect_with<S: Read + Write, M: MaskSource>(
    stream: &mut S,
    request: ClientRequest<'_>,
    nonce: [u8; 16],
    keys: M,
    config: Config,
    limits: Limits,
) -> Result<Connected<M>, Error> {
    connect_looking(stream, request, nonce, keys, config, limits, |_| Ok(()))
}

/// As [`connect_with`], with a look at the answer.
fn connect_looking<S: Read + Write, M: MaskSource>(
    stream: &mut S,
    request: ClientRequest<'_>,
    nonce: [u8; 16],
    keys: M,
    config: Config,
    limits: Limits,
    look: impl FnOnce(&Established<'_>) -> Result<(), HandshakeError>,
) -> Result<Connected<M>, Error> {
    let mut out = Vec::new();
    let mut handshake = ClientHandshake::start(request, nonce, Vec::new(), limits, &mut out)?;
    write_all(stream, &out)?;
    let mut read = ReadOnce::new();
    loop {
        let got = read
            .from(stream)
            .map_err(|error| failed(&handshake, error))?;
        let received = match got {
            Got::Bytes(mut input) => match handshake.receive(&mut input) {
                Ok(Some(established)) => {
                    look(&established)?;
                    let subprotocol = established.subprotocol().map(ToString::to_string);
                    let negotiated = established.negotiated();
                    let websocket = WebSocket::client(negotiated, config, keys);
                    return Ok(Connected {
                        websocket: websocket.with_input(&mut input),
                        subprotocol,
                    });
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            },
            Got::Eof => handshake.receive_eof(),
            Got::Nothing => Ok(()),
        };
        let ticked = handshake.tick(now());
        received.map_err(|error| failed(&handshake, error))?;
        ticked.map_err(|error| failed(&handshake, error))?;
    }
}

/// A refusal tells more than the way in which its body ended.
fn failed<S: Storage>(handshake: &ClientHandshake<S>, error: impl Into<Error>) -> Error {
    match handshake.refusal() {
        Some(refusal) => Error::Refused(Box::new(Refused::of(&refusal))),
        None => error.into(),
    }
}

/// What [`connect_with`] gives.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connected<M: MaskSource> {
    /// The connection.
    pub websocket: WebSocket<Client<M>>,
    /// The subprotocol that the server chose, one of those offered.
    pub subprotocol: Option<String>,
}
