//! The command line.

mod kit;
mod values;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum, builder::PossibleValue};

use crate::failure::{Exit, Failure, failure};
use crate::route::Route;
use crate::session::Session;
use crate::target::{Place, Target};
pub(crate) use kit::KitArgs;
pub(crate) use values::Address;
use values::{
    Attempts, EVER, address, attempts, header, host, origin, payload, seconds, size, subprotocol,
};

const EXAMPLES: &str = "\
Examples:
  # talk: each line is a message
  wsp ws://127.0.0.1:9001/
  # say hello, and print the answer
  wsp -m hello localhost:9001
  # ask, print one answer
  echo '{\"op\":\"list\"}' | wsp -c 1 wss://example.com/api
  # only listen, until Ctrl-C
  wsp -n wss://example.com/feed | grep -i rust
  # only the texts of the messages
  wsp -n --json wss://example.com/feed | jq -r 'select(.text).text'
  # send a file, as one message
  wsp -f movie.mp4 ws://127.0.0.1:9001/upload
  # measure the time to a server and back
  wsp --ping --ping-count 5 wss://example.com/
  # connect again when the connection is lost
  wsp --retry -n wss://example.com/feed
  # go through a proxy
  wsp --proxy socks5h://127.0.0.1:1080 wss://example.com/
  # connect to another machine than the URL says
  wsp --connect-to 10.0.0.7:443 wss://example.com/
  # with a certificate of the client
  wsp --ca ca.pem --cert me.pem --key me.key wss://example.com/
  # a Unix socket, and a path to ask for there
  wsp ws+unix:/run/app.sock:/events
  # be a server to talk to
  wsp --listen 9001
  # be a server that sends everything back
  wsp --listen 9001 --echo
  # be a server with TLS
  wsp --listen 9443 --cert me.pem --key me.key
  # be a server at a Unix socket
  wsp --listen ./chat.sock
  # keep all bytes of a connection, and print them as frames
  wsp --record fault.jsonl -m hello localhost:9001
  wsp --show fault.jsonl
  # check how a server reacts to clients that misbehave
  wsp --hostile all localhost:9001

In a terminal, /help lists what else can be typed: /ping, /close.

Output:
  Messages go to standard output, everything else to standard error.
  In a terminal each message has the time in front; binary ones are hex dumps.
  In a pipe a text ends in a newline; binary messages are written as they came.
  With --json, each message, Ping, Pong and Close is an object on a line.

Exit codes:
  0    the connection was closed in order: 1000, 1001, without a code,
       or as /close asked
  1    wrong usage, or input or a file that cannot be sent, read or written
  2    no connection: host, TCP, proxy, TLS, refused, redirected, out of time
  3    the connection broke, or was closed with another code
  4    something is missing: nothing came back, it ended before --count messages
       had come, or before everything was sent
  130  Ctrl-C while there was no connection, or twice; once closes in order
  143  the same with SIGTERM";

