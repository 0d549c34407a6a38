//! Who uses an adapter need not name the engine a second time: each one re-exports it, itself or by the crate below, and
//! passes its features on.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of the libraries for programs; the test kit and the suite of the workspace are for tests.
fn adapters() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let is_for_tests =
        |path: &Path| path.ends_with("ws-proto-test") || path.ends_with("ws-proto-suite");
    paths.retain(|path| path.join("src/lib.rs").exists() && !is_for_tests(path));
    paths.sort();
    paths
}

/// The lines of a section of a manifest.
fn section<'m>(manifest: &'m str, name: &str) -> Vec<&'m str> {
    let head = format!("[{name}]");
    let lines = manifest.lines().skip_while(|line| *line != head).skip(1);
    lines.take_while(|line| !line.starts_with('[')).collect()
}

#[test]
fn adapters_pass_on_the_engine_and_its_features() {
    let mut faults = Vec::new();
    let adapters = adapters();
    assert!(adapters.len() >= 6, "{adapters:?}");
    for path in adapters {
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        let library = fs::read_to_string(path.join("src/lib.rs")).unwrap();
        let features = section(&manifest, "features");
        let dependencies = section(&manifest, "dependencies");
        let mut check = |right: bool, what: &str| {
            if !right {
                faults.push(format!("{}: {what}", path.display()));
            }
        };
        let has = |start: &str, part: &str| {
            let mut lines = features.iter();
            lines.any(|line| line.starts_with(start) && line.contains(part))
        };
        check(has("simd = [", "/simd\""), "no feature simd");
        check(has("default = [", "\"simd\""), "simd is not on by default");
        let always = dependencies
            .iter()
            .any(|line| line.starts_with("ws-proto") && line.contains("\"http\""));
        check(always || has("http = [", "/http\""), "no feature http");
        check(has("deflate = [", "/deflate\""), "no feature deflate");
        let exports = ["pub use ws_proto;", "pub use ws_proto_tokio;", " ws_proto,"];
        let is_exported = exports.iter().any(|export| library.contains(export));
        check(is_exported, "the engine is not re-exported");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
