//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum, builder::PossibleValue};

const EXAMPLES: &str = "\
Examples:
  wsp ws://127.0.0.1:9001/                     talk: each line you type is a message
  wsp -m hello ws://127.0.0.1:9001/            say hello, print what comes back
  echo '{\"op\":\"list\"}' | wsp -c 1 wss://example.com/api    ask, print one answer
  wsp -n wss://example.com/feed | grep -i rust            only listen, until Ctrl-C
  wsp -f movie.mp4 ws://127.0.0.1:9001/upload  send a file as one message
  wsp --ping --ping-count 5 wss://example.com/ how far away is it
  wsp --listen 9001                            be a server to talk to
  wsp --listen 9001 --echo                     be a server that says everything back

Where things go:
  Messages go to standard output, everything else to standard error. In a terminal they
  have the time in front and binary ones are dumped in hex; in a pipe text ends in a
  newline and binary is written as it came.

Exit codes:
  0  the connection was closed in order (1000, 1001, or without a code)
  1  wrong usage, or a file that cannot be read or written
  2  no connection: host, TCP, TLS, refused, redirected, out of time
  3  the connection broke, or was closed with another code
  4  it ended before --count messages had come, or before everything was sent
  130  Ctrl-C before there was a connection, or twice; once closes it in order";

/// Talk to a WebSocket server from the command line, or be one.
///
/// Lines of standard input are sent as messages, received messages are printed. The connection is
/// closed when the input ends, once everything that the server sent before that is printed.
#[derive(Debug, Parser)]
#[command(name = "wsp", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Where to: ws://HOST:PORT/PATH, or wss:// for TLS
    #[arg(required_unless_present = "listen", conflicts_with = "listen")]
    pub(crate) url: Option<String>,

    /// Send this text; can be repeated. Then standard input is not read
    #[arg(
        short,
        long = "message",
        value_name = "TEXT",
        help_heading = "What is sent"
    )]
    pub(crate) messages: Vec<String>,

    /// Send this file as one message, in pieces; can be repeated. Then standard input is not read,
    /// but `-` is a file: all of standard input as one message
    #[arg(
        short,
        long = "file",
        value_name = "PATH",
        help_heading = "What is sent"
    )]
    pub(crate) files: Vec<PathBuf>,

    /// Files are sent as text, not as binary
    #[arg(short, long, conflicts_with = "binary", help_heading = "What is sent")]
    pub(crate) text: bool,

    /// Lines and messages are sent as binary, not as text
    #[arg(short, long, help_heading = "What is sent")]
    pub(crate) binary: bool,

    /// Send Pings and print how long the answers take. Then standard input is not read
    #[arg(long, value_name = "PAYLOAD", num_args = 0..=1, require_equals = true,
          default_missing_value = "wsp", value_parser = payload, help_heading = "What is sent")]
    pub(crate) ping: Option<String>,

    /// Seconds between two Pings
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds,
          help_heading = "What is sent")]
    pub(crate) ping_interval: Duration,

    /// Stop after so many Pings
    #[arg(
        long,
        value_name = "N",
        requires = "ping",
        help_heading = "What is sent"
    )]
    pub(crate) ping_count: Option<u64>,

    /// Send nothing: only print what comes
    #[arg(short, long, help_heading = "What is sent",
          conflicts_with_all = ["messages", "files", "ping"])]
    pub(crate) no_input: bool,

    /// Close after so many received messages, and not before. Messages and files are sent anyway
    #[arg(short, long, value_name = "N", help_heading = "When it ends")]
    pub(crate) count: Option<u64>,

    /// Once everything is sent, stay for so long before closing
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds,
          help_heading = "When it ends")]
    pub(crate) exit_after: Option<Duration>,

    /// How long it may take to connect, and to answer the last Ping
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds,
          help_heading = "When it ends")]
    pub(crate) timeout: Duration,

    /// Offer this subprotocol; with --listen, agree to it. Can be repeated, the favourite first
    #[arg(
        short,
        long = "subprotocol",
        value_name = "NAME",
        help_heading = "The handshake"
    )]
    pub(crate) subprotocols: Vec<String>,

    /// Send this header field, as in 'Authorization: Bearer abc'. Can be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header,
          help_heading = "The handshake")]
    pub(crate) headers: Vec<(String, String)>,

    /// Say that a page of this site asks; with --listen, let pages of this site in
    #[arg(long, value_name = "ORIGIN", help_heading = "The handshake")]
    pub(crate) origin: Option<String>,

    /// Offer to compress messages; with --listen, agree to it (permessage-deflate)
    #[arg(short = 'z', long, help_heading = "The handshake")]
    pub(crate) compress: bool,

    /// The largest message to receive, as in 512K, 16M or 2G
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = size,
          help_heading = "The handshake")]
    pub(crate) max_message: u64,

    /// Trust the certificates in this PEM file, and no others
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(crate) ca: Option<PathBuf>,

    /// Take any certificate: whoever is in between can read and change everything
    #[arg(long, conflicts_with = "ca", help_heading = "TLS")]
    pub(crate) insecure: bool,

    /// Be a server at ADDRESS:PORT, or at a port of 127.0.0.1. What one peer sends is printed, what
    /// you type goes to all of them; input in a pipe waits for the first peer
    #[arg(short, long, value_name = "ADDRESS", value_parser = address,
          conflicts_with_all = ["messages", "files", "ping", "ca", "insecure", "exit_after"],
          help_heading = "As a server")]
    pub(crate) listen: Option<String>,

    /// Send every message back to where it came from
    #[arg(long, requires = "listen", help_heading = "As a server")]
    pub(crate) echo: bool,

    /// End when the first peer has gone
    #[arg(long, requires = "listen", help_heading = "As a server")]
    pub(crate) once: bool,

    /// Write binary messages to this file, one behind the other
    #[arg(short, long, value_name = "FILE", help_heading = "What is printed")]
    pub(crate) output: Option<PathBuf>,

    /// The time in front of each text message and each dump
    #[arg(long, value_name = "WHEN", default_value = "auto", default_missing_value = "always",
          num_args = 0..=1, require_equals = true, help_heading = "What is printed")]
    pub(crate) timestamps: When,

    /// Print more: the response, what was agreed on, how it was closed
    #[arg(short, long, help_heading = "What is printed")]
    pub(crate) verbose: bool,

    /// Print nothing but errors
    #[arg(
        short,
        long,
        conflicts_with = "verbose",
        help_heading = "What is printed"
    )]
    pub(crate) quiet: bool,
}

