//! One peer of the room, from its handshake to its end.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use ws_proto_tokio::rustls::ServerConfig;
use ws_proto_tokio::{
    Accept, AcceptError, CloseCode, ControlPayload, Deflate, Error, Event, OriginFault,
    OriginPolicy, PlainResponse, Request, WebSocket, read_request,
};

use super::GOODBYE;
use super::door::{Arrival, Stream};
use super::room::{Inbox, Outgoing, Room, TooSlow};
use crate::args::Args;
use crate::connect::options;
use crate::ending::{Close, breaking_words, closing_words, going_away};
use crate::kit::Recordings;
use crate::notices::Notices;
use crate::pings::Pings;
use crate::print::{Print, Sent, pong_words, shows_pongs};
use crate::shown::{escape, escape_bytes};

/// What peers do.
#[derive(Debug)]
pub(super) enum News {
    Print(Print),
    Left,
}

/// What all peers have in common.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) args: Arc<Args>,
    pub(super) room: Arc<Room>,
    /// How it ends for everybody, once it does.
    pub(super) ending: watch::Receiver<Option<Close>>,
    pub(super) news: mpsc::Sender<News>,
    pub(super) notices: Notices,
    pub(super) recordings: Recordings,
    /// If peers come by TLS.
    pub(super) tls: Option<Arc<ServerConfig>>,
}

/// Why a peer has gone.
enum Gone {
    /// The connection has ended.
    Ended(Result<(), Error>),
    TooSlow,
}

pub(super) async fn meet(door: Arc<Door>, arrival: Arrival, number: usize) {
    let notices = door.notices;
    let Arrival { stream, is_local } = arrival;
    let stream = match &door.tls {
        None => stream,
        Some(config) => match timeout(door.args.timeout, secured(config, stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let error = escape(&error.to_string()).into_owned();
                return notices.say(format_args!("no connection: TLS failed: {error}"));
            }
            Err(_) => {
                let words = "no connection: TLS was not established in time";
                return notices.say(words);
            }
        },
    };
    let stream: Stream = Box::new(door.recordings.stream(stream));
    let mut socket = match answer(&door.args, stream, is_local).await {
        Ok(Answer::Accepted(socket)) => *socket,
        Ok(Answer::OtherSite(origin)) => {
            let words = refused_words(&origin);
            return notices.warn(format_args!("a page of another site was refused: {words}"));
        }
        Err(error) => {
            let error = escape(&error.to_string()).into_owned();
            return notices.say(format_args!("no connection: {error}"));
        }
    };
    notices.say(format_args!("peer {number} has come"));
    let (inbox, too_slow) = door.room.join(number);
    let peer = Peer {
        door: &door,
        number,
        pings: Pings::default(),
    };
    match peer.talk(&mut socket, inbox, too_slow).await {
        Gone::TooSlow => {
            let lag = indicatif::BinaryBytes(door.args.max_lag);
            notices.warn(format_args!(
                "peer {number} is too slow and is let go: more than {lag} waits for it, see --max-lag"
            ));
            // It may read its messages so far, and the Close after it.
            let closed = socket.close(CloseCode::POLICY_VIOLATION, "too slow");
            let _ = timeout(GOODBYE, closed).await;
        }
        Gone::Ended(Err(error)) => {
            let words = breaking_words(&error, socket.refused_len(), &door.args);
            notices.say(format_args!("peer {number} is lost: {words}"));
        }
        Gone::Ended(Ok(())) => match socket.closed() {
            Some(closed) => {
                let words = closing_words(&closed);
                notices.say(format_args!("peer {number} has left with {words}"));
            }
            None => notices.say(format_args!("peer {number} has left")),
        },
    }
    if let Some(closed) = socket.closed() {
        peer.report(Print::Close(Some(number), closed)).await;
    }
    let _ = door.news.send(News::Left).await;
}

async fn secured(config: &Arc<ServerConfig>, stream: Stream) -> io::Result<Stream> {
    let acceptor = TlsAcceptor::from(Arc::clone(config));
    Ok(Box::new(acceptor.accept(stream).await?))
}

/// A peer whose connection is open.
struct Peer<'d> {
    door: &'d Door,
    number: usize,
    pings: Pings,
}

