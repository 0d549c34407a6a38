//! Loops over bytes, for vectors: masking, moving masked bytes together, and looking for ASCII on the
//! way. A leaf: it knows bytes and keys, and imports nothing of this crate.
//!
//! The loops are safe code, written so that LLVM makes vectors of them. With the feature `simd` this is
//! the one module that has `unsafe`, of two kinds:
//!
//! * [`wide`] compiles the same loops once more for processors that have AVX2; whether this one has it is
//!   found out at run time. (AVX-512 gained nothing more where it was measured, and needs a newer
//!   compiler.)
//! * [`ascii`] makes a `str` of bytes that a loop has seen to be ASCII, without looking again.
//!
//! The tests compare each with its safe counterpart, at every length and alignment.

#![warn(clippy::arithmetic_side_effects)]

mod ascii;
#[cfg(all(test, feature = "simd"))]
mod tests;
mod wide;
mod xor;

pub(crate) use ascii::{Joined, short_ascii, unmask_text};
pub(crate) use wide::{Loop, widest};
pub(crate) use xor::{xor, xor_into};
