//! Headers, masks, text and buffers: what works without a connection.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod buffers;
mod codec;
mod location;
mod message_buf;
mod requirements;
mod utf8;
