//! Finds the snippets of the README files and of the guide.
//!
//! `pages.rs` has a module for each page, so that rustdoc tests all its snippets. A snippet after a line
//! `<!-- program: NAME -->` is a whole program: it is written to `NAME.rs`, with its addresses and its `main` made
//! so that `tests/programs.rs` can run it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Folders with pages, and whether those of their folders count too.
const FOLDERS: [(&str, bool); 6] = [
    ("", false),
    ("adapters", true),
    ("benches", false),
    ("fuzz", false),
    ("interop", false),
    ("docs/src", true),
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(doctest)");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.parent().expect("it is a folder of the repository");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut pages = Vec::new();
    for (folder, is_deep) in FOLDERS {
        let folder = root.join(folder);
        // Cargo looks at all of a folder: not at the root, which has the builds.
        if is_deep {
            println!("cargo::rerun-if-changed={}", folder.display());
        }
        find(&folder, is_deep, &mut pages);
    }
    pages.sort();
    let mut list = String::new();
    for page in &pages {
        let path = page.strip_prefix(root).expect("it is below the root");
        let name: String = path.display().to_string().to_lowercase();
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        writeln!(list, "#[doc = include_str!({page:?})]\npub mod {name} {{}}").expect("a String");
        println!("cargo::rerun-if-changed={}", page.display());
        let text = fs::read_to_string(page).expect("it was found");
        check_fences(path, &text);
        write_programs(&text, &out);
    }
    fs::write(out.join("pages.rs"), list).expect("OUT_DIR can be written to");
}

fn find(folder: &Path, is_deep: bool, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it is a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && is_deep {
            find(&path, true, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// A fence without a language is Rust to rustdoc, and nothing to a reader's highlighter.
fn check_fences(page: &Path, text: &str) {
    let mut is_open = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_open = !is_open;
            let bare = is_open && line.trim() == "```";
            assert!(
                !bare,
                "{}:{}: a fence without a language",
                page.display(),
                number + 1
            );
        }
    }
}

fn write_programs(text: &str, out: &Path) {
    for marked in text.split("\n<!-- program: ").skip(1) {
        let (name, rest) = marked.split_once(" -->").expect("the end of the mark");
        let code = rest.split_once("```rust").expect("a snippet").1;
        let code = code.split_once('\n').expect("a line").1;
        let code = code.split("```").next().expect("the end of the snippet");
        // mdBook and rustdoc hide lines that begin with `# `.
        let code: String = code
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .fold(String::new(), |code, line| code + line + "\n");
        let code = code
            .replace("\"127.0.0.1:9001\"", &format!("crate::address({name:?})"))
            .replace("\"ws://127.0.0.1:9001/\"", &format!("crate::url({name:?})"))
            .replace("fn main()", "fn main_of_program()")
            .replace("async fn main_of", "pub async fn main_of")
            .replace("\nfn main_of", "\npub fn main_of");
        fs::write(out.join(format!("{name}.rs")), code).expect("OUT_DIR can be written to");
    }
}
