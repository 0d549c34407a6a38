//! `ws://` and `wss://` URIs (RFC 6455 3), through the public API.

use core::hash::{Hash, Hasher};
use core::mem::discriminant;
use std::collections::hash_map::DefaultHasher;

use proptest::prelude::*;
use ws_proto::{Uri, UriError};

fn parse(text: &str) -> Uri<'_> {
    Uri::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

const CHARACTER: UriError = UriError::Character {
    character: ' ',
    at: 0,
};
const FRAGMENT: UriError = UriError::Fragment { at: 0 };
const NOT_ASCII: UriError = UriError::NotAscii {
    character: ' ',
    at: 0,
};
const PERCENT: UriError = UriError::PercentEncoding { at: 0 };

/// The error is of the kind of `kind`, and names the right character at the right place.
#[track_caller]
fn refused(text: &str, kind: UriError) {
    let error = Uri::parse(text).unwrap_err();
    assert_eq!(
        discriminant(&error),
        discriminant(&kind),
        "{text:?}: {error}"
    );
    let named = match error {
        UriError::Character { character, at } | UriError::NotAscii { character, at } => {
            Some((character, at))
        }
        UriError::Fragment { at } => Some(('#', at)),
        UriError::PercentEncoding { at } => Some(('%', at)),
        _ => None,
    };
    if let Some((character, at)) = named {
        assert!(text[at..].starts_with(character), "{text:?}: {error}");
    }
}

fn target(text: &str) -> String {
    parse(text).target().to_string()
}

fn host_header(text: &str) -> String {
    parse(text).host_header().to_string()
}

/// The form of the expected values in the vectors.
fn summary(uri: &Uri<'_>) -> String {
    format!(
        "secure={} host={} port={} target={} Host: {}",
        if uri.is_secure() { "True" } else { "False" },
        uri.host().to_ascii_lowercase(),
        uri.port(),
        uri.target(),
        uri.host_header(),
    )
}

#[test]
fn conformance_vectors() {
    let uris = ws_proto_test::conformance::Vectors::bundled().uris;
    assert_eq!(uris.len(), 21);
    for vector in &uris {
        let (text, expect) = (&*vector.uri, &*vector.expect);
        match text {
            // "`/` by the letter of section 3, or `/?`": by the letter.
            "ws://example.com/?" => assert_eq!(target(text), "/"),
            // "reject, or encode": reject, a URI is ASCII.
            "ws://example.com/\u{e9}?\u{e9}" => refused(text, NOT_ASCII),
            // "target unchanged; normalising is optional": unchanged.
            "ws://example.com/a/../b" => assert_eq!(target(text), "/a/../b"),
            // "reject; mapping http to ws is optional": reject.
            "http://example.com/" => refused(text, UriError::Scheme),
            _ if expect.starts_with("secure=") => assert_eq!(summary(&parse(text)), expect),
            _ => {
                assert!(
                    expect.starts_with("reject"),
                    "{text:?} expects something new: {expect}"
                );
                assert!(Uri::parse(text).is_err(), "{text:?}");
            }
        }
    }
}

#[test]
fn takes_apart_scheme_host_port_path_and_query() {
    let uri = parse("ws://example.com/chat?x=1");
    assert!(!uri.is_secure());
    assert_eq!(uri.host(), "example.com");
    assert!(!uri.host_is_ipv6());
    assert_eq!(uri.port(), 80);
    assert_eq!(uri.target().path(), "/chat");
    assert_eq!(uri.target().query(), "x=1");
    // shows: RFC6455-3-01
    assert_eq!(uri.target().to_string(), "/chat?x=1");
    refused("ws:example.com", UriError::HostMissing);
    refused("ws:/example.com", UriError::HostMissing);
    // shows: RFC6455-3-01
    refused("ws:///p", UriError::HostMissing);
}

#[test]
fn port_defaults_to_that_of_the_scheme() {
    // shows: RFC6455-3-02
    assert_eq!(parse("ws://h/").port(), 80);
    assert_eq!(host_header("ws://h/"), "h");
    // shows: RFC6455-3-03
    assert_eq!(parse("wss://h/").port(), 443);
    assert_eq!(host_header("wss://h/"), "h");
    // The default port of the other scheme is not a default.
    assert_eq!(host_header("ws://h:443/"), "h:443");
    // shows: RFC6455-4.1-22
    assert_eq!(host_header("wss://h:80/"), "h:80");
}

