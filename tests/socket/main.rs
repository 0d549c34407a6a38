//! `WebSocket`, and blocking I/O with it.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod big_frames;
mod driver;
mod failing;
#[cfg(unix)] // pairs of sockets
mod io;
mod io_bytes;
mod io_ends;
mod io_faults;
mod io_proxy;
mod lent;
mod matrix;
mod messages;
mod prepared;
mod vectored;
