//! What the peer does, in event loops.

mod alone;
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
use ws_proto::extension::deflate::Deflate;
use ws_proto_mio::Options;

pub(crate) fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Command::parse(&words)? {
        Command::Sessions => session::play_all(),
        Command::Server(address, deflate) => echo::serve(address, &options(deflate)),
        Command::Client(url, agent, deflate) => echo::run_cases(url, agent, deflate),
        Command::Visit(url, wishes) => visit::visit(url, wishes),
    }
}

fn options(deflate: Option<Deflate>) -> Options {
    let options = Options::new().config(command::config());
    match deflate {
        Some(deflate) => options.deflate(deflate),
        None => options,
    }
}
