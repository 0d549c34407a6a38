//! The command line, the same for every adapter.
//!
//! ```text
//! adapter-NAME sessions                       plays sessions, each a line of standard input
//! adapter-NAME server ADDR [--deflate]        prints the URL it listens on, echoes until it is ended
//! adapter-NAME client URL AGENT [--deflate]   runs every case of an Autobahn fuzzingserver
//! adapter-NAME bytes ...                      one end of a byte stream: see `bytes`
//! adapter-NAME visit URL [--ca PEM] [--offer NAME]... [--proxy URL] [--proxy-ca PEM]
//!                                             checks that URL echoes, prints its report as JSON
//! ```
//!
//! The first is what `interop/sessions/sessions.py` starts, the next two are what `interop/autobahn`
//! starts. mio's has no `--proxy` and no `bytes`. `--deflate` accepts or offers permessage-deflate, and then compresses every message.

use anyhow::{Result, bail};
use ws_proto::Config;
use ws_proto::extension::deflate::Deflate;

use crate::bytes::Plan;

/// What to do.
#[derive(Debug)]
pub enum Command<'w> {
    /// Play the sessions of standard input.
    Sessions,
    /// Echo at this address.
    Server(&'w str, Option<Deflate>),
    /// Echo as a client of the fuzzingserver with this URL, under this name.
    Client(&'w str, &'w str, Option<Deflate>),
    /// Send and receive a stream of bytes.
    Bytes(Plan),
    /// Check the server with this URL; the options that follow.
    Visit(&'w str, &'w [&'w str]),
}

impl<'w> Command<'w> {
    /// Parses the words that follow the name of the program.
    ///
    /// # Errors
    ///
    /// The usage.
    pub fn parse(words: &'w [&'w str]) -> Result<Self> {
        let deflate = words
            .contains(&"--deflate")
            .then(|| Deflate::new().threshold(0));
        Ok(match *words {
            ["sessions"] => Self::Sessions,
            ["server", address] | ["server", address, "--deflate"] => {
                Self::Server(address, deflate)
            }
            ["client", url, agent] | ["client", url, agent, "--deflate"] => {
                Self::Client(url, agent, deflate)
            }
            ["bytes", ref words @ ..] => Self::Bytes(Plan::parse(words)?),
            ["visit", url, ref options @ ..] => Self::Visit(url, options),
            _ => {
                bail!("usage: (sessions | server ADDR | client URL AGENT | visit URL | bytes ...)")
            }
        })
    }
}

/// The biggest messages that are played have 16 MiB; no Pings are sent but those of the script.
pub const fn config() -> Config {
    const MAX_MESSAGE: u64 = 16 << 20;
    Config::new()
        .max_message(MAX_MESSAGE)
        .max_frame(MAX_MESSAGE)
        .keepalive(None)
}
