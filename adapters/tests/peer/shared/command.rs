//! The command line, the same for every adapter.
//!
//! ```text
//! peer sessions                       plays sessions, each a line of standard input
//! peer server ADDR [--deflate]        prints the URL it listens on, echoes until it is killed
//! peer client URL AGENT [--deflate]   runs every case of an Autobahn fuzzingserver
//! peer visit URL [--ca PEM] [--offer NAME]...
//!                                     looks whether URL echoes, prints what came of it as JSON
//! ```
//!
//! The first is the language of `tests/interop/sessions.py`, the next two are that of
//! `tests/autobahn/run.sh`. `--deflate` accepts or offers permessage-deflate, and then compresses
//! every message.

use anyhow::{Result, bail};
use ws_proto::Config;
use ws_proto::extension::deflate::Deflate;

pub(crate) enum Command<'w> {
    Sessions,
    Server(&'w str, Option<Deflate>),
    Client(&'w str, &'w str, Option<Deflate>),
    Visit(&'w str, &'w [&'w str]),
}

impl<'w> Command<'w> {
    pub(crate) fn parse(words: &'w [&'w str]) -> Result<Self> {
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
            ["visit", url, ref wishes @ ..] => Self::Visit(url, wishes),
            _ => bail!("usage: peer (sessions | server ADDR | client URL AGENT | visit URL)"),
        })
    }
}

/// The biggest messages that are played have 16 MiB; nobody is to be asked whether he is there.
pub(crate) const fn config() -> Config {
    const MAX_MESSAGE: u64 = 16 << 20;
    Config::new()
        .max_message(MAX_MESSAGE)
        .max_frame(MAX_MESSAGE)
        .keepalive(None)
}
