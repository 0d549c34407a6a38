//! Lists in header fields: all short strings as extensions and as subprotocols, against parsers
//! that split first and look afterwards.

use ws_proto::handshake::{HandshakeError, Upgrade};

const ALPHABET: [u8; 8] = *b"a,;=\"\\ \t";

/// Name and value of a parameter.
type Param = (String, Option<String>);
type Extensions = Vec<(String, Vec<Param>)>;

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// In this alphabet `a` is the only character of a token (RFC 9110 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c == 'a')
}

/// Splits at a character that is not inside quotes. `None` if quotes stay open.
fn split(text: &str, at: char) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == at && !quoted {
            parts.push(String::new());
            continue;
        }
        match (quoted, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (true, false, '"') => quoted = false,
            (false, _, '"') => quoted = true,
            _ => {}
        }
        parts.last_mut()?.push(c);
    }
    (!quoted).then_some(parts)
}

/// A token, or one in quotes, with or without backslashes in front of its characters.
fn value(text: &str) -> Option<String> {
    let Some(inside) = text.strip_prefix('"') else {
        return is_token(text).then(|| text.to_owned());
    };
    let inside = inside.strip_suffix('"')?;
    let mut plain = String::new();
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next()? } else { c });
    }
    is_token(&plain).then_some(plain)
}

/// RFC 6455 9.1: `extension-list`, with the empty elements that RFC 9110 5.6.1 lets a sender make.
fn extensions(text: &str) -> Option<Extensions> {
    let mut list = Vec::new();
    for element in split(text, ',')? {
        if trim(&element).is_empty() {
            continue;
        }
        let parts = split(&element, ';')?;
        let name = trim(&parts[0]).to_owned();
        if !is_token(&name) {
            return None;
        }
        let mut params = Vec::new();
        for part in &parts[1..] {
            let halves = split(part, '=')?;
            let key = trim(&halves[0]).to_owned();
            if !is_token(&key) || halves.len() > 2 {
                return None;
            }
            let value = match halves.get(1) {
                Some(half) => Some(value(trim(half))?),
                None => None,
            };
            params.push((key, value));
        }
        list.push((name, params));
    }
    (!list.is_empty()).then_some(list)
}

/// RFC 6455 4.1 and 4.3: at least one, tokens, all different.
fn subprotocols(text: &str) -> Option<Vec<String>> {
    let list: Vec<_> = text
        .split(',')
        .map(trim)
        .filter(|element| !element.is_empty())
        .map(str::to_owned)
        .collect();
    let tokens = list.iter().all(|element| is_token(element));
    let different = list
        .iter()
        .enumerate()
        .all(|(n, one)| !list[..n].contains(one));
    (tokens && different && !list.is_empty()).then_some(list)
}

/// Calls `body` with a request that has this field, in one line or in two.
fn request(name: &str, lines: &[&str], body: impl FnOnce(Result<Upgrade<'_>, HandshakeError>)) {
    let mut fields: Vec<(&str, &[u8])> = vec![
        ("Host", b"h"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", b"13"),
    ];
    fields.extend(lines.iter().map(|line| (name, line.as_bytes())));
    body(Upgrade::from_headers("GET", "/", &fields));
}

#[test]
fn all_short_strings_as_extensions() {
    let most = if crate::deep() { 7 } else { 6 };
    let (mut count, mut good) = (0, 0);
    for len in 0..=most {
        crate::strings(ALPHABET, len, |string| {
            let text = core::str::from_utf8(string).expect("ASCII");
            let expected = extensions(text);
            request("Sec-WebSocket-Extensions", &[text], |upgrade| {
                let found: Option<Extensions> = upgrade.ok().map(|upgrade| {
                    let list = upgrade.extensions().map(|extension| {
                        let params = extension.params().map(|param| {
                            let value = param.value().map(|value| value.to_string());
                            (param.name().to_owned(), value)
                        });
                        (extension.name().to_owned(), params.collect())
                    });
                    list.collect()
                });
                assert_eq!(found, expected, "{text:?}");
            });
            count += 1;
            good += u64::from(expected.is_some());
        });
    }
    assert!(good > 500, "{good} of {count} are lists");
    crate::report("strings as Sec-WebSocket-Extensions", count);
}

#[test]
fn all_short_strings_as_subprotocols() {
    let most = if crate::deep() { 7 } else { 6 };
    let (mut count, mut good) = (0, 0);
    for len in 0..=most {
        crate::strings(ALPHABET, len, |string| {
            let text = core::str::from_utf8(string).expect("ASCII");
            let expected = subprotocols(text);
            request("Sec-WebSocket-Protocol", &[text], |upgrade| {
                let found: Option<Vec<_>> = upgrade
                    .ok()
                    .map(|u| u.subprotocols().map(str::to_owned).collect());
                assert_eq!(found, expected, "{text:?}");
            });
            count += 1;
            good += u64::from(expected.is_some());
        });
    }
    assert!(good > 100, "{good} of {count} are lists");
    crate::report("strings as Sec-WebSocket-Protocol", count);
}