#[test]
fn scheme_is_case_insensitive() {
    for (text, secure) in [
        ("ws://h", false),
        ("Ws://h", false),
        ("WS://h", false),
        ("wSs://h", true),
        ("WSS://h/", true),
    ] {
        // shows: RFC6455-3-04, RFC3986-3.1-01
        assert_eq!(parse(text).is_secure(), secure, "{text}");
    }
}

/// WHATWG-3.1-01: mapping other schemes is left to the application.
#[test]
fn other_schemes_are_refused() {
    for text in [
        "",
        ":",
        "h",
        "//h/",
        "h:80",
        "://h/",
        "http://h/",
        "https://h/",
        "w://h",
        "wsss://h",
        "ws+unix://h",
        "javascript:ws://h",
        "%77s://h",
    ] {
        refused(text, UriError::Scheme);
    }
}

#[test]
fn empty_path_is_a_slash() {
    // shows: RFC6455-3-05
    assert_eq!(target("ws://h"), "/");
    // shows: RFC6455-3-05
    assert_eq!(target("ws://h?x=1"), "/?x=1");
    assert_eq!(target("ws://h:81?x=1"), "/?x=1");
    // shows: RFC3986-3.3-01
    assert_eq!(parse("ws://hx").host(), "hx");
    assert_eq!(parse("ws://h?x").host(), "h");
    assert_eq!(target("ws://h//a"), "//a");
}

#[test]
fn query_is_appended_unless_empty() {
    // shows: RFC6455-3-06
    assert_eq!(target("ws://h/a?b=c?d"), "/a?b=c?d");
    // shows: RFC3986-3.4-01
    assert_eq!(target("ws://h/a?b?c/d"), "/a?b?c/d");
    // shows: RFC6455-3-06
    assert_eq!(target("ws://h/a?"), "/a");
    assert_eq!(target("ws://h?"), "/");
    assert_eq!(target("ws://h??"), "/??");
}

/// RFC6455-3-07, WHATWG-3.1-02
#[test]
fn fragments_are_refused_even_if_empty() {
    for text in [
        "ws://h/#x",
        "ws://h/#",
        "ws://h#",
        "ws://h?#",
        "wss://h/a?b#c",
        "ws://#h/",
    ] {
        // shows: RFC6455-3-07, WHATWG-3.1-02
        refused(text, FRAGMENT);
    }
}

#[test]
fn encoded_number_sign_is_data() {
    // shows: RFC6455-3-08
    assert_eq!(target("ws://h/a%23b"), "/a%23b");
    assert_eq!(target("ws://h/?a%23b"), "/?a%23b");
}

#[test]
fn host_is_a_name_or_an_address() {
    let uri = parse("ws://[::1]:8080/");
    assert!(uri.host_is_ipv6());
    // shows: RFC6455-3-09
    assert_eq!((uri.host(), uri.port()), ("::1", 8080));
    // shows: RFC6455-3-09
    assert_eq!(uri.host_header().to_string(), "[::1]:8080");
    assert_eq!(host_header("ws://[::1]"), "[::1]");
    assert_eq!(host_header("ws://[::1]:"), "[::1]");
    assert_eq!(host_header("ws://[::1]?q"), "[::1]");
    assert_eq!(
        host_header("ws://[::FFFF:192.0.2.1]/"),
        "[::ffff:192.0.2.1]"
    );
    assert_eq!(host_header("ws://192.0.2.1:81/"), "192.0.2.1:81");
    assert_eq!(
        parse("ws://a-b.c_d~!$&'()*+,;=%41/").host(),
        "a-b.c_d~!$&'()*+,;=%41"
    );

    for text in [
        "ws://[::1",
        "ws://[]",
        "ws://[]:80/",
        "ws://[::1]x",
        "ws://[::1]80",
        "ws://[::1]]",
        "ws://[[::1]]",
        "ws://[h]/",
        "ws://[127.0.0.1]/",
        "ws://[1:2:3:4:5:6:7:8:9]",
        "ws://[::1::]",
        "ws://[:::1]",
        "ws://[12345::]",
        "ws://[::1.2.3]",
        "ws://[::1/]",
        "ws://[v1.x]/",
        "ws://[ ::1]",
        "ws://[::1]%3a80/",
    ] {
        // shows: RFC6455-3-09, RFC3986-3.2.2-01
        refused(text, UriError::IpLiteral);
    }
    // shows: RFC3986-3.2.2-01
    refused("ws://::1/", UriError::HostMissing);
    refused("ws://fe80::1/", UriError::Port);
    refused("ws://::1]/", UriError::HostMissing);
    for text in ["ws://h[::1]/", "ws://a]/", "ws://a[b/"] {
        assert!(Uri::parse(text).is_err(), "{text}");
    }
}