/// Talk to a WebSocket server from the command line, or be one.
///
/// Lines of standard input are sent as messages, received messages are printed. When the input has ended and
/// the server has been silent for a second, the connection is closed.
#[derive(Debug, Parser)]
#[command(name = "wsp", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Args {
    /// The server: ws://HOST:PORT/PATH, or wss:// for TLS. HOST:PORT and http:// mean ws://, https:// means wss://;
    /// ws+unix:SOCKET:/PATH is a Unix socket
    #[arg(required_unless_present_any = ["listen", "hostile", "show", "replay"], conflicts_with = "listen",
          value_parser = Target::parse)]
    pub(crate) url: Option<Target>,

    /// Send this text; can be repeated. Then standard input is not read
    #[arg(
        short,
        long = "message",
        value_name = "TEXT",
        allow_hyphen_values = true,
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

    /// Send files as text, not as binary
    #[arg(short, long, conflicts_with = "binary", help_heading = "What is sent")]
    pub(crate) text: bool,

    /// Send lines and messages as binary, not as text
    #[arg(short, long, help_heading = "What is sent")]
    pub(crate) binary: bool,

    /// End each message with a NUL byte in place of a newline, in standard input and in the output to a pipe
    #[arg(short = '0', long, help_heading = "What is sent")]
    pub(crate) null: bool,

    /// Send Pings and print how long the answers take. Then standard input is not read
    #[arg(long, value_name = "PAYLOAD", num_args = 0..=1, require_equals = true,
          default_missing_value = "wsp", value_parser = payload, help_heading = "What is sent")]
    pub(crate) ping: Option<String>,

    /// Seconds between two Pings
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds,
          help_heading = "What is sent")]
    pub(crate) ping_interval: Duration,

    /// Stop after N Pings
    #[arg(
        long,
        value_name = "N",
        requires = "ping",
        help_heading = "What is sent"
    )]
    pub(crate) ping_count: Option<u64>,

    /// Send nothing: only print received messages
    #[arg(short, long, help_heading = "What is sent",
          conflicts_with_all = ["messages", "files", "ping"])]
    pub(crate) no_input: bool,

    /// Close after N received messages, and not before. Messages and files are sent whole in any case
    #[arg(short, long, value_name = "N", help_heading = "When it ends")]
    pub(crate) count: Option<u64>,

    /// Once everything is sent, close when no message has come for this time [default: 1; no limit with --count
    /// or --no-input]. With 0, close at once, and expect no answer
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds,
          conflicts_with_all = ["exit_after", "listen"], help_heading = "When it ends")]
    pub(crate) wait: Option<Duration>,

    /// Once everything is sent, close after this time, whether or not messages come
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds,
          help_heading = "When it ends")]
    pub(crate) exit_after: Option<Duration>,

    /// The time limit to connect, and for the answer to the last Ping
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds,
          help_heading = "When it ends")]
    pub(crate) timeout: Duration,

    /// Connect to this host and port, not to those of the URL. The request and the check of the certificate still
    /// use the URL
    #[arg(long, value_name = "HOST:PORT", value_parser = Place::parse, conflicts_with = "listen",
          help_heading = "Where to connect")]
    pub(crate) connect_to: Option<Place>,

    /// Use this name in the field Host and in the check of the certificate, not the host of the URL. The connection
    /// still goes to the URL
    #[arg(long, value_name = "NAME", value_parser = host, conflicts_with = "listen",
          help_heading = "Where to connect")]
    pub(crate) host: Option<String>,

    /// Connect through this proxy, http, https, socks5 or socks5h (the proxy resolves the name), as in
    /// http://USER:PASSWORD@HOST:PORT; '' uses none. Without this option, the variables HTTPS_PROXY (for wss),
    /// http_proxy (for ws) and ALL_PROXY (for both) name the proxy, except for hosts in NO_PROXY, as for curl
    #[arg(long, value_name = "URL", value_parser = Route::parse, conflicts_with = "listen",
          help_heading = "Where to connect")]
    pub(crate) proxy: Option<Route>,

    /// Connect again when there is no connection or it is lost, as long as there is something to send or to wait
    /// for (-n, -c); after a delay that grows from 1 s to 30 s. If N is given, give up after N failures in a row
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = EVER,
          value_parser = attempts, conflicts_with = "listen", help_heading = "Where to connect")]
    pub(crate) retry: Option<Attempts>,

    /// Offer this subprotocol; with --listen, agree to it. Can be repeated, the favourite first
    #[arg(
        short,
        long = "subprotocol",
        value_name = "NAME",
        value_parser = subprotocol,
        help_heading = "The handshake"
    )]
    pub(crate) subprotocols: Vec<String>,

    /// Send this header field, as in 'Authorization: Bearer abc'. Can be repeated. 'User-Agent: x' replaces the
    /// one of wsp, 'User-Agent:' leaves it out
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header,
          help_heading = "The handshake")]
    pub(crate) headers: Vec<(String, String)>,

    /// Send this Origin, as a browser does for a page of that site; with --listen, let pages of that site in
    #[arg(long, value_name = "ORIGIN", value_parser = origin, help_heading = "The handshake")]
    pub(crate) origin: Option<String>,

    /// Offer to compress messages; with --listen, agree to it (permessage-deflate)
    #[arg(short = 'z', long, help_heading = "The handshake")]
    pub(crate) compress: bool,

    /// The largest message to receive, as in 512K, 16M or 2G
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = size,
          help_heading = "The handshake")]
    pub(crate) max_message: u64,

    /// Trust the certificates in this PEM file, of authorities or of the server itself, and no others
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(crate) ca: Option<PathBuf>,

    /// Accept any certificate: an attacker in the network can then read and change everything
    #[arg(long, conflicts_with = "ca", help_heading = "TLS")]
    pub(crate) insecure: bool,

    /// Send this certificate to a server that asks for one, with the certificates up to its authority, from a PEM file.
    /// With --listen, it is the certificate of the server, which then speaks TLS
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(crate) cert: Option<PathBuf>,

    /// The private key of --cert, in PEM. Without this option it is in the same file
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    pub(crate) key: Option<PathBuf>,

    /// Be a server at ADDRESS:PORT, at a port of 127.0.0.1, or at a path as a Unix socket. Messages of peers are
    /// printed, lines that you type go to all of them; input in a pipe waits for the first peer
    #[arg(short, long, value_name = "ADDRESS", value_parser = address,
          conflicts_with_all = ["messages", "files", "ping", "ca", "insecure", "exit_after"],
          help_heading = "As a server")]
    pub(crate) listen: Option<Address>,

    /// Send every message back to its sender
    #[arg(long, requires = "listen", help_heading = "As a server")]
    pub(crate) echo: bool,

    /// Close the connection of a peer that reads too slowly, when more than this waits to be sent to it
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = size,
          requires = "listen", help_heading = "As a server")]
    pub(crate) max_lag: u64,

    /// End when the first peer has gone
    #[arg(long, requires = "listen", help_heading = "As a server")]
    pub(crate) once: bool,

    #[command(flatten)]
    pub(crate) kit: KitArgs,

    /// Print a JSON object a line for each message, Ping, Pong and Close, sent or received
    #[arg(short, long, conflicts_with_all = ["output", "timestamps"],
          help_heading = "What is printed")]
    pub(crate) json: bool,

    /// Write binary messages to this file, one after the other
    #[arg(short, long, value_name = "FILE", help_heading = "What is printed")]
    pub(crate) output: Option<PathBuf>,

    /// Print the time in front of each text message and each dump
    #[arg(long, value_name = "WHEN", default_value = "auto", default_missing_value = "always",
          num_args = 0..=1, require_equals = true, help_heading = "What is printed")]
    pub(crate) timestamps: When,

    /// Print more: the response, the agreed subprotocol and compression, Pings and Pongs, the Close
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
    /// Adds implied arguments, and does the checks that need all arguments together.
    pub(crate) fn complete(mut self) -> Result<Self, Failure> {
        let mut names = self.subprotocols.iter().enumerate();
        if let Some((_, twice)) = names.find(|(n, name)| self.subprotocols[..*n].contains(name)) {
            let words = format!("--subprotocol {twice} is given twice");
            return Err(failure(Exit::Usage, words));
        }
        let is_socket = |target: &Target| target.socket.is_some();
        if self.url.as_ref().is_some_and(is_socket) {
            let given = [
                ("--connect-to", self.connect_to.is_some()),
                (
                    "--proxy",
                    self.proxy
                        .as_ref()
                        .is_some_and(|route| route.proxy().is_some()),
                ),
            ];
            if let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                let words = format!("{option} is about TCP, and the URL about a Unix socket");
                return Err(failure(Exit::Usage, words));
            }
        }
        if self.url.is_some() {
            let is_agent = |(name, _): &(String, String)| name.eq_ignore_ascii_case("User-Agent");
            if self.headers.iter().any(is_agent) {
                self.headers
                    .retain(|field| !is_agent(field) || !field.1.is_empty());
            } else {
                let agent = concat!("wsp/", env!("CARGO_PKG_VERSION"));
                self.headers
                    .push(("User-Agent".to_owned(), agent.to_owned()));
            }
        }
        Ok(self)
    }

    /// Whether messages are received as a whole, not in pieces: because Pings and Pongs are shown too, or because
    /// a progress bar and a half of a line have no place side by side.
    pub(crate) fn takes_whole_messages(&self) -> bool {
        let beside_bars =
            !self.files.is_empty() && self.output.is_none() && std::io::stdout().is_terminal();
        self.json || self.verbose || self.ping.is_some() || self.has_commands() || beside_bars
    }

    /// Whether a person types the messages, who can give commands too.
    pub(crate) fn has_commands(&self) -> bool {
        self.reads_lines() && std::io::stdin().is_terminal()
    }

    /// Where a person types, if one does.
    pub(crate) fn session(&self) -> Option<Session> {
        self.has_commands().then_some(match self.listen {
            Some(_) => Session::Room,
            None => Session::Client,
        })
    }

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
