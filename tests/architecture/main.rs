//! The modules of `src` import in one direction: no two of the same directory need each other, directly
//! or by others, so that each can be read and tested before those that build on it.
//!
//! The sources are read as text: paths that begin with `crate::`, `super::` or `self::`, in `use`
//! declarations with their groups and in other code. Comments, strings and tests inside the sources do
//! not count.

#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests have std"
)]

mod circles;
mod paths;
mod sources;

use std::path::Path;

use circles::{Circle, circles};
use sources::Crate;

/// Circles that are there and have to go: the directory and the modules in it.
const KNOWN: &[(&str, &[&str])] = &[
    ("extension/deflate", &["config", "negotiate"]),
    ("handshake", &["plain", "server", "upgrade"]),
];

fn src() -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn is_known(circle: &Circle) -> bool {
    KNOWN
        .iter()
        .any(|(directory, modules)| circle.directory == *directory && circle.modules == *modules)
}

#[test]
fn modules_import_in_one_direction() {
    let new: Vec<String> = circles(&src())
        .iter()
        .filter(|circle| !is_known(circle))
        .map(ToString::to_string)
        .collect();
    assert!(
        new.is_empty(),
        "modules that need each other:\n{}",
        new.join("\n")
    );
}

#[test]
fn what_is_known_is_still_there() {
    let found = circles(&src());
    for (directory, modules) in KNOWN {
        let there = found
            .iter()
            .any(|circle| circle.directory == *directory && circle.modules == *modules);
        assert!(
            there,
            "{directory}: {modules:?} is no circle any more: remove it from KNOWN"
        );
    }
}

/// What the loops over bytes are made of: nothing of this crate.
#[test]
fn simd_is_a_leaf() {
    let imports = src().imports_of("simd");
    assert!(imports.is_empty(), "simd imports {imports:?}");
}
