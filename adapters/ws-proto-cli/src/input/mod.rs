//! What a client sends: messages, files, Pings, lines.

mod files;
mod lines;

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::timeout;
use ws_proto_tokio::{ControlPayload, Message, WriteHalf};

use crate::args::Args;
use crate::ending::Close;
use crate::kit::ClientStream;
use crate::notices::Notices;
use crate::pings::Pings;
use crate::print::{Printer, Sent};
use crate::progress::Progress;
use crate::session::Typed;
use files::send_file;
pub(crate) use lines::Lines;

/// Why not everything was sent.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The connection has ended; receiving reports why.
    Connection,
    /// What was to be sent cannot be read.
    Input(anyhow::Error),
    /// A Ping was not answered in time.
    NoPong(Duration),
}

impl From<ws_proto_tokio::Error> for Unsent {
    fn from(_: ws_proto_tokio::Error) -> Self {
        Self::Connection
    }
}

/// Sends what `args` ask for, and notes how far it is: on another connection it goes on from there.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    args: &'a Args,
    notices: Notices,
    printer: &'a Printer,
    pings: &'a Pings,
    progress: &'a Progress,
    lines: Option<Lines>,
    /// What a connection has not taken as a whole.
    held: Option<Message>,
    /// How many messages of the command line have been begun.
    messages: usize,
    /// How many files have been sent.
    files: usize,
    /// Standard input was begun as a file.
    has_begun_stdin: bool,
    /// How many Pings of `--ping` have been sent.
    sent_pings: u64,
}

impl<'a> Input<'a> {
    pub(crate) const fn new(
        args: &'a Args,
        notices: Notices,
        printer: &'a Printer,
        pings: &'a Pings,
        progress: &'a Progress,
    ) -> Self {
        Self {
            args,
            notices,
            printer,
            pings,
            progress,
            lines: None,
            held: None,
            messages: 0,
            files: 0,
            has_begun_stdin: false,
            sent_pings: 0,
        }
    }

    /// Sends what the command line says, in this order; lines of standard input if it says nothing. Returns how
    /// a person has asked to close, if so.
    ///
    /// If it fails or is dropped, the next call goes on on another connection: with the message that was not taken
    /// as a whole, and with a file from its beginning.
    pub(crate) async fn send(
        &mut self,
        write: &mut WriteHalf<ClientStream>,
    ) -> Result<Option<Close>, Unsent> {
        let args = self.args;
        if self.held.is_some() {
            self.progress.is_idle.send_replace(false);
            self.send_held(write).await?;
        }
        while let Some(text) = args.messages.get(self.messages) {
            self.messages += 1;
            let message = if args.binary {
                Message::Binary(text.clone().into_bytes().into())
            } else {
                Message::Text(text.clone().into())
            };
            self.send_message(write, message).await?;
        }
        while let Some(path) = args.files.get(self.files) {
            if path.as_os_str() == "-" {
                if self.has_begun_stdin {
                    return Err(Unsent::Input(anyhow!(
                        "standard input cannot be sent again from its beginning: \
                         the connection was lost while it was sent"
                    )));
                }
                self.has_begun_stdin = true;
            }
            send_file(write, args, self.printer, path).await?;
            self.has_begun_stdin = false;
            self.files += 1;
            self.progress.sent.set(self.progress.sent.get() + 1);
        }
        if let Some(payload) = &args.ping {
            // Pings without a count are never all sent.
            self.progress
                .is_idle
                .send_replace(args.ping_count.is_none());
            self.send_pings(write, payload.as_bytes()).await?;
        }
        if args.reads_lines() {
            if let Some(close) = self.send_lines(write).await? {
                return Ok(Some(close));
            }
        }
        write.flush().await?;
        self.progress.is_idle.send_replace(true);
        Ok(None)
    }

    async fn send_lines(
        &mut self,
        write: &mut WriteHalf<ClientStream>,
    ) -> Result<Option<Close>, Unsent> {
        let args = self.args;
        loop {
            self.progress.is_idle.send_replace(true);
            let lines = self.lines.get_or_insert_with(|| Lines::new(args));
            let line = lines.next().await.map_err(Unsent::Input)?;
            self.progress.is_idle.send_replace(false);
            let Some(line) = line else { return Ok(None) };
            match line.or_say(self.notices) {
                Some(Typed::Send(message)) => self.send_message(write, message).await?,
                Some(Typed::Ping(payload)) => self.ping(write, &payload).await?,
                Some(Typed::Close(code, reason)) => return Ok(Some((code, reason))),
                Some(Typed::Words(_)) | None => {}
            }
        }
    }

    async fn send_message(
        &mut self,
        write: &mut WriteHalf<ClientStream>,
        message: Message,
    ) -> Result<(), Unsent> {
        self.held = Some(message.clone());
        self.printer.sent(|| Sent::Message(message)).await;
        self.send_held(write).await
    }

    async fn send_held(&mut self, write: &mut WriteHalf<ClientStream>) -> Result<(), Unsent> {
        if let Some(message) = &self.held {
            write.send(message.clone()).await?;
            self.held = None;
            self.progress.sent.set(self.progress.sent.get() + 1);
        }
        Ok(())
    }

    async fn ping(
        &self,
        write: &mut WriteHalf<ClientStream>,
        payload: &[u8],
    ) -> Result<(), Unsent> {
        let control = ControlPayload::new(payload);
        let control = control.map_err(|error| Unsent::Input(error.into()))?;
        self.printer.sent(|| Sent::Ping(payload.to_vec())).await;
        self.pings.sent(payload);
        write.ping(control).await?;
        Ok(())
    }

    async fn send_pings(
        &mut self,
        write: &mut WriteHalf<ClientStream>,
        payload: &[u8],
    ) -> Result<(), Unsent> {
        let is_left = |sent: u64, count: Option<u64>| count.is_none_or(|count| sent < count);
        let mut is_first = true;
        while is_left(self.sent_pings, self.args.ping_count) {
            if !is_first {
                tokio::time::sleep(self.args.ping_interval).await;
            }
            is_first = false;
            self.ping(write, payload).await?;
            self.sent_pings += 1;
        }
        timeout(self.args.timeout, self.pings.all_answered())
            .await
            .map_err(|_| Unsent::NoPong(self.args.timeout))
    }
}
