//! What the peer does, for every runtime.
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

mod echo;
mod session;
mod visit;

use anyhow::{Result, bail};
use ws_proto_async::{Config, Deflate, Options};

use crate::runtime;

pub(crate) fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let deflate = Deflate::new().threshold(0);
    let deflate = words.contains(&"--deflate").then_some(&deflate);
    match words[..] {
        ["sessions"] => session::play_all(),
        ["server", address] | ["server", address, "--deflate"] => {
            runtime::block_on(echo::serve(address, deflate.cloned()))
        }
        ["client", url, agent] | ["client", url, agent, "--deflate"] => {
            runtime::block_on(echo::run_cases(url, agent, deflate))
        }
        ["visit", url, ref wishes @ ..] => runtime::block_on(visit::visit(url, wishes)),
        _ => bail!("usage: peer (sessions | server ADDR | client URL AGENT | visit URL)"),
    }
}

/// The biggest messages that are played have 16 MiB; nobody is to be asked whether he is there.
fn options() -> Options {
    let config = Config::new()
        .max_message(MAX_MESSAGE)
        .max_frame(MAX_MESSAGE)
        .keepalive(None);
    Options::new().config(config)
}

const MAX_MESSAGE: u64 = 16 << 20;
