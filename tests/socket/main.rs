//! `WebSocket`, and blocking I/O with it.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod big_frames;
mod failing;
mod io;
mod io_faults;
mod messages;
mod vectored;
