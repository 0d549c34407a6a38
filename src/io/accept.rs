//! The server's handshake over a blocking stream.

use alloc::vec::Vec;
use std::io::{Read, Write};

use super::error::Error;
use super::now;
use super::stream::{Got, ReadOnce, write_all};
use crate::buf::Input;
use crate::connection::{Config, Server};
#[cfg(feature = "deflate")]
use crate::extension::deflate::{Deflate, DeflateElement};
use crate::handshake::{
    Accept, HeadError, Incoming, Limits, Negotiated, OriginPolicy, PlainResponse, ServerHandshake,
    Upgrade,
};
use crate::socket::WebSocket;

/// Answers a client's handshake: accepts every request of the same origin or of no browser, without
/// subprotocol or extension. For anything else there is [`accept_with`].
///
/// # Errors
///
/// [`Error`]; a refusal has been written.
pub fn accept<S: Read + Write>(stream: &mut S, config: Config) -> Result<WebSocket<Server>, Error> {
    accept_with(stream, config, Limits::new(), |upgrade, out| {
        if OriginPolicy::same_host().allows(&upgrade) {
            upgrade.accept(&Accept::new(), out).map(Some)
        } else {
            upgrade.reject(&PlainResponse::new(403), out).map(|()| None)
        }
    })
}

/// As [`accept`], with permessage-deflate if the client offers it.
///
/// For one's own decision there is [`accept_with`]: what [`Deflate::accept`] gives goes into the
/// answer, and its parameters into [`WebSocket::with_deflate`].
///
/// # Errors
///
/// As [`accept`].
///
/// [`Deflate::accept`]: crate::extension::deflate::Deflate::accept
#[cfg(feature = "deflate")]
pub fn accept_deflate<S: Read + Write>(
    stream: &mut S,
    config: Config,
    deflate: &Deflate,
) -> Result<WebSocket<Server>, Error> {
    let mut agreed = None;
    let websocket = accept_with(stream, config, Limits::new(), |upgrade, out| {
        if !OriginPolicy::same_host().allows(&upgrade) {
            return upgrade.reject(&PlainResponse::new(403), out).map(|()| None);
        }
        let answer = deflate.accept(upgrade.extensions());
        agreed = answer.map(|answer| answer.params());
        let extension = answer.as_ref().map(DeflateElement::extension);
        let accept = Accept::new().extensions(extension.as_slice());
        upgrade.accept(&accept, out).map(Some)
    })?;
    Ok(match agreed {
        Some(params) => websocket.with_deflate(deflate, params),
        None => websocket,
    })
}

/// Answers a client's handshake as `decide` says: it looks at the request and accepts or rejects
/// it, into the output it is given. What it gives has to be what it wrote: the value of
/// [`Upgrade::accept`], or `None` after [`Upgrade::reject`].
///
/// # Errors
///
/// [`Error`]; a refusal has been written. [`Error::Rejected`] if `decide` gave `None`.
///
/// ```no_run
/// use ws_proto::handshake::{Accept, Limits, PlainResponse};
/// use ws_proto::{Config, io};
///
/// # let mut stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
/// let server = io::accept_with(&mut stream, Config::new(), Limits::new(), |upgrade, out| {
///     match upgrade.choose_subprotocol(&["chat"]) {
///         Some(chat) => upgrade.accept(&Accept::new().subprotocol(chat), out).map(Some),
///         None => upgrade.reject(&PlainResponse::new(400).body(b"speak chat"), out).map(|()| None),
///     }
/// })?;
/// # let _ = server;
/// # Ok::<(), io::Error>(())
/// ```
pub fn accept_with<S, F>(
    stream: &mut S,
    config: Config,
    limits: Limits,
    decide: F,
) -> Result<WebSocket<Server>, Error>
where
    S: Read + Write,
    F: FnOnce(Upgrade<'_>, &mut Vec<u8>) -> Result<Option<Negotiated>, HeadError>,
{
    accept_any(stream, config, limits, |incoming, out| match incoming {
        Incoming::Upgrade(upgrade) => decide(upgrade, out),
        Incoming::Plain(plain) => plain.refuse(out).map(|_| None),
    })
}

/// As [`accept_with`], for a server that answers plain requests of HTTP on the same port:
/// [`Error::Rejected`] then says that the stream is done with.
///
/// # Errors
///
/// As [`accept_with`].
pub fn accept_any<S, F>(
    stream: &mut S,
    config: Config,
    limits: Limits,
    decide: F,
) -> Result<WebSocket<Server>, Error>
where
    S: Read + Write,
    F: FnOnce(Incoming<'_>, &mut Vec<u8>) -> Result<Option<Negotiated>, HeadError>,
{
    let mut handshake = ServerHandshake::new(Vec::new(), limits);
    let mut out = Vec::new();
    let mut read = ReadOnce::new();
    loop {
        let received = match read.from(stream)? {
            Got::Bytes(mut input) => match handshake.receive_any(&mut input, &mut out) {
                Ok(Some(incoming)) => {
                    let decided = decide(incoming, &mut out);
                    if decided.is_err() {
                        refuse(&mut handshake, &mut out);
                    }
                    write_all(stream, &out)?;
                    let Some(negotiated) = decided? else {
                        handshake.receive_eof()?;
                        return Err(Error::Rejected);
                    };
                    return Ok(WebSocket::server(negotiated, config).with_input(&mut input));
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Got::Eof => handshake.receive_eof().map_err(Error::from),
            Got::Nothing => Ok(()),
        };
        let ticked = handshake.tick(now(), &mut out);
        write_all(stream, &out)?;
        received?;
        ticked?;
    }
}

/// The peer is owed an answer, whatever the caller of [`accept_any`] got wrong.
fn refuse(handshake: &mut ServerHandshake<Vec<u8>>, out: &mut Vec<u8>) {
    let _ = match handshake.upgrade() {
        Some(upgrade) => upgrade.reject(&PlainResponse::new(500), out),
        None => handshake
            .receive(&mut Input::default(), out)
            .map_or(Ok(()), |_| Ok(())),
    };
}
