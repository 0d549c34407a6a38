//! What is allocated, and given back.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod allocations;
mod bomb;
mod deflate;
mod driver;
mod past;
mod prepared;
mod retention;
mod socket;

use ws_proto_suite::heap::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
