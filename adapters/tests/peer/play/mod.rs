//! What the peer does, for every asynchronous runtime.

#[path = "../shared/command.rs"]
mod command;
mod echo;
#[path = "../shared/probe.rs"]
mod probe;
#[path = "../shared/script.rs"]
mod script;
mod session;
mod visit;

use anyhow::Result;
use command::Command;
use ws_proto_async::Options;

use crate::runtime;

pub(crate) fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Command::parse(&words)? {
        Command::Sessions => session::play_all(),
        Command::Server(address, deflate) => runtime::block_on(echo::serve(address, deflate)),
        Command::Client(url, agent, deflate) => {
            runtime::block_on(echo::run_cases(url, agent, deflate.as_ref()))
        }
        Command::Visit(url, wishes) => runtime::block_on(visit::visit(url, wishes)),
    }
}

fn options() -> Options {
    Options::new().config(command::config())
}