impl Peer<'_> {
    async fn talk(
        &self,
        socket: &mut WebSocket<Stream>,
        mut inbox: Inbox,
        mut too_slow: TooSlow,
    ) -> Gone {
        let mut ending = self.door.ending.clone();
        loop {
            let goes_on = tokio::select! {
                biased;
                _ = ending.wait_for(Option::is_some) => None,
                () = too_slow.wait() => return Gone::TooSlow,
                turn = self.turn(socket, &mut inbox) => Some(turn),
            };
            match goes_on {
                Some(Ok(true)) => {}
                Some(Ok(false)) => return Gone::Ended(Ok(())),
                Some(Err(error)) => return Gone::Ended(Err(error)),
                None => {
                    let close = ending.borrow().clone();
                    let (code, reason) = close.unwrap_or_else(going_away);
                    return Gone::Ended(socket.close(code, &reason).await);
                }
            }
        }
    }

    /// One thing sent or received; whether there is more to come.
    async fn turn(&self, socket: &mut WebSocket<Stream>, inbox: &mut Inbox) -> Result<bool, Error> {
        tokio::select! {
            outgoing = inbox.next() => {
                let sent = self.send(socket, &outgoing).await;
                inbox.done(&outgoing);
                sent.map(|()| true)
            }
            event = socket.next_event() => match event {
                None => Ok(false),
                Some(event) => {
                    self.received(socket, event?).await?;
                    Ok(true)
                }
            },
        }
    }

    async fn send(&self, socket: &mut WebSocket<Stream>, outgoing: &Outgoing) -> Result<(), Error> {
        match outgoing {
            Outgoing::Message(message) => socket.send(message.clone()).await,
            Outgoing::Ping(payload) => {
                self.pings.sent(payload);
                let payload = ControlPayload::new(payload).unwrap_or_default();
                socket.ping(payload).await
            }
        }
    }

    async fn received(&self, socket: &mut WebSocket<Stream>, event: Event) -> Result<(), Error> {
        let (number, notices) = (self.number, self.door.notices);
        match event {
            Event::Message(message) => {
                self.report(Print::Piece(Some(number), message.clone().into()))
                    .await;
                if self.door.args.echo {
                    if self.door.args.json {
                        let sent = Sent::Message(message.clone());
                        self.report(Print::Sent(Some(number), sent)).await;
                    }
                    socket.send(message).await?;
                }
            }
            Event::Ping(payload) => {
                let shown = escape_bytes(&payload);
                notices.explain(format_args!("peer {number} sends a ping \"{shown}\""));
                self.report(Print::Ping(Some(number), payload)).await;
            }
            Event::Pong(payload) => {
                let time = self.pings.answered(&payload);
                match time {
                    Some(time) if !shows_pongs(&self.door.args) => {
                        let words = pong_words(&payload, time);
                        notices.announce(format_args!("peer {number} answers with a {words}"));
                    }
                    Some(_) => {}
                    None => {
                        let shown = escape_bytes(&payload);
                        notices.explain(format_args!("peer {number} sends a pong \"{shown}\""));
                    }
                }
                self.report(Print::Pong(Some(number), payload, time)).await;
            }
            // It is reported at the end, which it leads to; others are not known yet.
            _ => {}
        }
        Ok(())
    }

    async fn report(&self, print: Print) {
        let _ = self.door.news.send(News::Print(print)).await;
    }
}

/// What a page of another site gets. A server on this machine is not reached by the name of a site either,
/// which can be made to lead here (DNS rebinding).
fn check_origin(
    args: &Args,
    request: &Request,
    is_local: bool,
) -> Result<(), PlainResponse<'static>> {
    let named: Vec<&str> = args.origin.iter().map(String::as_str).collect();
    if OriginPolicy::list(&named)
        .is_ok_and(|list| request.origin().is_some() && request.check_origin(&list).is_ok())
    {
        return Ok(());
    }
    let policy = if is_local {
        OriginPolicy::local()
    } else {
        OriginPolicy::same_host()
    };
    request.check_origin(&policy).map_err(OriginFault::response)
}

/// What to do about a page of this origin. Programs can send any text as their origin: one that a shell would
/// take for more than a word is no part of a command line.
fn refused_words(origin: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || ":/.-_[]".contains(c);
    if origin.chars().all(is_word) {
        format!("--origin {origin} lets it in")
    } else {
        format!("its origin is \"{origin}\"")
    }
}

enum Answer {
    Accepted(Box<WebSocket<Stream>>),
    /// A page of another site, of this origin.
    OtherSite(String),
}

async fn answer(args: &Args, stream: Stream, is_local: bool) -> Result<Answer, AcceptError> {
    let mut incoming = read_request(stream, options(args)).await?;
    let request = incoming.request();
    if request.is_upgrade() {
        if let Err(refusal) = check_origin(args, request, is_local) {
            let origin = escape_bytes(request.origin().unwrap_or_default());
            incoming.respond(&refusal).await?;
            return Ok(Answer::OtherSite(origin));
        }
    }
    let spoken: Vec<&str> = args.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<(&str, &[u8])> = args
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let subprotocol = request.choose_subprotocol(&spoken);
    let accept = Accept::new()
        .maybe_subprotocol(subprotocol)
        .origins(OriginPolicy::any()) // checked above
        .headers(&headers);
    if args.compress {
        incoming = incoming.deflate(&Deflate::new());
    }
    let socket = incoming.accept(&accept).await?;
    Ok(Answer::Accepted(Box::new(socket)))
}
