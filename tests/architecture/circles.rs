//! Modules that need each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::sources::Crate;

/// Modules of one directory of which each needs each other, by others perhaps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    /// The directory under `src`, with slashes.
    pub(crate) directory: String,
    pub(crate) modules: Vec<String>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}: {}", self.directory, self.modules.join(", "))
    }
}

/// All circles, the widest each: modules that are in two are in one.
pub(crate) fn circles(all: &Crate) -> Vec<Circle> {
    let mut found = Vec::new();
    for (directory, needs) in all.siblings() {
        let mut seen = BTreeSet::new();
        for name in needs.keys() {
            let circle: Vec<String> = reached(&needs, name)
                .into_iter()
                .filter(|other| reached(&needs, other).contains(name))
                .collect();
            if circle.len() > 1 && seen.insert(circle.clone()) {
                found.push(Circle {
                    directory: directory.join("/"),
                    modules: circle,
                });
            }
        }
    }
    found
}

/// What a module needs, directly or by others.
fn reached(needs: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(name) = next.pop() {
        for other in needs.get(&name).into_iter().flatten() {
            if reached.insert(other.clone()) {
                next.push(other.clone());
            }
        }
    }
    reached
}

#[test]
fn a_planted_circle_is_found() {
    let planted = Crate::of(&[
        ("", "mod a; mod b; mod c; mod d;"),
        ("a", "use crate::b::B;"),
        ("b", "pub struct B; fn f() -> crate::c::e::E { todo!() }"),
        ("c", "pub mod e; use super::d::D;"),
        ("c::e", "pub struct E; use crate::a;"),
        ("d", "pub struct D;"),
    ]);
    let found: Vec<String> = circles(&planted).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["src/: a, b, c"]);
}

#[test]
fn a_circle_inside_a_directory_is_found() {
    let planted = Crate::of(&[
        ("", "mod a;"),
        ("a", "mod one; mod two; pub use one::One; use two::Two;"),
        ("a::one", "use super::two::Two; pub struct One;"),
        ("a::two", "use crate::a::{one::One, Other}; pub struct Two;"),
    ]);
    let found: Vec<String> = circles(&planted).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["src/a: one, two"]);
}

#[test]
fn a_circle_by_way_of_the_root_is_found() {
    let planted = Crate::of(&[
        ("", "mod a; mod b; pub use a::A; pub use b::{B, C};"),
        ("a", "use crate::C; pub struct A;"),
        ("b", "use crate::a::A; pub struct B; pub struct C;"),
    ]);
    let found: Vec<String> = circles(&planted).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["src/: a, b"]);
}

#[test]
fn imports_in_one_direction_are_no_circle() {
    let straight = Crate::of(&[
        ("", "mod a; mod b; mod c;"),
        (
            "a",
            "use crate::{b::B, c::C}; // b needs crate::a::A, says this comment",
        ),
        (
            "b",
            "use crate::c::C; pub struct B; const TEXT: &str = \"crate::a::A\";",
        ),
        ("c", "pub struct C;\nmod tests {\n use crate::a; }"),
    ]);
    assert_eq!(circles(&straight), []);
}
