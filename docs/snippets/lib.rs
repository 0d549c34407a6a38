//! Every snippet of Rust in the README files and in the guide is a doctest of this crate.
//!
//! `build.rs` lists the pages. A page that is added is tested without a change here.

#[cfg(doctest)]
include!(concat!(env!("OUT_DIR"), "/pages.rs"));
