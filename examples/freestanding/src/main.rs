//! The devices of `embedded` with neither `std`, nor `alloc`, nor a C library: that this links is
//! the proof that the engine needs no allocator. Run on Linux, it ends with status 0 if the sum
//! is right.

#![no_std]
#![no_main]

#[path = "../../embedded/device.rs"]
mod device;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux;

use core::panic::PanicInfo;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use linux::exit;

/// Stands in for a board's generator: this program has no secrets.
fn counted_keys() -> impl FnMut() -> [u8; 4] {
    let mut count = 0u32;
    move || {
        count = count.wrapping_add(0x9e37_79b9);
        count.to_ne_bytes()
    }
}

#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    let right = device::run([7; 16], counted_keys()) == Ok(33_000);
    exit(if right { 0 } else { 1 })
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(101)
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn exit(status: usize) -> ! {
    loop {
        core::hint::black_box(status);
    }
}
