//! `wsp`: talk to WebSocket servers from the command line, or be one.

mod args;
mod bars;
mod client;
mod connect;
mod ending;
mod failure;
mod hints;
mod input;
mod kit;
mod listen;
mod notices;
mod pings;
mod print;
mod progress;
mod receive;
mod response;
mod retry;
mod route;
mod session;
mod shown;
mod signals;
mod stay;
mod target;
mod tls;

use std::process::ExitCode;

use args::Args;
use clap::Parser;
use failure::{Exit, Failure, OrExit};
use signals::Signals;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Exit::Usage as u8)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match args.complete().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            notices::fail(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(args: Args) -> Result<(), Failure> {
    if let Some(done) = kit::run(&args) {
        return done;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_exit(Exit::Usage)?;
    let done = runtime.block_on(async {
        let signals = Signals::catch().or_exit(Exit::Usage)?;
        match (args.listen.clone(), args.url.clone()) {
            (Some(address), _) => listen::run(args, &address, signals).await,
            (None, Some(target)) => client::run(&args, &target, signals).await,
            (None, None) => Ok(()),
        }
    });
    // A thread may wait for standard input for ever.
    runtime.shutdown_background();
    done
}
