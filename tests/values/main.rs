//! What values say of themselves: errors, defaults, debug output, `Arbitrary`.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod arbitrary;
mod auto_traits;
mod errors;
mod values;