#[test]
fn zone_identifiers_are_refused() {
    // shows: RFC3986-3.2.2-02
    refused("ws://[fe80::1%25eth0]/", UriError::ZoneInUri);
    refused("ws://[fe80::1%eth0]/", UriError::ZoneInUri);
    refused("ws://[fe80::1%1]/", UriError::ZoneInUri);
}

#[test]
fn port_is_a_decimal_number_of_16_bits() {
    assert_eq!(parse("ws://h:1/").port(), 1);
    // shows: RFC6455-3-10
    assert_eq!(parse("ws://h:65535/").port(), 65535);
    assert_eq!(parse("ws://h:/").port(), 80);
    assert_eq!(parse("wss://h:").port(), 443);
    assert_eq!(parse("ws://h:00081/").port(), 81); // RFC 3986: any number of digits
    assert_eq!(host_header("ws://h:00080/"), "h");
    // shows: RFC3986-3.2.3-01
    assert_eq!(parse("ws://h:80/").to_string(), "ws://h/");
    assert_eq!(parse("wss://h:443").to_string(), "wss://h/");
    // shows: RFC3986-3.2.3-01
    assert_eq!(parse("wss://h:").to_string(), "wss://h/");

    let zeros = format!("ws://h:{}/", "0".repeat(100));
    let huge = format!("ws://h:{}/", "9".repeat(1000));
    for text in [
        "ws://h:65536/",
        "ws://h:65616",
        "ws://h:4294967376/",
        "ws://h:18446744073709551696/",
        "ws://h:8x/",
        "ws://h:0x50/",
        "ws://h:+80/",
        "ws://h:-80/",
        "ws://h:0/",
        "ws://h:8%30/",
        "ws://h:80:80/",
        "ws://h::80/",
        "ws://[::1]:x/",
        "ws://[::1]::80/",
        "ws://h: 80/",
        "ws://h:80 /",
        "ws://h:8.0",
        "ws://h:8_0",
        &zeros,
        &huge,
    ] {
        // shows: RFC6455-3-10
        refused(text, UriError::Port);
    }
}

#[test]
fn userinfo_is_refused() {
    for text in [
        "ws://u:p@h/",
        "ws://u@h",
        "ws://@h/",
        "ws://:@h/",
        "wss://good.example@evil.example/",
        "ws://a@b@c/",
        "ws://u@[::1]/",
        "ws://@",
        "ws://h:80@x/",
    ] {
        // shows: RFC6455-3-11, RFC3986-3.2.1-01
        refused(text, UriError::UserInfo);
    }
    // Behind the authority it is a character like others.
    assert_eq!(target("ws://h/u:p@h?@"), "/u:p@h?@");
}

