//! What this program reports besides messages: lines on standard error, each with its name in front.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

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

    /// Always, but with `--quiet`: errors while the rest goes on.
    pub(crate) fn warn(self, words: impl Display) {
        if !self.is_quiet {
            print(&words.to_string(), AnsiColor::Yellow.on_default().bold());
        }
    }
}

/// Reports why the program ends, with any options.
pub(crate) fn fail(words: impl Display) {
    print(&words.to_string(), AnsiColor::Red.on_default().bold());
}

/// The words are ours; text of others in them is one line each, and escaped. A line that does not fit
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
    Writer::get().write(out.into_bytes());
}

/// Writes to standard error from a thread: who reads that may not do so, and connections live on meanwhile.
#[derive(Debug)]
struct Writer {
    to_write: mpsc::Sender<(Vec<u8>, mpsc::Sender<()>)>,
    /// Nobody reads the last output.
    is_stuck: bool,
    written: mpsc::Receiver<()>,
}

/// How long a line waits to be read, and everything else with it. Those after it are dropped until it is.
const READ: Duration = Duration::from_secs(1);

impl Writer {
    fn get() -> MutexGuard<'static, Self> {
        static WRITER: LazyLock<Mutex<Writer>> = LazyLock::new(|| Mutex::new(Writer::start()));
        WRITER.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start() -> Self {
        let (to_write, lines) = mpsc::channel::<(Vec<u8>, mpsc::Sender<()>)>();
        thread::spawn(move || {
            for (line, written) in lines {
                let _ = bars::without(|| io::stderr().lock().write_all(&line));
                let _ = written.send(());
            }
        });
        let (_, written) = mpsc::channel();
        Self {
            to_write,
            is_stuck: false,
            written,
        }
    }

    fn write(&mut self, line: Vec<u8>) {
        if self.is_stuck && self.written.try_recv().is_err() {
            return;
        }
        let (report, written) = mpsc::channel();
        self.written = written;
        self.is_stuck =
            self.to_write.send((line, report)).is_ok() && self.written.recv_timeout(READ).is_err();
    }
}

/// Whether it wants colours, if it is a terminal.
pub(crate) fn is_coloured(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}
