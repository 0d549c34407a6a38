//! An echo server on io_uring: completions in place of readiness, and buffers that the kernel owns meanwhile.
//!
//! ```text
//! cargo run --release --example io_uring -- 127.0.0.1:9003
//! ```
//!
//! A message is echoed piece by piece as it comes, so one of any size takes a read buffer and what that
//! buffer is answered with. A connection reads or writes, never both: a peer that does not read is not read.

#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod ring;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1);
    ring::serve(address.as_deref().unwrap_or("127.0.0.1:9003"))
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this example needs Linux");
}
