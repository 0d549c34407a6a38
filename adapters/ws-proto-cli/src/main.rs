//! `wsp`: talk to WebSocket servers from the command line, or be one.

mod args;
mod client;
mod connect;
mod failure;
mod hex;
mod input;
mod listen;
mod pings;
mod print;
mod tls;

use std::pin::pin;
use std::process::ExitCode;
use std::task::Poll;

use args::Args;
use clap::Parser;
use failure::{Exit, Failure, OrExit};

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
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("wsp: {failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(args: Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_exit(Exit::Usage)?;
    let done = runtime.block_on(async {
        catch_interrupts().await;
        match (args.listen.clone(), args.url.clone()) {
            (Some(address), _) => listen::run(args, &address).await,
            (None, Some(url)) => client::run(&args, &url).await,
            (None, None) => Ok(()),
        }
    });
    // A thread may wait for standard input for ever.
    runtime.shutdown_background();
    done
}

/// From here on Ctrl-C no longer ends the process by itself, whether or not it is waited for yet.
async fn catch_interrupts() {
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    std::future::poll_fn(|cx| {
        let _ = interrupted.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}
