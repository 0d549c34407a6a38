//! A chat for thousands of connections on one thread, with epoll (by the crate `polling`).
//!
//! ```text
//! cargo run --release --example epoll -- 127.0.0.1:9002
//! ```
//!
//! A browser that opens the address gets a page. `/chat/NAME` is the room NAME: each text goes to everybody
//! in it. One read buffer serves all connections, one heap has all deadlines. A turn reads from all who have
//! something to say, then writes to each peer once, however many messages it gets.
//!
//! [`peer`] is one connection, from the first byte of its request to the closed socket.

#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod server;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1);
    server::Server::bind(address.as_deref().unwrap_or("127.0.0.1:9002"))?.run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this example needs Linux");
}
