//! The panic handler that cannot link, and an allocator that may give anything.

use alloc::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

use super::given;

#[expect(improper_ctypes, reason = "there is no function to read it")]
unsafe extern "C" {
    /// Is nowhere. It wants to know of the panic, so that its place stays in the object file.
    safe fn a_panic_is_left(panic: *const PanicInfo<'_>) -> !;
}

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    a_panic_is_left(panic)
}

struct AnyMemory;

#[global_allocator]
static ALLOCATOR: AnyMemory = AnyMemory;

// SAFETY: no program runs.
unsafe impl GlobalAlloc for AnyMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        given()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
