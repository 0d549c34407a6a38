//! A device with a transport that the compiler knows nothing about.

#![allow(dead_code, reason = "each program needs a part of it")]

use core::hint::black_box;
use core::panic::PanicInfo;

#[path = "../../../examples/freestanding/src/linux.rs"]
mod linux;

pub(crate) use linux::exit;

pub(crate) struct Device([u8; 512]);

impl Device {
    pub(crate) fn new() -> Self {
        Self([0; 512])
    }

    /// `None` once there is nothing left to read, which is at once: these are built, not run.
    pub(crate) fn read(&mut self) -> Option<&mut [u8]> {
        let len = black_box(0);
        black_box(&mut self.0);
        self.0.get_mut(..len).filter(|read| !read.is_empty())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        black_box(bytes);
    }

    pub(crate) fn random(&mut self) -> [u8; 16] {
        black_box([7; 16])
    }
}

/// What an application does with a message.
pub(crate) fn take(bytes: &[u8]) {
    black_box(bytes);
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(101)
}