impl Args {
    /// Whether lines of standard input are sent.
    pub(crate) fn reads_lines(&self) -> bool {
        !self.no_input && self.messages.is_empty() && self.files.is_empty() && self.ping.is_none()
    }
}

/// When to do something that suits a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// In a terminal.
    Auto,
    Never,
}

impl ValueEnum for When {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Always, Self::Auto, Self::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Always => "always",
            Self::Auto => "auto",
            Self::Never => "never",
        }))
    }
}

fn payload(text: &str) -> Result<String, String> {
    match text.len() {
        0..=125 => Ok(text.to_owned()),
        len => Err(format!("a Ping has room for 125 bytes, these are {len}")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("there is no colon in it")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => 1_u64,
        "K" | "k" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        other => return Err(format!("unknown unit {other}: there are K, M and G")),
    };
    let count: u64 = digits.parse().map_err(|_| "not a number".to_owned())?;
    count.checked_mul(unit).ok_or_else(|| "too much".to_owned())
}

/// A port alone is one of this machine's.
fn address(text: &str) -> Result<String, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(format!("127.0.0.1:{port}")),
        Err(_) if text.contains(':') => Ok(text.to_owned()),
        Err(_) => Err("neither a port nor ADDRESS:PORT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn values_are_read() {
        assert_eq!(size("512K"), Ok(512 << 10));
        assert_eq!(size("3"), Ok(3));
        assert!(size("3X").is_err() && size("G").is_err() && size("99999999999G").is_err());
        assert_eq!(address("9001").as_deref(), Ok("127.0.0.1:9001"));
        assert_eq!(address("0.0.0.0:1").as_deref(), Ok("0.0.0.0:1"));
        assert!(address("here").is_err());
        assert_eq!(header("A: b:c"), Ok(("A".to_owned(), "b:c".to_owned())));
        assert!(header("A").is_err());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("-1").is_err() && seconds("x").is_err());
    }
}
