//! Where received messages and notices go.

use std::fs::File;
use std::io::{self, IsTerminal, Stdout, Write};
use std::time::Duration;

use anyhow::Context;
use chrono::Local;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use ws_proto_tokio::{Bytes, CloseCode, Closed, Message, Piece};

use crate::args::{Args, When};
use crate::failure::{Exit, Failure, OrExit};
use crate::hex::HexDump;

/// How many pieces wait to be printed before nothing more is received.
const WAITING: usize = 16;

/// Prints messages piece by piece, as they come.
///
/// A thread does it: who reads our output may be slow, and the connection has to live on meanwhile.
#[derive(Debug)]
pub(crate) struct Printer {
    to_print: mpsc::Sender<Print>,
    ended: JoinHandle<io::Result<()>>,
}

/// What is printed.
#[derive(Debug)]
enum Print {
    Piece(Option<usize>, Piece),
    Pong(Bytes, Duration),
}

/// There is nowhere to print to; [`Printer::finish`] reports why.
#[derive(Debug)]
pub(crate) struct Unprinted;

impl Printer {
    pub(crate) fn new(args: &Args) -> Result<Self, Failure> {
        let mut page = Page::new(args)?;
        let (to_print, mut waiting) = mpsc::channel(WAITING);
        let ended = spawn_blocking(move || {
            while let Some(print) = waiting.blocking_recv() {
                match print {
                    Print::Piece(from, piece) => page.piece(from, &piece)?,
                    Print::Pong(payload, time) => page.pong(&payload, time)?,
                }
            }
            Ok(())
        });
        Ok(Self { to_print, ended })
    }

    /// Prints a whole message; `from` is who of many has sent it. Waits for room.
    pub(crate) async fn message(
        &self,
        from: Option<usize>,
        data: Message,
    ) -> Result<(), Unprinted> {
        let piece = Piece {
            data,
            first: true,
            last: true,
        };
        self.print(Print::Piece(from, piece)).await
    }

    pub(crate) async fn piece(&self, piece: Piece) -> Result<(), Unprinted> {
        self.print(Print::Piece(None, piece)).await
    }

    pub(crate) async fn pong(&self, payload: Bytes, time: Duration) -> Result<(), Unprinted> {
        self.print(Print::Pong(payload, time)).await
    }

    async fn print(&self, print: Print) -> Result<(), Unprinted> {
        self.to_print.send(print).await.map_err(|_| Unprinted)
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

/// Where it is printed, and how.
#[derive(Debug)]
struct Page {
    out: Stdout,
    /// Where binary messages go instead.
    file: Option<File>,
    is_terminal: bool,
    with_time: bool,
    dump: HexDump,
}

impl Page {
    fn new(args: &Args) -> Result<Self, Failure> {
        let file = match &args.output {
            Some(path) => {
                let named = || format!("{} cannot be written", path.display());
                Some(
                    File::create(path)
                        .with_context(named)
                        .or_exit(Exit::Usage)?,
                )
            }
            None => None,
        };
        let out = io::stdout();
        let is_terminal = out.is_terminal();
        Ok(Self {
            out,
            file,
            is_terminal,
            with_time: match args.timestamps {
                When::Always => true,
                When::Auto => is_terminal,
                When::Never => false,
            },
            dump: HexDump::default(),
        })
    }

    fn piece(&mut self, from: Option<usize>, piece: &Piece) -> io::Result<()> {
        match &piece.data {
            Message::Text(text) => self.text(from, text, piece),
            Message::Binary(data) => match &mut self.file {
                Some(file) => file.write_all(data),
                None if self.is_terminal => self.hex(from, data, piece),
                None => self.out.write_all(data),
            },
        }?;
        if piece.last {
            self.out.flush()?;
        }
        Ok(())
    }

    fn text(&mut self, from: Option<usize>, text: &str, piece: &Piece) -> io::Result<()> {
        if piece.first {
            self.head(from)?;
        }
        if self.is_terminal {
            // A peer must not be able to steer the terminal.
            self.out.write_all(harmless(text).as_bytes())?;
        } else {
            self.out.write_all(text.as_bytes())?;
        }
        if piece.last {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn hex(&mut self, from: Option<usize>, data: &[u8], piece: &Piece) -> io::Result<()> {
        if piece.first {
            self.head(from)?;
            self.out.write_all(b"binary\n")?;
        }
        self.dump.push(data, &mut self.out)?;
        if piece.last {
            let len = self.dump.finish(&mut self.out)?;
            writeln!(self.out, "{len} bytes")?;
        }
        Ok(())
    }

    fn pong(&mut self, payload: &[u8], time: Duration) -> io::Result<()> {
        self.head(None)?;
        let payload = harmless(&String::from_utf8_lossy(payload));
        writeln!(
            self.out,
            "pong {payload:?} {:.3} ms",
            time.as_secs_f64() * 1e3
        )?;
        self.out.flush()
    }

    fn head(&mut self, from: Option<usize>) -> io::Result<()> {
        if self.with_time {
            let format = if self.is_terminal {
                "%H:%M:%S%.3f"
            } else {
                "%Y-%m-%dT%H:%M:%S%.3f%:z"
            };
            write!(self.out, "{} ", Local::now().format(format))?;
        }
        match from {
            Some(peer) if self.is_terminal => write!(self.out, "{peer}< "),
            None if self.is_terminal => self.out.write_all(b"< "),
            _ => Ok(()),
        }
    }
}

/// Control characters but newline and tab, written as escapes.
pub(crate) fn harmless(text: &str) -> String {
    let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().fold(String::new(), |mut shown, c| {
        if is_harmless(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
        shown
    })
}

/// How the other side has said Close: its code, what that means (RFC 6455 7.4.1), and its reason.
pub(crate) fn closing_words(closed: &Closed) -> String {
    let code = closed.code.map(CloseCode::as_u16);
    let mut words = code.map_or("no code".to_owned(), |code| code.to_string());
    let meaning = match code {
        Some(1001) => "going away",
        Some(1002) => "protocol error",
        Some(1003) => "not that kind of data",
        Some(1007) => "data that is not valid",
        Some(1008) => "against the policy",
        Some(1009) => "message too big",
        Some(1010) => "an extension is missing",
        Some(1011) => "internal error",
        Some(1012) => "restarting",
        Some(1013) => "try again later",
        Some(1014) => "bad gateway",
        _ => "",
    };
    if !meaning.is_empty() {
        words.push_str(", ");
        words.push_str(meaning);
    }
    if !closed.reason.is_empty() {
        words.push_str(&format!(" ({})", harmless(&closed.reason)));
    }
    words
}

/// What is said besides messages, to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notices {
    is_on: bool,
    is_verbose: bool,
}

impl Notices {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            is_on: !args.quiet && (args.verbose || io::stderr().is_terminal()),
            is_verbose: args.verbose,
        }
    }

    /// For who looks at it.
    pub(crate) fn say(self, words: impl std::fmt::Display) {
        if self.is_on {
            eprintln!("wsp: {words}");
        }
    }

    /// For who wants to know more.
    pub(crate) fn explain(self, words: impl std::fmt::Display) {
        if self.is_verbose {
            eprintln!("wsp: {words}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_peer_cannot_steer_the_terminal() {
        assert_eq!(
            harmless("a\u{1b}[2J\u{20ac}\t\n\r\u{9b}"),
            "a\\u{1b}[2J\u{20ac}\t\n\\r\\u{9b}"
        );
    }
}
