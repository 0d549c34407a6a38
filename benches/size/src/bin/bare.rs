//! The programs without the engine: they write the bytes that they read.

#![no_std]
#![no_main]

#[path = "../device.rs"]
mod device;

use device::{Device, exit};

#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    let mut device = Device::new();
    let mut out = [0; 512];
    while let Some(read) = device.read() {
        let len = read.len();
        out[..len].copy_from_slice(read);
        device.write(&out[..len]);
    }
    exit(0)
}