/// What is invalid is an error before there is anything to send, and whatever the
/// parser lets through cannot break a request line or a field.
#[test]
fn hostile_texts_are_refused() {
    for (text, error) in [
        ("ws://h/a b", CHARACTER),
        ("ws://h/ HTTP/1.1\r\nX: y", CHARACTER),
        ("ws://h/\r\n\r\nGET /", CHARACTER),
        ("ws://h/a\0", CHARACTER),
        ("ws://h/\t", CHARACTER),
        ("ws://h/\x7f", CHARACTER),
        ("ws://h/?a\nb", CHARACTER),
        ("ws://h\r\nX: y/", CHARACTER),
        ("ws://h\0.example/", CHARACTER),
        ("ws://exa mple.com/", CHARACTER),
        ("ws://h ", CHARACTER),
        ("ws://h/ ", CHARACTER),
        (" ws://h/", UriError::Scheme),
        ("\tws://h/", UriError::Scheme),
        ("\u{feff}ws://h/", NOT_ASCII),
        ("ws ://h/", UriError::Scheme),
        ("w\ns://h/", UriError::Scheme),
        ("ws:// h/", CHARACTER),
        ("ws://good.example\\@evil.example/", UriError::UserInfo),
        ("ws://good.example\\evil.example/", CHARACTER),
        ("ws:\\\\h\\", UriError::HostMissing),
        ("ws://h\\a", CHARACTER),
        ("ws://h/\\..\\a", CHARACTER),
        ("ws://h/\"", CHARACTER),
        ("ws://h/<a>", CHARACTER),
        ("ws://h/`", CHARACTER),
        ("ws://h<", CHARACTER),
        ("ws://", UriError::HostMissing),
        ("ws:", UriError::HostMissing),
        ("ws:/", UriError::HostMissing),
        ("ws://?", UriError::HostMissing),
        ("ws:////h/", UriError::HostMissing),
        ("ws://:", UriError::HostMissing),
    ] {
        // shows: RFC6455-4.1-02
        refused(text, error);
    }
}

#[test]
fn every_ascii_character_is_checked_as_rfc_3986_and_browsers_have_it() {
    let name = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c);
    for c in (0..=0x7f_u8).map(char::from) {
        let host = format!("ws://a{c}b");
        let path = format!("ws://a/{c}b");
        let query = format!("ws://a/?{c}b");
        assert_eq!(
            Uri::parse(&path).is_ok(),
            name(c) || ":@/?[]{}|^".contains(c),
            "{path:?}"
        );
        assert_eq!(
            Uri::parse(&query).is_ok(),
            name(c) || ":@/?[]{}|^".contains(c),
            "{query:?}"
        );
        assert_eq!(
            Uri::parse(&host).is_ok(),
            name(c) || "/?".contains(c),
            "{host:?}"
        );
    }
}

/// There is no conversion, hence an error.
#[test]
fn other_than_ascii_is_refused() {
    for scheme in ["ws", "wss"] {
        for rest in [
            "b\u{fc}cher.example/",
            "h/\u{e9}",
            "h/?\u{e9}",
            "h/\u{1f600}",
            "\u{ff21}/",
        ] {
            // shows: RFC6455-11.1.1-01, RFC6455-11.1.1-02, RFC6455-11.1.2-01
            refused(&format!("{scheme}://{rest}"), NOT_ASCII);
        }
    }
    refused("w\u{17f}://h/", NOT_ASCII); // a long s, which is an S in upper case
    assert_eq!(
        parse("ws://xn--bcher-kva.example/%C3%A9").host(),
        "xn--bcher-kva.example"
    );
}

#[test]
fn well_known_paths_are_paths() {
    // shows: RFC8307-1-01
    assert_eq!(target("ws://h/.well-known/x"), "/.well-known/x");
}

#[test]
fn percent_signs_are_followed_by_two_hexadecimal_digits() {
    for part in [
        "%", "%4", "%zz", "%4z", "%z4", "%%41", "%+1", "a%4/", "% 41", "%4%31",
    ] {
        // shows: RFC3986-2.1-01
        refused(&format!("ws://h/{part}"), PERCENT);
        refused(&format!("ws://h/?{part}"), PERCENT);
    }
    refused("ws://h%/", PERCENT);
    refused("ws://h%4/1", PERCENT);
    refused("ws://h%zz/", PERCENT);
}

#[test]
fn host_is_case_insensitive() {
    assert_eq!(parse("ws://EXAMPLE.com/A").host(), "EXAMPLE.com");
    // shows: RFC3986-3.2.2-03
    assert_eq!(host_header("ws://EXAMPLE.com/A"), "example.com");
    assert_eq!(parse("ws://EXAMPLE.com/A"), parse("ws://example.COM/A"));
    assert_ne!(parse("ws://example.com/A"), parse("ws://example.com/a"));
    assert_eq!(parse("ws://[2001:DB8::A]/"), parse("ws://[2001:db8::a]/"));
}

#[test]
fn host_is_not_empty() {
    for text in ["ws:///x", "ws://:80/", "ws://", "ws://?x", "wss://:", "ws:"] {
        // shows: RFC3986-3.2.2-04
        refused(text, UriError::HostMissing);
    }
}

