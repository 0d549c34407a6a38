//! Programs that link if and only if no panic is left in them: one for each public function of the engine.
//!
//! `run.sh` compiles this file once for each line `program!(NAME, BODY)`, with `--cfg linked` and
//! `--cfg program="NAME"`. The panic handler calls a function that does not exist. So a program links only if
//! the optimiser has removed every call of the handler: it has shown that no index is out of bounds, no sum
//! overflows, no `unwrap` fails, whatever the arguments are.
//!
//! The optimiser knows nothing of the arguments, nor of the state that a method is called on: all come from
//! [`given`], out of memory that it cannot see. Outputs and storage are trait objects that it cannot see
//! through. So nothing is shown by an invariant that the engine keeps from call to call: a function that
//! relies on one has to be safe without it too.
//!
//! What is shown holds for the processor that is compiled for, `x86_64`, and its width of `usize`. Functions that allocate have an
//! allocator that may return anything; that they end the program for want of memory is excused by name.
//!
//! Without `linked` this is a library, which is how it is checked by lints.

#![no_std]
#![cfg_attr(linked, no_main)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "the controls panic"
)]

extern crate alloc;

#[cfg(linked)]
mod linked;

use core::fmt::Formatter;
use core::hint::black_box;
use core::mem::forget;
use core::ptr::null_mut;

use ws_proto::connection::MaskSource;
use ws_proto::extension::{Decode, DecodeError};
use ws_proto::{Extended, MessageStorage, Output, Storage};

/// One program. Its name is that of the function as `checks/api/ws-proto.txt` writes it, without paths and
/// lifetimes, with the types of the arguments where one name has several functions; then, where there are
/// several programs for one function, a comma and a word.
macro_rules! program {
    ($name:literal, $body:expr) => {
        #[cfg(any(not(linked), program = $name))]
        const _: extern "C" fn() = {
            #[cfg_attr(linked, unsafe(no_mangle))]
            extern "C" fn _start() {
                used($body);
            }
            _start
        };
    };
}

/// Where the arguments are. No program runs.
struct Memory(*mut u8);

// SAFETY: nothing is written there, and nothing runs.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(null_mut());

/// Any value of the type at all.
#[inline(always)]
fn given<T>() -> T {
    // SAFETY: no program runs.
    unsafe { (&raw const MEMORY.0).read_volatile().cast::<T>().read() }
}

/// A value in memory that holds anything.
#[inline(always)]
fn state<T>() -> &'static mut T {
    given()
}

/// The value is needed, so whatever makes it stays in the program.
#[inline(always)]
fn used<T>(value: T) {
    forget(black_box(value));
}

/// Every element is needed.
#[inline(always)]
fn all(elements: impl IntoIterator) {
    for element in elements {
        used(element);
    }
}

/// An output that does anything.
fn output() -> &'static mut dyn Output {
    given()
}

/// A storage that does anything.
type AnyStorage = &'static mut dyn Storage;

/// A storage for messages that does anything.
type AnyMessageStorage = &'static mut dyn MessageStorage;

fn formatter() -> &'static mut Formatter<'static> {
    given()
}

/// Gives any key, or none.
struct Keys;

impl MaskSource for Keys {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        given()
    }
}

/// Stores anything, and gives any result.
struct AnyExtension;

impl Decode for AnyExtension {
    fn decode<S: MessageStorage>(
        &mut self,
        _: Extended<'_>,
        _: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        let _ = to.store(given());
        given()
    }

    fn abort(&mut self) {
        used(self);
    }
}

mod controls;
mod programs;
