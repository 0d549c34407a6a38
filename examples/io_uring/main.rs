//! An echo server on io_uring: completions in place of readiness, and buffers that the kernel owns meanwhile.
//!
//! ```text
//! cargo run --release --example io_uring -- 127.0.0.1:9003
//! ```
//!
//! A message is echoed piece by piece as it comes, so one of any size takes a read buffer and what that
//! buffer is answered with. A peer that does not read is not read.
#![allow(clippy::std_instead_of_alloc, reason = "an example has std")]

#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
mod ring;

fn main() -> anyhow::Result<()> {
    #[cfg(all(
        target_os = "linux",
        any(
            target_arch = "x86_64",
            target_arch = "aarch64",
            target_arch = "riscv64"
        )
    ))]
    ring::serve(&std::env::args().nth(1).unwrap_or("127.0.0.1:9003".into()))?;
    #[cfg(not(all(
        target_os = "linux",
        any(
            target_arch = "x86_64",
            target_arch = "aarch64",
            target_arch = "riscv64"
        )
    )))]
    eprintln!("this example needs Linux, on a processor that io-uring is made for");
    Ok(())
}
