//! The modules of `src` import in one direction: no two of the same directory need each other, directly
//! or by others, so that each can be read and tested before those that build on it.
//!
//! The sources are read as text: paths that begin with `crate::`, `super::` or `self::`, in `use`
//! declarations with their groups and in other code. Comments, strings and tests inside the sources do
//! not count.
//!
//! And every public item has an example.

#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod adapters;
mod circles;
mod examples;
mod paths;
mod sources;

use std::path::Path;

use circles::circles;
use sources::Crate;

fn src() -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn modules_import_in_one_direction() {
    let found: Vec<String> = circles(&src()).iter().map(ToString::to_string).collect();
    assert!(
        found.is_empty(),
        "modules that need each other:\n{}",
        found.join("\n")
    );
}

/// What the loops over bytes are made of: nothing of this crate.
#[test]
fn simd_is_a_leaf() {
    let imports = src().imports_of("simd");
    assert!(imports.is_empty(), "simd imports {imports:?}");
}
