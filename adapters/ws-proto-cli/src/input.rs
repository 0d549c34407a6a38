//! What is sent: messages, files, Pings, lines.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, Stdin, stdin};
use tokio::sync::watch;
use tokio::time::timeout;
use ws_proto_tokio::{ClientStream, ControlPayload, Fin, Message, Utf8Bytes, WriteHalf};

use crate::args::Args;
use crate::pings::Pings;

/// How much of a file is one frame, and held.
const PART: usize = 64 * 1024;

/// Why not everything was sent.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The connection has ended; receiving reports why.
    Connection,
    /// What was to be sent cannot be had.
    Input(anyhow::Error),
    /// A Ping was not answered in time.
    NoPong(Duration),
}

impl From<ws_proto_tokio::Error> for Unsent {
    fn from(_: ws_proto_tokio::Error) -> Self {
        Self::Connection
    }
}

/// Sends what the command line says, in this order; lines of standard input if it says nothing.
/// `is_idle` says that nothing is left unsent if it is given up now.
pub(crate) async fn send(
    write: &mut WriteHalf<ClientStream>,
    args: &Args,
    pings: &Pings,
    is_idle: &watch::Sender<bool>,
) -> Result<(), Unsent> {
    for text in &args.messages {
        write.send(message(args, text.clone())).await?;
    }
    for path in &args.files {
        send_file(write, args, path).await?;
    }
    if let Some(payload) = &args.ping {
        // Pings without a count are never all sent.
        is_idle.send_replace(args.ping_count.is_none());
        send_pings(write, args, payload, pings).await?;
    }
    if args.reads_lines() {
        let mut lines = Lines::new(args);
        loop {
            is_idle.send_replace(true);
            let line = lines.next().await.map_err(Unsent::Input)?;
            is_idle.send_replace(false);
            let Some(line) = line else { break };
            write.send(line).await?;
        }
    }
    write.flush().await?;
    is_idle.send_replace(true);
    Ok(())
}

fn message(args: &Args, text: String) -> Message {
    if args.binary {
        Message::Binary(text.into_bytes().into())
    } else {
        Message::Text(text.into())
    }
}

/// Standard input, line by line, without the ends of the lines.
#[derive(Debug)]
pub(crate) struct Lines {
    input: BufReader<Stdin>,
    /// What has come of the current line: waiting for the rest can be given up.
    line: Vec<u8>,
    is_binary: bool,
    count: u64,
}

impl Lines {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            input: BufReader::new(stdin()),
            line: Vec::new(),
            is_binary: args.binary,
            count: 0,
        }
    }

    /// The next line. Cancel safe: the next call goes on where this one was.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>> {
        let read = self.input.read_until(b'\n', &mut self.line).await;
        if read.context("standard input cannot be read")? == 0 && self.line.is_empty() {
            return Ok(None);
        }
        self.count += 1;
        let mut line = std::mem::take(&mut self.line);
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        }
        if self.is_binary {
            return Ok(Some(Message::Binary(line.into())));
        }
        let text = String::from_utf8(line).map_err(|_| {
            let count = self.count;
            anyhow!("line {count} of the input is not UTF-8: send it with --binary")
        })?;
        Ok(Some(Message::Text(text.into())))
    }
}

/// Sends a file as one message, holding a part of it at a time.
async fn send_file(
    write: &mut WriteHalf<ClientStream>,
    args: &Args,
    path: &Path,
) -> Result<(), Unsent> {
    if path == Path::new("-") {
        let bar = progress(args, None, "standard input");
        return send_parts(write, args, &mut stdin(), "standard input", &bar).await;
    }
    let name = path.display().to_string();
    let opened = async {
        let file = File::open(path).await?;
        let len = file.metadata().await?.len();
        Ok::<_, std::io::Error>((file, len))
    };
    let opened = opened
        .await
        .with_context(|| format!("{name} cannot be read"));
    let (mut file, len) = opened.map_err(Unsent::Input)?;
    let bar = progress(args, Some(len), &name);
    send_parts(write, args, &mut file, &name, &bar).await
}

async fn send_parts(
    write: &mut WriteHalf<ClientStream>,
    args: &Args,
    from: &mut (impl AsyncRead + Unpin),
    name: &str,
    bar: &ProgressBar,
) -> Result<(), Unsent> {
    let mut held = Vec::with_capacity(PART);
    loop {
        // Behind the beginning of a character, if there is one.
        let room = (PART - held.len()) as u64;
        let read = (&mut *from).take(room).read_to_end(&mut held).await;
        let read = read.with_context(|| format!("{name} cannot be read"));
        let read = read.map_err(Unsent::Input)?;
        bar.inc(read as u64);
        let is_end = read < room as usize;
        let fin = if is_end { Fin::Yes } else { Fin::No };
        if args.text {
            let rest = whole_characters(&held, is_end).map_err(|()| {
                Unsent::Input(anyhow!("{name} is not UTF-8: send it without --text"))
            })?;
            let rest = held.split_off(rest);
            let text = String::from_utf8(std::mem::replace(&mut held, rest));
            let text = text.map_err(|error| Unsent::Input(error.into()))?;
            write.send_text_part(Utf8Bytes::from(text), fin).await?;
        } else {
            write
                .send_binary_part(std::mem::take(&mut held), fin)
                .await?;
        }
        if is_end {
            write.flush().await?;
            bar.finish_and_clear();
            return Ok(());
        }
    }
}

/// How many bytes are whole characters; an error if there is something else than the beginning of
/// one behind them.
fn whole_characters(bytes: &[u8], is_end: bool) -> Result<usize, ()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.len()),
        Err(error) if error.error_len().is_none() && !is_end => Ok(error.valid_up_to()),
        Err(_) => Err(()),
    }
}

/// A bar on standard error, if that is a terminal that wants one.
fn progress(args: &Args, len: Option<u64>, name: &str) -> ProgressBar {
    let target = if args.quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(len, target).with_message(name.to_owned());
    let template = if len.is_some() {
        "{msg} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left"
    } else {
        "{msg} {bytes}, {bytes_per_sec}"
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

async fn send_pings(
    write: &mut WriteHalf<ClientStream>,
    args: &Args,
    payload: &str,
    pings: &Pings,
) -> Result<(), Unsent> {
    let payload = ControlPayload::new(payload.as_bytes());
    let payload = payload.map_err(|error| Unsent::Input(error.into()))?;
    let mut sent = 0;
    while args.ping_count.is_none_or(|count| sent < count) {
        if sent > 0 {
            tokio::time::sleep(args.ping_interval).await;
        }
        pings.sent();
        write.ping(payload).await?;
        sent += 1;
    }
    timeout(args.timeout, pings.all_answered())
        .await
        .map_err(|_| Unsent::NoPong(args.timeout))
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = "a\u{20ac}".as_bytes();
        for (len, whole) in [(0, 0), (1, 1), (2, 1), (3, 1), (4, 4)] {
            assert_eq!(whole_characters(&text[..len], false), Ok(whole));
        }
        assert_eq!(whole_characters(&text[..2], true), Err(()));
        assert_eq!(whole_characters(b"a\xffb", false), Err(()));
    }
}
