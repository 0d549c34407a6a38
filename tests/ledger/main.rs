//! What the documents say: requirements and past bugs have tests, and the loop of the guide runs.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod event_loop;
mod past_bugs;
mod requirements;
mod trace;
