//! The paths in a source file that lead to other modules of the crate.

/// The paths that begin with `crate`, `super` or `self`, each as its segments. A group is several paths.
pub(crate) fn paths(source: &str) -> Vec<Vec<String>> {
    let tokens = tokens(&without_tests(&without_comments(source)));
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts = matches!(tokens[at].as_str(), "crate" | "super" | "self");
        let is_path = starts && tokens.get(at + 1).is_some_and(|next| next == "::");
        let continues = at > 0 && tokens[at - 1] == "::";
        if is_path && !continues {
            at = path(&tokens, at, &mut Vec::new(), &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads the path at `at`, after the segments in front of it; where it ends.
fn path(
    tokens: &[String],
    mut at: usize,
    before: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let depth = before.len();
    while let Some(token) = tokens.get(at) {
        if token == "{" {
            at = group(tokens, at + 1, before, found);
            before.truncate(depth);
            return at;
        }
        if !is_name(token) && token != "*" {
            break;
        }
        before.push(token.clone());
        at += 1;
        if tokens.get(at).is_none_or(|next| next != "::") {
            break;
        }
        at += 1;
    }
    found.push(before.clone());
    before.truncate(depth);
    at
}

/// Reads the paths of a group up to its end.
fn group(
    tokens: &[String],
    mut at: usize,
    before: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        if token == "}" {
            return at + 1;
        }
        at = if is_name(token) {
            path(tokens, at, before, found)
        } else {
            at + 1
        };
    }
    at
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::`, and every other character by itself.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let len = if is_name(rest) {
            rest.find(|next: char| !next.is_alphanumeric() && next != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(len);
        if !first.is_whitespace() {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    tokens
}

/// Without line comments and quoted strings; there are no other comments in `src`.
fn without_comments(source: &str) -> String {
    let mut code = String::new();
    for line in source.lines() {
        let mut rest = line;
        loop {
            let quote = rest.find('"').unwrap_or(rest.len());
            let comment = rest.find("//").unwrap_or(rest.len());
            if comment <= quote {
                code.push_str(&rest[..comment]);
                break;
            }
            code.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            let end = rest.find('"').map_or(rest.len(), |end| end + 1);
            rest = &rest[end..];
        }
        code.push('\n');
    }
    code
}

/// Without the tests, which stand at the end of a file: they may use anything.
fn without_tests(code: &str) -> String {
    let end = code.find("\nmod tests {").unwrap_or(code.len());
    code[..end].to_owned()
}

#[test]
fn groups_comments_and_paths_in_code_are_read() {
    let source = "
        //! [`crate::a::A`]
        use crate::b::{self, C, d::{E, F}};
        use core::crate_like::X; // crate::no
        pub(super) fn f(x: super::g::H) -> crate::i::J<'_> { self::k::l(\"crate::m::N\") }
        mod tests { }
        ";
    let found: Vec<String> = paths(source).iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::b::self",
        "crate::b::C",
        "crate::b::d::E",
        "crate::b::d::F",
        "super::g::H",
        "crate::i::J",
        "self::k::l",
    ];
    assert_eq!(found, expected);
}
