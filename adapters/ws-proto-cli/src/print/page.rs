//! Messages for a person in a terminal, or as they came for a pipe.

use std::fs::File;
use std::io::{self, IsTerminal, Stdout, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use chrono::Local;
use ws_proto_tokio::{Message, Piece};

use super::hex::HexDump;
use super::{Print, pong_words, shows_pongs};
use crate::args::{Args, When};
use crate::failure::{Exit, Failure, OrExit};
use crate::notices::is_coloured;
use crate::shown::{self, Layout};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

/// Where it is printed, and how.
#[derive(Debug)]
pub(super) struct Page {
    out: Stdout,
    /// Where binary messages go instead.
    file: Option<File>,
    is_terminal: bool,
    with_time: bool,
    with_pongs: bool,
    /// A message has begun and not ended, and is printed here: a text, or a binary one.
    begun: Option<Kind>,
    /// What ends a message in a pipe.
    end: Option<u8>,
    dim: Style,
    bright: Style,
    dump: HexDump,
    layout: Layout,
}

impl Page {
    pub(super) fn new(args: &Args) -> Result<Self, Failure> {
        let file = match &args.output {
            Some(path) => {
                let named = || format!("--output {} cannot be written", path.display());
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
        let (dim, bright) = if is_terminal && is_coloured(&out) {
            (Style::new().dimmed(), AnsiColor::Cyan.on_default().bold())
        } else {
            (Style::new(), Style::new())
        };
        Ok(Self {
            out,
            file,
            is_terminal,
            with_pongs: shows_pongs(args),
            begun: None,
            with_time: match args.timestamps {
                When::Always => true,
                When::Auto => is_terminal,
                When::Never => false,
            },
            end: args.null.then_some(0),
            dim,
            bright,
            dump: HexDump::new(None),
            layout: Layout::default(),
        })
    }

    pub(super) fn print(&mut self, print: Print) -> io::Result<()> {
        match print {
            Print::Piece(from, piece) => self.piece(from, &piece),
            Print::Pong(from, payload, Some(time)) if self.with_pongs => {
                self.pong(from, &payload, time)
            }
            Print::CutOff => self.cut_off(),
            // Notices, and what `--json` shows.
            Print::Ping(..) | Print::Pong(..) | Print::Close(..) | Print::Sent(..) => Ok(()),
        }
    }

    fn piece(&mut self, from: Option<usize>, piece: &Piece) -> io::Result<()> {
        match &piece.data {
            Message::Text(text) => {
                self.begun = Some(Kind::Text);
                self.text(from, text, piece.first)?;
            }
            Message::Binary(data) => match &mut self.file {
                Some(file) => file.write_all(data)?,
                None => {
                    self.begun = Some(Kind::Binary);
                    self.binary(from, data, piece.first)?;
                }
            },
        }
        if piece.last {
            self.end()?;
        }
        Ok(())
    }

    /// Ends a message whose rest does not come: the next output is not taken for it.
    pub(super) fn cut_off(&mut self) -> io::Result<()> {
        self.end()
    }

    /// Ends the message that has begun, if one has.
    fn end(&mut self) -> io::Result<()> {
        match self.begun.take() {
            None => return Ok(()),
            Some(Kind::Text) if self.is_terminal => {
                let rest = self.layout.finish();
                self.out.write_all(rest.as_bytes())?;
                self.out.write_all(b"\n")?;
            }
            Some(Kind::Text) => self.out.write_all(&[self.end.unwrap_or(b'\n')])?,
            Some(Kind::Binary) if self.is_terminal => {
                let len = self.dump.finish(&mut self.out)?;
                writeln!(self.out, "{len} bytes")?;
            }
            // As they came: a newline could be a part of them.
            Some(Kind::Binary) => {
                if let Some(end) = self.end {
                    self.out.write_all(&[end])?;
                }
            }
        }
        self.out.flush()
    }

    fn text(&mut self, from: Option<usize>, text: &str, is_first: bool) -> io::Result<()> {
        if is_first {
            self.head(from, '<')?;
        }
        if self.is_terminal {
            let shown = self.layout.push(text);
            return self.out.write_all(shown.as_bytes());
        }
        self.out.write_all(text.as_bytes())
    }

    fn binary(&mut self, from: Option<usize>, data: &[u8], is_first: bool) -> io::Result<()> {
        if !self.is_terminal {
            return self.out.write_all(data);
        }
        if is_first {
            self.head(from, '*')?;
            self.out.write_all(b"binary\n")?;
            self.dump = HexDump::new(shown::columns(&self.out));
        }
        self.dump.push(data, &mut self.out)
    }

    fn pong(&mut self, from: Option<usize>, payload: &[u8], time: Duration) -> io::Result<()> {
        self.head(from, '*')?;
        writeln!(self.out, "{}", pong_words(payload, time))?;
        self.out.flush()
    }

    /// What stands before a message; in a terminal, further lines of it get a mark of the same width. The mark of
    /// the first is `<` before the words of a peer, and `*` before our own about its messages.
    fn head(&mut self, from: Option<usize>, mark: char) -> io::Result<()> {
        let (dim, bright) = (self.dim, self.bright);
        let mut indent = 0;
        if self.with_time {
            let format = if self.is_terminal {
                "%H:%M:%S%.3f"
            } else {
                "%Y-%m-%dT%H:%M:%S%.3f%:z"
            };
            let time = Local::now().format(format).to_string();
            write!(self.out, "{dim}{time}{dim:#} ")?;
            indent = time.len() + 1;
        }
        if !self.is_terminal {
            return Ok(());
        }
        let peer = from.map(|peer| peer.to_string()).unwrap_or_default();
        write!(self.out, "{bright}{peer}{mark}{bright:#} ")?;
        let mark = format!(
            "{:indent$}{bright}{:len$}|{bright:#} ",
            "",
            "",
            len = peer.len()
        );
        let columns = shown::columns(&self.out);
        let width = indent + peer.len() + 2;
        self.layout = Layout::new(mark, width, columns);
        Ok(())
    }
}
