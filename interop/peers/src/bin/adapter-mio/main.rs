//! `ws-proto-mio` as one end of a connection: see [`ws_proto_interop::command`].

mod alone;
mod echo;
mod session;
mod visit;

use anyhow::Result;
use ws_proto::extension::deflate::Deflate;
use ws_proto_interop::command::{self, Command};
use ws_proto_mio::Options;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Command::parse(&words)? {
        Command::Sessions => session::play_all(),
        Command::Server(address, deflate) => echo::serve(address, &options(deflate)),
        Command::Client(url, agent, deflate) => echo::run_cases(url, agent, deflate),
        Command::Bytes(_) => anyhow::bail!("mio has no streams of bytes"),
        Command::Visit(url, given) => visit::visit(url, given),
    }
}

fn options(deflate: Option<Deflate>) -> Options {
    let options = Options::new().config(command::config());
    match deflate {
        Some(deflate) => options.deflate(deflate),
        None => options,
    }
}
