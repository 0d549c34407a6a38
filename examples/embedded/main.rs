//! Two devices without an allocator talk over a link of 48-byte packets.
//!
//! The devices are in `device.rs`. The package `freestanding` builds the same file as a binary with
//! neither `std` nor an allocator, and the engine without features.
//!
//! ```text
//! cargo run --example embedded
//! cargo run --release --manifest-path examples/freestanding/Cargo.toml
//! ```

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
