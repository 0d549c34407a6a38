//! What this program reports besides messages: lines on standard error, each with its name in front.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::args::Args;
use crate::bars;
use crate::shown::{self, Layout};

/// Where a line is continued, so that none begins with what another has written.
const INDENT: &str = "     ";

/// What is reported, to standard error. That nobody reads it is no error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notices {
    is_on: bool,
    is_quiet: bool,
    is_verbose: bool,
}

impl Notices {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            is_on: !args.quiet && (args.verbose || io::stderr().is_terminal()),
            is_quiet: args.quiet,
            is_verbose: args.verbose,
        }
    }

    /// For people who look at it: in a terminal, and with `--verbose`.
    pub(crate) fn say(self, words: impl Display) {
        if self.is_on {
            print(&words.to_string(), Style::new().bold());
        }
    }

    /// With `--verbose` only.
    pub(crate) fn explain(self, words: impl Display) {
        if self.is_verbose {
            print(&words.to_string(), Style::new().bold());
        }
    }

    /// Always, but with `--quiet`.
    pub(crate) fn announce(self, words: impl Display) {
        if !self.is_quiet {
            print(&words.to_string(), Style::new().bold());
        }
    }

    /// Always, but with `--quiet`: what goes wrong while the rest goes on.
    pub(crate) fn warn(self, words: impl Display) {
        if !self.is_quiet {
            print(&words.to_string(), AnsiColor::Yellow.on_default().bold());
        }
    }
}

/// Reports why the program ends, whatever was asked for.
pub(crate) fn fail(words: impl Display) {
    print(&words.to_string(), AnsiColor::Red.on_default().bold());
}

/// The words are ours; what others have written in them is one line each, and escaped. A line that does not fit
/// is broken here: where the terminal breaks it, the words of another could begin a line.
fn print(words: &str, style: Style) {
    let stderr = io::stderr();
    let is_terminal = stderr.is_terminal();
    let style = if is_terminal && is_coloured(&stderr) {
        style
    } else {
        Style::new()
    };
    let columns = is_terminal.then(|| shown::columns(&stderr)).flatten();
    let mut out = format!("{style}wsp:{style:#} ");
    for (number, line) in words.lines().enumerate() {
        let before = if number == 0 { INDENT.len() } else { 0 };
        let mut layout = Layout::new(INDENT.to_owned(), before, columns);
        out += &layout.push(&shown::escape(line));
        out.push('\n');
    }
    let _ = bars::without(|| stderr.lock().write_all(out.as_bytes()));
}

/// Whether it wants colours, if it is a terminal.
pub(crate) fn is_coloured(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}
