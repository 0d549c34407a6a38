//! What a bare `x86_64` Linux process lacks: the memory functions that compilers call, and the end.
//!
//! Targets without an operating system get these from the compiler's own library.

use core::arch::{asm, global_asm};

// The kernel enters with an aligned stack, a function expects to have been called.
global_asm!(".globl _start", "_start:", "and rsp, -16", "call start");

/// Ends the process.
pub(crate) fn exit(status: usize) -> ! {
    // SAFETY: `exit_group` takes a number and does not return.
    unsafe {
        asm!("syscall", in("rax") 231, in("rdi") status, options(noreturn));
    }
}

// Written with string instructions, since a compiler turns loops that copy into calls of these.

/// # Safety
///
/// As C's `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") n => _);
    }
    to
}

/// # Safety
///
/// As C's `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= n {
        // SAFETY: the caller's promise; copying upwards never reads a byte that it has written.
        return unsafe { memcpy(to, from, n) };
    }
    // SAFETY: the caller's promise; `n` is not zero here, so the last bytes exist.
    unsafe {
        asm!(
            "std", "rep movsb", "cld",
            inout("rdi") to.add(n).sub(1) => _,
            inout("rsi") from.add(n).sub(1) => _,
            inout("rcx") n => _,
        );
    }
    to
}

/// # Safety
///
/// As C's `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, n: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("rep stosb", inout("rdi") to => _, in("al") byte as u8, inout("rcx") n => _);
    }
    to
}

/// # Safety
///
/// As C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    for i in 0..n {
        // SAFETY: the caller's promise.
        let (a, b) = unsafe { (*a.add(i), *b.add(i)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// # Safety
///
/// As C's `bcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { memcmp(a, b, n) }
}
