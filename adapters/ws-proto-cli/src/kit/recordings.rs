//! `--record`: a file for each connection.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use ws_proto_test::Side;
use ws_proto_test::record::{Header, Recorded, Recorder, Settings};

use crate::args::Args;
use crate::failure::{Exit, Failure, OrExit};
use crate::notices::Notices;

/// The files of `--record`, if that is given.
#[derive(Debug)]
pub(crate) struct Recordings {
    path: Option<PathBuf>,
    header: Header,
    notices: Notices,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The first file is opened before there is a connection: that it cannot be written is wrong usage. An old one keeps
    /// its content until there is something to record.
    first: Option<File>,
    count: usize,
}

impl Recordings {
    pub(crate) fn new(args: &Args, side: Side) -> Result<Self, Failure> {
        let path = args.kit.record.clone();
        let first = match &path {
            None => None,
            Some(path) => {
                let unmade = || format!("--record {} cannot be written", path.display());
                Some(open(path).with_context(unmade).or_exit(Exit::Usage)?)
            }
        };
        let mut settings = Settings::default();
        (settings.max_message, settings.max_frame) = (args.max_message, args.max_message);
        Ok(Self {
            path,
            header: Header::stream(side)
                .program(concat!("wsp ", env!("CARGO_PKG_VERSION")))
                .settings(settings),
            notices: Notices::new(args),
            state: Mutex::new(State { first, count: 0 }),
        })
    }

    /// The stream of a connection, before its handshake.
    pub(crate) fn stream<S>(&self, stream: S) -> Recorded<S> {
        let Some(path) = &self.path else {
            return Recorded::not(stream);
        };
        let made = match self.state.lock() {
            Ok(mut state) => {
                state.count += 1;
                let opened = match state.first.take() {
                    Some(file) => Ok(file),
                    None => open(&numbered(path, state.count)),
                };
                opened.and_then(emptied)
            }
            Err(_) => return Recorded::not(stream),
        };
        match made {
            Ok(file) => {
                let notices = self.notices;
                Recorder::new(Watched { file, notices }, &self.header).stream(stream)
            }
            Err(error) => {
                self.notices
                    .warn(format_args!("this connection is not recorded: {error}"));
                Recorded::not(stream)
            }
        }
    }
}

/// A new file, or an old one as it is. It gets passwords: a new one is for its owner alone.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Without its old content. A terminal, a pipe and the like have none.
fn emptied(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// A file, with a word to the user when it cannot be written: the recorder writes nothing after that, and says nothing.
#[derive(Debug)]
struct Watched {
    file: File,
    notices: Notices,
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        match &written {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                self.notices.warn(format_args!(
                    "the rest of this connection is not recorded: {error}"
                ));
            }
            _ => {}
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// `fault.jsonl` is `fault-2.jsonl` the second time.
fn numbered(path: &Path, count: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("-{count}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}
