//! Which public items have an example.
//!
//! Types, traits and functions have one in their own documentation. A method may share one: an example on the page
//! of its type calls it, or, of a trait, implements it. So a short accessor is shown where its value comes from.

use std::collections::BTreeMap;
use std::path::Path;

use crate::sources::Crate;

/// A public item as its source has it.
#[derive(Debug)]
struct Item {
    /// The type or trait that a method belongs to.
    of: Option<String>,
    name: String,
    /// The code of its examples.
    code: String,
}

/// The public types, traits, functions and methods that no example shows, by their paths.
///
/// A `pub` item is one that users reach: the lint `unreachable_pub` sees to that.
pub(crate) fn without_example(all: &Crate) -> Vec<String> {
    let items: Vec<(String, Item)> = all
        .sources()
        .flat_map(|(module, source)| {
            items(source)
                .into_iter()
                .map(move |item| (module.join("::"), item))
        })
        .collect();
    let mut pages: BTreeMap<&str, String> = BTreeMap::new();
    for (_, item) in &items {
        let page = pages.entry(item.of.as_ref().unwrap_or(&item.name));
        page.or_default().push_str(&item.code);
    }
    let lacking = items.iter().filter(|(_, item)| match &item.of {
        _ if !item.code.is_empty() => false,
        Some(of) => !shows(&pages[of.as_str()], of, &item.name),
        None => true,
    });
    lacking
        .map(|(module, item)| match &item.of {
            Some(of) => format!("{module}: {of}::{}", item.name),
            None => format!("{module}: {}", item.name),
        })
        .collect()
}

/// Whether the code calls that method of the type `of`, or implements it.
fn shows(code: &str, of: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_whole = !after.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        let path = before.strip_suffix("::");
        let is_path = path.is_some_and(|path| path.ends_with(of) || path.ends_with('>'));
        is_whole && (is_path || before.ends_with('.') || before.ends_with("fn "))
    })
}

/// The items of a source that rustfmt has formatted: those of a module begin their lines, methods are one step in.
fn items(source: &str) -> Vec<Item> {
    let mut found = Vec::new();
    let mut lines = source.lines();
    let mut documentation = Vec::new();
    let mut is_hidden = false;
    // The type of an `impl` without a trait, or the trait itself; whether its methods have no `pub`.
    let mut within: Option<(String, bool)> = None;
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if line == "mod tests {" {
            break;
        }
        if let Some(text) = code.strip_prefix("///") {
            documentation.push(text.trim_start().to_owned());
            continue;
        }
        if code.starts_with("#[") {
            is_hidden |= code.contains("doc(hidden)");
            let mut attribute = code.to_owned();
            while attribute.matches('[').count() > attribute.matches(']').count() {
                attribute.push_str(lines.next().unwrap_or("]"));
            }
            continue;
        }
        if code.starts_with("//") {
            continue;
        }
        if line.starts_with("impl") {
            let mut head = line.to_owned();
            while !head.contains('{') {
                head.push(' ');
                head.push_str(lines.next().unwrap_or("{"));
            }
            within = implemented(&head).map(|of| (of, false));
        } else if line.starts_with('}') {
            within = None;
        }
        if let Some((is_public, kind, name)) = declaration(code) {
            let of = match (line.len() - code.len(), &within) {
                (0, _) if is_public => Some(None),
                (4, Some((of, all))) if (is_public || *all) && kind == "fn" => {
                    Some(Some(of.clone()))
                }
                _ => None,
            };
            if let (Some(of), false) = (of, is_hidden) {
                found.push(Item {
                    of,
                    name: name.to_owned(),
                    code: examples(&documentation),
                });
            }
            if line.len() == code.len() && kind == "trait" {
                within = is_public.then(|| (name.to_owned(), true));
            }
        }
        documentation.clear();
        is_hidden = false;
    }
    found
}

/// Whether an item is public, its keyword and its name. Constants, modules and imports are none.
fn declaration(code: &str) -> Option<(bool, &str, &str)> {
    let (is_public, mut rest) = match code.strip_prefix("pub ") {
        Some(rest) => (true, rest),
        None => (false, code),
    };
    for qualifier in ["const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(qualifier).unwrap_or(rest);
    }
    let (kind, rest) = rest.split_once(' ')?;
    let end = rest.find(|next: char| !next.is_alphanumeric() && next != '_');
    let name = &rest[..end.unwrap_or(rest.len())];
    matches!(kind, "struct" | "enum" | "trait" | "type" | "fn").then_some((is_public, kind, name))
}

/// The name of the type that an `impl` without a trait is for.
fn implemented(head: &str) -> Option<String> {
    let mut plain = String::new();
    let mut depth = 0;
    let mut last = ' ';
    for next in head.chars().take_while(|next| *next != '{') {
        match next {
            '<' => depth += 1,
            '>' if last != '-' => depth -= 1,
            _ if depth == 0 => plain.push(next),
            _ => {}
        }
        last = next;
    }
    let plain = plain.strip_prefix("impl")?.trim();
    let path = plain.split(" where").next()?;
    let is_of_trait = path.contains(" for ");
    (!is_of_trait).then(|| path.rsplit("::").next().unwrap_or(path).trim().to_owned())
}

/// The code of the examples that are compiled.
fn examples(documentation: &[String]) -> String {
    let mut code = String::new();
    let mut lines = documentation.iter();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let is_example = matches!(kind, "" | "no_run" | "should_panic");
            for line in lines.by_ref().take_while(|line| !line.starts_with("```")) {
                if is_example {
                    code.push_str(line);
                    code.push('\n');
                }
            }
        }
    }
    code
}

#[test]
fn planted_items_without_an_example_are_found() {
    let planted = Crate::of(&[
        (
            "",
            "/// ```\n/// a::S::new().shown();\n/// ```\npub struct S;",
        ),
        (
            "a",
            "
/// Text.
pub fn free() {}

/// ```text
/// S
/// ```
#[must_use]
pub enum E {
    A,
}

impl<F: Fn() -> u8> crate::S<F> {
    pub const fn new() -> Self {}

    pub fn shown(&self) {}

    /// Text.
    #[cfg(any(
        feature = \"a\",
    ))]
    pub fn show(&self) {}

    fn private(&self) {}

    #[doc(hidden)]
    pub fn hidden(&self) {}
}

impl Clone for E {
    fn clone(&self) -> Self {}
}

/// ```
/// impl T for () {
///     fn implemented(&self) {}
/// }
/// ```
pub trait T {
    fn implemented(&self);

    fn forgotten(&self);
}

mod tests {
    pub fn test() {}
}
",
        ),
    ]);
    let found = without_example(&planted);
    assert_eq!(found, ["a: free", "a: E", "a: S::show", "a: T::forgotten"]);
}

/// How many items of each crate may lack one.
const LACKING: [(&str, usize); 8] = [
    ("src", 0),
    ("adapters/ws-proto-async/src", 0),
    ("adapters/ws-proto-axum/src", 0),
    ("adapters/ws-proto-hub/src", 0),
    ("adapters/ws-proto-mio/src", 0),
    ("adapters/ws-proto-smol/src", 0),
    ("adapters/ws-proto-test/src", 0),
    ("adapters/ws-proto-tokio/src", 0),
];

#[test]
fn every_public_item_has_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = Vec::new();
    for (path, most) in LACKING {
        let found = without_example(&Crate::read(&root.join(path)));
        if found.len() > most {
            let count = found.len();
            faults.push(format!(
                "{path}: no example shows {count} public items, where {most} may lack one:\n  {}",
                found.join("\n  ")
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