#[test]
fn target_is_not_normalised() {
    for path in [
        "/a/../b", "/./..//", "/%c3%A9", "/%2e%2e/", "/%00", "/%0d%0a", "/a;b=c,d",
    ] {
        // shows: RFC3986-6.2.2.1-01, RFC3986-6.2.2.3-01
        assert_eq!(target(&format!("ws://h{path}")), path);
        assert_eq!(
            parse(&format!("ws://h{path}")).to_string(),
            format!("ws://h{path}")
        );
    }
}

#[test]
fn equal_uris_lead_to_the_same_request() {
    let hash = |uri: Uri<'_>| {
        let mut hasher = DefaultHasher::new();
        uri.hash(&mut hasher);
        hasher.finish()
    };
    for equal in [
        &["ws://h", "ws://h/", "WS://H:80", "ws://h:/?", "ws://h?"][..],
        &["wss://h?q", "wss://H:443/?q"],
        &["wss://[::A]", "WSS://[::a]:443/"],
    ] {
        for (a, b) in equal.iter().flat_map(|a| equal.iter().map(move |b| (a, b))) {
            // shows: RFC3986-6.2.3-01
            assert_eq!(parse(a), parse(b));
            assert_eq!(hash(parse(a)), hash(parse(b)));
            assert_eq!(parse(a).to_string(), parse(b).to_string());
        }
    }
    let different = [
        "ws://h",
        "wss://h",
        "ws://h:81",
        "ws://i",
        "ws://h/a",
        "ws://h/?a",
        "ws://h:443",
    ];
    for (i, a) in different.iter().enumerate() {
        for b in &different[..i] {
            assert_ne!(parse(a), parse(b));
        }
    }
}

#[test]
fn errors_are_small_and_their_texts_printable() {
    assert!(size_of::<UriError>() <= 16);
    for error in [
        CHARACTER,
        FRAGMENT,
        UriError::HostMissing,
        UriError::IpLiteral,
        NOT_ASCII,
        PERCENT,
        UriError::Port,
        UriError::Scheme,
        UriError::UserInfo,
        UriError::Zone,
        UriError::ZoneInUri,
    ] {
        let text = error.to_string();
        assert!(
            text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{text:?}"
        );
        assert!(!text.ends_with('.'));
    }
    assert_eq!(Uri::try_from("ws://h"), Uri::parse("ws://h"));
}

/// Any text at all, or one that looks much like a URI.
fn texts() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "ws",
        "wss",
        "WS",
        ":",
        "//",
        "/",
        "?",
        "#",
        "@",
        "[",
        "]",
        "[::1]",
        "[1:2::A]",
        "%",
        "%4A",
        "h",
        "Example.com",
        "127.0.0.1",
        "80",
        "443",
        "0",
        "65536",
        "a=b",
        "..",
        " ",
        "\r\n",
        "\0",
        "\u{e9}",
        "\\",
        "&",
        "+",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(part.clone(), 0..12).prop_map(|parts| parts.concat()),
        (any::<bool>(), prop::collection::vec(part, 0..8)).prop_map(|(secure, parts)| {
            format!("{}://{}", if secure { "wss" } else { "ws" }, parts.concat())
        }),
        concat!(
            r"(?i:wss?)://([a-z0-9.%-]{1,9}|\[[0-9a-f:]{2,9}\])",
            r"(:[0-9]{0,5})?(/[!-~]{0,9})?(\?[!-~]{0,9})?",
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(4096)
    })]

    #[test]
    fn what_is_parsed_can_be_sent_and_parsed_again(text in texts()) {
        let Ok(uri) = Uri::parse(&text) else { return Ok(()) };
        let (host, target) = (uri.host_header().to_string(), uri.target().to_string());
        prop_assert!(host.bytes().chain(target.bytes()).all(|byte| byte.is_ascii_graphic()));
        prop_assert!(target.starts_with('/') && !target.contains('#'));
        prop_assert!(!host.is_empty() && !host.contains(['/', '?', '#', '@']));
        prop_assert_ne!(uri.port(), 0);

        let written = uri.to_string();
        let again = Uri::parse(&written);
        prop_assert_eq!(again, Ok(uri));
        prop_assert_eq!(again.map(|uri| uri.to_string()), Ok(written));
    }
}
