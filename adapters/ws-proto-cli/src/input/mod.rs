//! What a client sends: messages, files, Pings, lines.

mod files;
mod lines;

use std::time::Duration;

use tokio::time::timeout;
use ws_proto_tokio::{ClientStream, ControlPayload, Message, WriteHalf};

use crate::args::Args;
use crate::ending::Close;
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

/// Sends what `args` ask for, and notes how far it is.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) args: &'a Args,
    pub(crate) notices: Notices,
    pub(crate) printer: &'a Printer,
    pub(crate) pings: &'a Pings,
    pub(crate) progress: &'a Progress,
}

impl Input<'_> {
    /// Sends what the command line says, in this order; lines of standard input if it says nothing. Returns how
    /// a person has asked to close, if so.
    pub(crate) async fn send(
        &self,
        write: &mut WriteHalf<ClientStream>,
    ) -> Result<Option<Close>, Unsent> {
        let Self { args, progress, .. } = self;
        for text in &args.messages {
            let message = if args.binary {
                Message::Binary(text.clone().into_bytes().into())
            } else {
                Message::Text(text.clone().into())
            };
            self.send_message(write, message).await?;
        }
        for path in &args.files {
            send_file(write, args, self.printer, path).await?;
            progress.sent.set(progress.sent.get() + 1);
        }
        if let Some(payload) = &args.ping {
            // Pings without a count are never all sent.
            progress.is_idle.send_replace(args.ping_count.is_none());
            self.send_pings(write, payload.as_bytes()).await?;
        }
        if args.reads_lines() {
            if let Some(close) = self.send_lines(write).await? {
                return Ok(Some(close));
            }
        }
        write.flush().await?;
        progress.is_idle.send_replace(true);
        Ok(None)
    }

    async fn send_lines(
        &self,
        write: &mut WriteHalf<ClientStream>,
    ) -> Result<Option<Close>, Unsent> {
        let has_commands = self.args.has_commands();
        let mut lines = Lines::new(self.args);
        loop {
            self.progress.is_idle.send_replace(true);
            let line = lines.next().await.map_err(Unsent::Input)?;
            self.progress.is_idle.send_replace(false);
            let Some(line) = line else { return Ok(None) };
            if !has_commands {
                self.send_message(write, line).await?;
                continue;
            }
            match Typed::new(line).or_say(self.notices) {
                Some(Typed::Send(message)) => self.send_message(write, message).await?,
                Some(Typed::Ping(payload)) => self.ping(write, &payload).await?,
                Some(Typed::Close(code, reason)) => return Ok(Some((code, reason))),
                Some(Typed::Words(_)) | None => {}
            }
        }
    }

    async fn send_message(
        &self,
        write: &mut WriteHalf<ClientStream>,
        message: Message,
    ) -> Result<(), Unsent> {
        self.printer.sent(|| Sent::Message(message.clone())).await;
        write.send(message).await?;
        self.progress.sent.set(self.progress.sent.get() + 1);
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
        &self,
        write: &mut WriteHalf<ClientStream>,
        payload: &[u8],
    ) -> Result<(), Unsent> {
        let mut sent = 0;
        while self.args.ping_count.is_none_or(|count| sent < count) {
            if sent > 0 {
                tokio::time::sleep(self.args.ping_interval).await;
            }
            self.ping(write, payload).await?;
            sent += 1;
        }
        timeout(self.args.timeout, self.pings.all_answered())
            .await
            .map_err(|_| Unsent::NoPong(self.args.timeout))
    }
}
