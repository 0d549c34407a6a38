//! The URL of a proxy, and how the environment names one: by the rules of curl.

use std::collections::HashMap;

use ws_proto::opening::{NoProxy, Proxy, ProxyScheme, ProxyUriError};
use ws_proto::{Uri, UriError};

type Parts<'p> = (ProxyScheme, &'p str, u16, Option<(&'p [u8], &'p [u8])>);

fn parts(proxy: &Proxy) -> Parts<'_> {
    (
        proxy.scheme(),
        proxy.host(),
        proxy.port(),
        proxy.credentials(),
    )
}

#[test]
fn a_url_is_taken_apart() {
    use ProxyScheme::{Http, Https, Socks5, Socks5h};
    let cases: &[(&str, Parts<'_>)] = &[
        (
            "http://proxy.example:3128",
            (Http, "proxy.example", 3128, None),
        ),
        (
            "http://proxy.example:3128/",
            (Http, "proxy.example", 3128, None),
        ),
        ("HTTP://Proxy.Example", (Http, "Proxy.Example", 1080, None)),
        ("http://proxy.example:", (Http, "proxy.example", 1080, None)),
        ("proxy.example:8080", (Http, "proxy.example", 8080, None)),
        ("proxy.example", (Http, "proxy.example", 1080, None)),
        ("127.0.0.1:1/", (Http, "127.0.0.1", 1, None)),
        ("[::1]:8080", (Http, "::1", 8080, None)),
        ("https://[2001:db8::1]", (Https, "2001:db8::1", 443, None)),
        ("https://h:80", (Https, "h", 80, None)),
        ("socks5://h", (Socks5, "h", 1080, None)),
        ("SOCKS5H://h:9050", (Socks5h, "h", 9050, None)),
        (
            "http://me:secret@h",
            (Http, "h", 1080, Some((b"me", b"secret"))),
        ),
        ("me:secret@h:1", (Http, "h", 1, Some((b"me", b"secret")))),
        ("socks5://me@h", (Socks5, "h", 1080, Some((b"me", b"")))),
        (
            "http://:secret@h",
            (Http, "h", 1080, Some((b"", b"secret"))),
        ),
        ("http://:@h", (Http, "h", 1080, Some((b"", b"")))),
        ("http://@h", (Http, "h", 1080, None)),
        ("http://me:a:b@h", (Http, "h", 1080, Some((b"me", b"a:b")))),
        ("http://me:a@b@h", (Http, "h", 1080, Some((b"me", b"a@b")))),
        (
            "http://%6De:%2f%3A%40%25%C3%a9%ff@h",
            (Http, "h", 1080, Some((b"me", b"/:@%\xc3\xa9\xff"))),
        ),
        (
            "http://dom\\me:<\"{|}>@h",
            (Http, "h", 1080, Some((b"dom\\me", b"<\"{|}>"))),
        ),
    ];
    for (url, expected) in cases {
        let proxy = Proxy::new(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(parts(&proxy), *expected, "{url}");
        assert_eq!(parts(&Proxy::try_from(*url).unwrap()), *expected);
    }
}

#[test]
fn a_url_with_a_fault_is_refused() {
    let character = |character, at| ProxyUriError::Uri(UriError::Character { character, at });
    for (url, expected) in [
        ("", ProxyUriError::Uri(UriError::HostMissing)),
        ("http://", ProxyUriError::Uri(UriError::HostMissing)),
        ("http://:80", ProxyUriError::Uri(UriError::HostMissing)),
        ("http://me:x@", ProxyUriError::Uri(UriError::HostMissing)),
        ("http://h:0", ProxyUriError::Uri(UriError::Port)),
        ("http://h:65536", ProxyUriError::Uri(UriError::Port)),
        ("h:port", ProxyUriError::Uri(UriError::Port)),
        ("http:h:80", ProxyUriError::Uri(UriError::Port)),
        ("http://[::1", ProxyUriError::Uri(UriError::IpLiteral)),
        ("::1", ProxyUriError::Uri(UriError::HostMissing)),
        (
            "http://[fe80::1%25eth0]",
            ProxyUriError::Uri(UriError::ZoneInUri),
        ),
        (" http://h", ProxyUriError::Scheme),
        ("http://h ", character(' ', 8)),
        ("me:secret@h h", character(' ', 11)),
        (
            "http://\u{e9}/",
            ProxyUriError::Uri(UriError::NotAscii {
                character: '\u{e9}',
                at: 7,
            }),
        ),
        ("http://h/proxy.pac", ProxyUriError::Path),
        ("http://h?x", ProxyUriError::Path),
        ("http://h#", ProxyUriError::Path),
        ("http://h//", ProxyUriError::Path),
        ("socks://h", ProxyUriError::Scheme),
        ("socks4://h", ProxyUriError::Scheme),
        ("ftp://h", ProxyUriError::Scheme),
        ("://h", ProxyUriError::Scheme),
        ("http://a%3Ab:c@h", ProxyUriError::Credentials),
        ("http://a%0d%0ab:c@h", ProxyUriError::Credentials),
        ("http://a:%00@h", ProxyUriError::Credentials),
        ("http://a:%7F@h", ProxyUriError::Credentials),
        ("http://a:%@h", ProxyUriError::Credentials),
        ("http://a:%4@h", ProxyUriError::Credentials),
        ("http://a:%zz@h", ProxyUriError::Credentials),
        ("http://a:b c@h", ProxyUriError::Credentials),
        ("http://a:\u{e9}@h", ProxyUriError::Credentials),
        ("http://a\r\n:b@h", ProxyUriError::Credentials),
    ] {
        assert_eq!(Proxy::new(url).map(|_| ()), Err(expected), "{url:?}");
    }
}

#[test]
fn secrets_are_neither_in_debug_output_nor_in_errors() {
    let proxy = Proxy::new("http://me:hunter2@h")
        .unwrap()
        .header("X-Token", "hunter2");
    let text = format!("{proxy:?}");
    assert!(
        text.contains("has_credentials: true") && !text.contains("hunter2"),
        "{text}"
    );
    for url in [
        "http://me:hunter2 @h",
        "http://me:hunter2@h/x",
        "x://me:hunter2@h",
        "me:hunter2@h:0",
        "me:hunter2@",
    ] {
        let error = Proxy::new(url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}");
    }
}

/// What the sources of curl say (lib/proxy.c of 2026). Version 7.88.1 differs in blanks, which it takes for commas,
/// in prefixes that are no numbers, and in IPv6 addresses, which it compares as text.
#[test]
fn hosts_without_a_proxy_are_found_by_the_rules_of_curl() {
    let cases = [
        ("*", "example.com", true),
        (" *", "example.com", false),
        ("*,a", "example.com", false),
        ("", "example.com", false),
        (",", "example.com", false),
        ("example.com", "example.com", true),
        ("example.com", "EXAMPLE.com", true),
        ("eXample.com", "example.com", true),
        ("example.com", "www.example.com", true),
        ("example.com", "a.b.example.com", true),
        ("example.com", "notexample.com", false),
        ("example.com", "example.com.org", false),
        ("example.com", "example.co", false),
        (".example.com", "example.com", true),
        (".example.com", "www.example.com", true),
        (".example.com", "notexample.com", false),
        ("..example.com", "www.example.com", false),
        ("example.com.", "www.example.com", true),
        ("example.com", "www.example.com.", true),
        ("com", "example.com", true),
        (".", "example.com", false),
        ("*.example.com", "www.example.com", false),
        ("example.com:80", "example.com", false),
        ("localhost", "localhost", true),
        ("a,example.com", "example.com", true),
        ("a, example.com ,b", "example.com", true),
        ("a,\texample.com\t,b", "example.com", true),
        ("a,,,example.com", "example.com", true),
        ("a b,example.com", "example.com", false),
        ("example.com b", "example.com", true),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("127.0.0.1:80", "127.0.0.1", false),
        ("0.0.1", "127.0.0.1", false),
        (".0.0.1", "127.0.0.1", false),
        ("192.168.0.0/16", "192.168.255.1", true),
        ("192.168.0.0/16", "192.169.0.1", false),
        ("192.168.5.5/16", "192.168.255.1", true),
        ("192.168.0.0/17", "192.168.127.255", true),
        ("192.168.0.0/17", "192.168.128.0", false),
        ("192.168.0.1/32", "192.168.0.1", true),
        ("192.168.0.1/32", "192.168.0.0", false),
        ("128.0.0.0/1", "255.0.0.1", true),
        ("128.0.0.0/1", "127.0.0.1", false),
        ("10.0.0.0/0", "10.0.0.0", true),
        ("10.0.0.0/0", "10.0.0.1", false),
        ("10.0.0.0/33", "10.0.0.0", false),
        ("10.0.0.0/", "10.0.0.0", false),
        ("10.0.0.0/+8", "10.0.0.0", false),
        ("10.0.0.0/8x", "10.0.0.0", false),
        ("10.0.0.0/99999999999", "10.0.0.0", false),
        ("/8", "10.0.0.0", false),
        ("10.0.0.0/8", "10.example.com", false),
        ("example.com/8", "10.0.0.1", false),
        ("::1", "[::1]", true),
        ("0:0::1", "[::1]", true),
        ("::1", "[::2]", false),
        ("[::1]", "[::1]", false),
        ("2001:db8::/32", "[2001:db8:1::1]", true),
        ("2001:db8::/32", "[2001:db9::1]", false),
        ("2001:db8::/33", "[2001:db8:7fff::1]", true),
        ("2001:db8::/33", "[2001:db8:8000::1]", false),
        ("::1/128", "[::1]", true),
        ("::1/129", "[::1]", false),
        ("::1/0", "[::2]", false),
        ("127.0.0.1", "[::ffff:127.0.0.1]", false),
        ("::/1", "127.0.0.1", false),
        ("0.0.0.0/1", "[::1]", false),
    ];
    for (list, host, expected) in cases {
        for port in ["", ":80", ":8080"] {
            let text = format!("wss://{host}{port}/");
            let uri = Uri::parse(&text).unwrap();
            let found = NoProxy::new(list).contains(&uri);
            assert_eq!(found, expected, "{list:?} and {text}");
        }
    }
}

/// The host of the proxy that these variables name for the URL.
fn named(url: &str, vars: &[(&str, &str)]) -> Option<String> {
    let vars: HashMap<&str, &str> = vars.iter().copied().collect();
    let uri = Uri::parse(url).unwrap();
    let var = |name: &str| vars.get(name).map(|value| (*value).to_owned());
    let proxy = Proxy::from_env(&uri, var).unwrap()?;
    Some(proxy.host().to_owned())
}

#[test]
fn the_environment_names_a_proxy_by_the_rules_of_curl() {
    const WSS: [&str; 6] = [
        "wss_proxy",
        "WSS_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    const WS: [&str; 5] = [
        "ws_proxy",
        "WS_PROXY",
        "http_proxy",
        "all_proxy",
        "ALL_PROXY",
    ];
    for (url, names) in [("wss://example.com", &WSS[..]), ("ws://example.com", &WS)] {
        assert_eq!(named(url, &[]), None);
        for (index, name) in names.iter().enumerate() {
            // It comes before all that follow, and an empty one counts as none.
            let mut vars: Vec<(&str, &str)> =
                names[index..].iter().map(|name| (*name, "later")).collect();
            vars[0].1 = "first";
            vars.extend(names[..index].iter().map(|name| (*name, "")));
            assert_eq!(named(url, &vars).as_deref(), Some("first"), "{name}");
        }
    }
    for (url, vars) in [
        (
            "ws://example.com",
            [
                ("HTTP_PROXY", "h"),
                ("https_proxy", "h"),
                ("wss_proxy", "h"),
            ],
        ),
        (
            "wss://example.com",
            [("http_proxy", "h"), ("HTTP_PROXY", "h"), ("ws_proxy", "h")],
        ),
    ] {
        assert_eq!(named(url, &vars), None);
    }
}

#[test]
fn the_environment_excludes_hosts() {
    let with = |lower: Option<&'static str>, upper: Option<&'static str>| {
        let mut vars = vec![("all_proxy", "h")];
        vars.extend(lower.map(|list| ("no_proxy", list)));
        vars.extend(upper.map(|list| ("NO_PROXY", list)));
        named("ws://example.com", &vars).is_some()
    };
    assert!(with(None, None));
    assert!(!with(Some("example.com"), None));
    assert!(!with(None, Some("example.com")));
    // Lower case first; an empty one counts as none.
    assert!(with(Some("other"), Some("example.com")));
    assert!(!with(Some("example.com"), Some("other")));
    assert!(!with(Some(""), Some("*")));
}

#[test]
fn an_environment_with_a_fault_is_reported_only_if_it_counts() {
    let uri = Uri::parse("ws://example.com").unwrap();
    let var = |name: &str| (name == "all_proxy").then(|| "ftp://h".to_owned());
    assert_eq!(
        Proxy::from_env(&uri, var).unwrap_err(),
        ProxyUriError::Scheme
    );
    let var = |_: &str| Some("*".to_owned());
    assert!(Proxy::from_env(&uri, var).unwrap().is_none());
}
