//! Messages for a person in a terminal, or as they came for a pipe.

use std::fs::File;
use std::io::{self, IsTerminal, Stdout, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use chrono::Local;
use ws_proto_tokio::{Message, Piece};

use super::Print;
use super::hex::HexDump;
use crate::args::{Args, When};
use crate::failure::{Exit, Failure, OrExit};
use crate::notices::is_coloured;
use crate::shown::{self, Layout, escape_bytes};

/// Where it is printed, and how.
#[derive(Debug)]
pub(super) struct Page {
    out: Stdout,
    /// Where binary messages go instead.
    file: Option<File>,
    is_terminal: bool,
    with_time: bool,
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
            Print::Pong(from, payload, Some(time)) => self.pong(from, &payload, time),
            // Notices, with `--verbose`, and what `--json` shows.
            Print::Ping(..) | Print::Pong(_, _, None) | Print::Close(..) | Print::Sent(..) => {
                Ok(())
            }
        }
    }

    fn piece(&mut self, from: Option<usize>, piece: &Piece) -> io::Result<()> {
        match &piece.data {
            Message::Text(text) => self.text(from, text, piece),
            Message::Binary(data) => match &mut self.file {
                Some(file) => file.write_all(data),
                None if self.is_terminal => self.hex(from, data, piece),
                None => self.bytes(data, piece),
            },
        }?;
        if piece.last {
            self.out.flush()?;
        }
        Ok(())
    }

    fn text(&mut self, from: Option<usize>, text: &str, piece: &Piece) -> io::Result<()> {
        if piece.first {
            self.head(from, '<')?;
        }
        if self.is_terminal {
            let shown = self.layout.push(text);
            self.out.write_all(shown.as_bytes())?;
            if piece.last {
                let rest = self.layout.finish();
                self.out.write_all(rest.as_bytes())?;
                self.out.write_all(b"\n")?;
            }
            return Ok(());
        }
        self.out.write_all(text.as_bytes())?;
        if piece.last {
            self.out.write_all(&[self.end.unwrap_or(b'\n')])?;
        }
        Ok(())
    }

    /// As they came: a newline could be a part of them.
    fn bytes(&mut self, data: &[u8], piece: &Piece) -> io::Result<()> {
        self.out.write_all(data)?;
        match self.end {
            Some(end) if piece.last => self.out.write_all(&[end]),
            _ => Ok(()),
        }
    }

    fn hex(&mut self, from: Option<usize>, data: &[u8], piece: &Piece) -> io::Result<()> {
        if piece.first {
            self.head(from, '*')?;
            self.out.write_all(b"binary\n")?;
            self.dump = HexDump::new(shown::columns(&self.out));
        }
        self.dump.push(data, &mut self.out)?;
        if piece.last {
            let len = self.dump.finish(&mut self.out)?;
            writeln!(self.out, "{len} bytes")?;
        }
        Ok(())
    }

    fn pong(&mut self, from: Option<usize>, payload: &[u8], time: Duration) -> io::Result<()> {
        self.head(from, '*')?;
        let payload = escape_bytes(payload);
        let time = time.as_secs_f64() * 1e3;
        writeln!(self.out, "pong \"{payload}\" {time:.3} ms")?;
        self.out.flush()
    }

    /// What stands before a message; in a terminal, further lines of it get a mark of the same width. The mark of
    /// the first is `<` before the words of a peer, and `*` before our own about what it has sent.
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
