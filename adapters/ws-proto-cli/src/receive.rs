//! What a client receives, on its way to where it is printed.

use ws_proto_tokio::{Error, Event, Piece, ReadHalf};

use crate::args::Args;
use crate::kit::ClientStream;
use crate::notices::Notices;
use crate::pings::Pings;
use crate::print::{Print, Printer, Unprinted, pong_words, shows_pongs};
use crate::progress::{PROBE, Progress};
use crate::shown::escape_bytes;

/// Why receiving has ended.
#[derive(Debug)]
pub(crate) enum Received {
    /// The connection has.
    End(Result<(), Error>),
    /// So many as were wanted.
    Enough,
    /// There is nowhere to print to.
    Unprinted,
}

/// Prints messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receiver<'a> {
    pub(crate) args: &'a Args,
    pub(crate) notices: Notices,
    pub(crate) printer: &'a Printer,
    pub(crate) pings: &'a Pings,
    pub(crate) progress: &'a Progress,
}

impl Receiver<'_> {
    /// Enough of it is enough once nothing is left to be sent.
    pub(crate) async fn receive(self, read: &mut ReadHalf<ClientStream>) -> Received {
        let Self { args, progress, .. } = self;
        let by_events = args.takes_whole_messages();
        while args
            .count
            .is_none_or(|count| progress.received.get() < count)
        {
            let printed = if by_events {
                match read.next_event().await {
                    None => return Received::End(Ok(())),
                    Some(Err(error)) => return Received::End(Err(error)),
                    Some(Ok(event)) => self.event(event).await,
                }
            } else {
                match read.next_piece().await {
                    None => return Received::End(Ok(())),
                    Some(Err(error)) => return Received::End(Err(error)),
                    Some(Ok(piece)) => self.piece(piece).await,
                }
            };
            if let Err(Unprinted) = printed {
                return Received::Unprinted;
            }
        }
        let mut sent = progress.is_idle.subscribe();
        tokio::select! {
            _ = sent.wait_for(|is_idle| *is_idle) => Received::Enough,
            ended = drop_rest(read) => Received::End(ended),
        }
    }

    async fn piece(self, piece: Piece) -> Result<(), Unprinted> {
        let progress = self.progress;
        let received = progress.received.get() + u64::from(piece.last);
        progress.received.set(received);
        progress.begin_printing();
        let printed = self.printer.print(Print::Piece(None, piece)).await;
        progress.end_printing();
        printed
    }

    async fn event(self, event: Event) -> Result<(), Unprinted> {
        let printer = self.printer;
        match event {
            Event::Message(message) => self.piece(message.into()).await,
            Event::Ping(payload) => {
                let shown = escape_bytes(&payload);
                self.notices.explain(format_args!("ping \"{shown}\""));
                printer.print(Print::Ping(None, payload)).await
            }
            Event::Pong(payload) => {
                let time = self.pings.answered(&payload);
                // A person may have sent the same.
                if payload == PROBE[..] {
                    self.progress.probed.notify_one();
                    if time.is_none() {
                        return Ok(());
                    }
                }
                match time {
                    Some(time) if !shows_pongs(self.args) => {
                        self.notices.announce(pong_words(&payload, time));
                    }
                    Some(_) => {}
                    None => {
                        let shown = escape_bytes(&payload);
                        self.notices.explain(format_args!("pong \"{shown}\""));
                    }
                }
                printer.print(Print::Pong(None, payload, time)).await
            }
            // It is printed at the end, which it leads to; others are not known yet.
            _ => Ok(()),
        }
    }
}

/// Takes what still comes and drops it: a server that is not listened to may not listen either.
async fn drop_rest(read: &mut ReadHalf<ClientStream>) -> Result<(), Error> {
    while let Some(piece) = read.next_piece().await {
        piece?;
    }
    Ok(())
}
