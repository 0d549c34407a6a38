//! A connection: receiving and sending, its contracts, limits and timers, for both roles.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod answers;
mod any_order;
mod assembler;
mod clocks;
mod closing;
mod coalescing;
mod contracts;
mod cuts;
mod embedded;
mod events;
mod fail;
mod framing;
mod limits;
mod round_trip;
mod sending;
mod text;
mod timers;
mod unchanged;
mod vectors;
mod whole_and_part;
