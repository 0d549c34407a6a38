//! Where messages are printed: standard output, and a file for binary ones.

mod hex;
mod json;
mod page;

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use ws_proto_tokio::{Bytes, CloseCode, Closed, Message, Piece};

use crate::args::Args;
use crate::bars;
use crate::failure::{Exit, Failure, OrExit};
use crate::shown::escape_bytes;
use json::JsonLines;
use page::Page;

/// How many pieces wait to be printed before nothing more is received.
const WAITING: usize = 16;

/// What is printed; a number is which of many peers it comes from or goes to.
#[derive(Debug)]
pub(crate) enum Print {
    Piece(Option<usize>, Piece),
    Ping(Option<usize>, Bytes),
    /// With the time since the Ping that it answers, if we have sent one.
    Pong(Option<usize>, Bytes, Option<Duration>),
    Close(Option<usize>, Closed),
    /// No more comes of a message that has begun, if one has.
    CutOff,
    Sent(Option<usize>, Sent),
}

/// Whether answers to Pings are a part of the output: in a terminal, and where they are all that is asked for.
/// Others who read it want messages.
pub(crate) fn shows_pongs(args: &Args) -> bool {
    args.ping.is_some() || io::stdout().is_terminal()
}

/// An answer to a Ping, and how long it took.
pub(crate) fn pong_words(payload: &[u8], time: Duration) -> String {
    let shown = escape_bytes(payload);
    let millis = time.as_secs_f64() * 1e3;
    format!("pong \"{shown}\" {millis:.3} ms")
}

/// What this end sends, which only `--json` shows.
#[derive(Debug)]
pub(crate) enum Sent {
    Message(Message),
    File {
        name: String,
        is_text: bool,
        bytes: u64,
    },
    Ping(Vec<u8>),
    Close(CloseCode, String),
}

/// Prints messages piece by piece, as they come.
///
/// A thread does it: who reads our output may be slow, and the connection has to live on meanwhile.
#[derive(Debug)]
pub(crate) struct Printer {
    to_print: mpsc::Sender<Job>,
    ended: JoinHandle<io::Result<()>>,
    is_json: bool,
}

/// What the thread does.
#[derive(Debug)]
enum Job {
    Print(Print),
    /// Reports that all before it is printed.
    Report(oneshot::Sender<()>),
}

/// There is nowhere to print to; [`Printer::finish`] reports why.
#[derive(Debug)]
pub(crate) struct Unprinted;

impl Printer {
    pub(crate) fn new(args: &Args) -> Result<Self, Failure> {
        let mut page = Page::new(args)?;
        let mut json = args.json.then(JsonLines::new);
        let (to_print, mut waiting) = mpsc::channel(WAITING);
        // Elsewhere no bar is in the way, and who does not read the output would hold up what is reported.
        let is_beside_bars = io::stdout().is_terminal();
        let ended = spawn_blocking(move || {
            while let Some(job) = waiting.blocking_recv() {
                let print = match job {
                    Job::Print(print) => print,
                    Job::Report(printed) => {
                        let _ = printed.send(());
                        continue;
                    }
                };
                let print = || match &mut json {
                    Some(json) => json.print(print),
                    None => page.print(print),
                };
                if is_beside_bars {
                    bars::without(print)?;
                } else {
                    print()?;
                }
            }
            page.cut_off()
        });
        Ok(Self {
            to_print,
            ended,
            is_json: args.json,
        })
    }

    /// Waits for room.
    pub(crate) async fn print(&self, print: Print) -> Result<(), Unprinted> {
        let job = Job::Print(print);
        self.to_print.send(job).await.map_err(|_| Unprinted)
    }

    /// Waits until all so far is printed, or cannot be: [`finish`](Self::finish) reports that.
    pub(crate) async fn printed(&self) {
        let (report, printed) = oneshot::channel();
        if self.to_print.send(Job::Report(report)).await.is_ok() {
            let _ = printed.await;
        }
    }

    /// What this end sends; if that is not printed, it costs nothing. That there is nowhere to print to is
    /// found when something is received, or at the end.
    pub(crate) async fn sent(&self, sent: impl FnOnce() -> Sent) {
        if self.is_json {
            let _ = self.print(Print::Sent(None, sent())).await;
        }
    }

    /// Waits until all of it is printed. That whoever reads it has had enough, as `head` does, is no
    /// error.
    pub(crate) async fn finish(self) -> Result<(), Failure> {
        drop(self.to_print);
        match self.ended.await {
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Ok(printed) => printed
                .context("messages cannot be printed")
                .or_exit(Exit::Usage),
            Err(error) => Err(error).or_exit(Exit::Usage),
        }
    }
}
