//! Standard input, line by line.

use anyhow::{Context, Result, anyhow};
use tokio::io::{AsyncBufReadExt, BufReader, Stdin, stdin};
use ws_proto_tokio::Message;

use crate::args::Args;
use crate::session::{Session, Typed};

/// The longest line: it is held as a whole. As many servers, and `wsp`, take a message of that size.
const MAX_LINE: usize = 16 << 20;

/// The longest line that a terminal of Linux hands over: it drops the rest of a longer one without a word
/// (`N_TTY_BUF_SIZE`, less one for the end of the line).
const MAX_TYPED: usize = 4095;

/// Standard input, line by line, without the ends of the lines.
#[derive(Debug)]
pub(crate) struct Lines {
    input: BufReader<Stdin>,
    /// What has come of the current line: waiting for the rest can be given up.
    line: Vec<u8>,
    is_binary: bool,
    /// NUL ends a line, not a newline.
    is_null: bool,
    /// Where a person types them, if one does.
    session: Option<Session>,
    /// The end has come: a terminal would go on after it.
    is_ended: bool,
    count: u64,
}

impl Lines {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            input: BufReader::new(stdin()),
            line: Vec::new(),
            is_binary: args.binary,
            is_null: args.null,
            session: args.session(),
            is_ended: false,
            count: 0,
        }
    }

    /// What the next line asks for. Cancel safe: the next call goes on where this one was.
    pub(crate) async fn next(&mut self) -> Result<Option<Typed>> {
        let Some(line) = self.next_line().await? else {
            return Ok(None);
        };
        let is_cut = cfg!(target_os = "linux") && line.len() >= MAX_TYPED;
        if self.session.is_some() && is_cut {
            return Ok(Some(Typed::Words(format!(
                "that was not sent: the terminal cuts lines after {MAX_TYPED} bytes, and may have cut this one: \
                 -f FILE and lines in a pipe can be longer"
            ))));
        }
        let message = if self.is_binary {
            Message::Binary(line.into())
        } else {
            let text = String::from_utf8(line).map_err(|_| {
                let line = self.name();
                anyhow!("{line} of the input is not UTF-8: --binary sends it, as binary messages")
            })?;
            Message::Text(text.into())
        };
        Ok(Some(match self.session {
            Some(session) => Typed::new(message, session),
            None => Typed::Send(message),
        }))
    }

    async fn next_line(&mut self) -> Result<Option<Vec<u8>>> {
        let end = if self.is_null { 0 } else { b'\n' };
        if self.is_ended {
            return Ok(None);
        }
        loop {
            let filled = self.input.fill_buf().await;
            let read = filled.context("standard input cannot be read")?;
            let found = read.iter().position(|byte| *byte == end);
            let part = &read[..found.unwrap_or(read.len())];
            let is_end = read.is_empty();
            self.is_ended = is_end;
            if self.line.len() + part.len() > MAX_LINE {
                self.count += 1;
                return Err(anyhow!(
                    "{} of the input is longer than {} MiB, which is too long for one message here: \
                     -f - sends all of standard input as one message of any size",
                    self.name(),
                    MAX_LINE >> 20
                ));
            }
            self.line.extend_from_slice(part);
            let consumed = part.len() + usize::from(found.is_some());
            self.input.consume(consumed);
            if is_end && self.line.is_empty() {
                return Ok(None);
            }
            if is_end || found.is_some() {
                self.count += 1;
                let mut line = std::mem::take(&mut self.line);
                if !self.is_null && found.is_some() && line.ends_with(b"\r") {
                    line.pop();
                }
                return Ok(Some(line));
            }
        }
    }

    /// The current line in words.
    fn name(&self) -> String {
        let what = if self.is_null { "message" } else { "line" };
        format!("{what} {}", self.count)
    }
}
