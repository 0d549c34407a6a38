//! A chat for thousands of connections on one thread, with epoll (by the crate `polling`).
//!
//! ```text
//! cargo run --release --example epoll -- 127.0.0.1:9002
//! ```
//!
//! A browser that opens the address gets a page. `/chat/NAME` is the room NAME: each text goes to everybody
//! in it, encoded once. One read buffer serves all connections, one ordered set has all deadlines. All texts that one
//! read brings are written to each peer at once, from one output that is lent to one after the other.
#![allow(clippy::std_instead_of_alloc, reason = "an example has std")]

#[cfg(target_os = "linux")]
mod server;

fn main() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    server::run(&std::env::args().nth(1).unwrap_or("127.0.0.1:9002".into()))?;
    #[cfg(not(target_os = "linux"))]
    eprintln!("this example needs Linux");
    Ok(())
}
