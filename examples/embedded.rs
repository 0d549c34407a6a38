//! Two devices without an allocator talk over a link of 48-byte packets.
//!
//! The devices are in `freestanding/src/device.rs`; the package beside it builds the same code as
//! a binary with neither `std` nor an allocator.
//!
//! ```text
//! cargo run --example embedded --no-default-features
//! ```

#[path = "freestanding/src/device.rs"]
mod device;

fn main() {
    // A board would ask its generator; here the operating system's stands in.
    let nonce = ws_proto::OsRandom::nonce().expect("randomness");
    match device::run(nonce, ws_proto::OsRandom::new()) {
        Ok(sum) => println!("the readings add up to {sum}"),
        Err(fault) => {
            eprintln!("fault: {fault:?}");
            std::process::exit(1);
        }
    }
}
