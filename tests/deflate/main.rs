//! permessage-deflate (RFC 7692).
#![cfg(feature = "deflate")]
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod cut_text;
mod errors;
mod history;
mod io;
mod past;
mod prepared;
mod requirements;
mod round_trip;
mod values;
mod vectors;
