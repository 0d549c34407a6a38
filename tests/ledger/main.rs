//! What the documents say: requirements and past bugs have tests, and the README's loop runs.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod past_bugs;
mod readme;
mod requirements;
