//! Requests to a server.

use tungstenite::error::ProtocolError as TheirRule;
use tungstenite::handshake::server::{Request as TheirRequest, Response as TheirResponse};
use tungstenite::{Error as TheirError, HandshakeError as TheirHandshakeError};
use ws_proto::Input;
use ws_proto::handshake::{Accept, HandshakeError, Limits, OriginPolicy, ServerHandshake};

use crate::heads::{self, Field, Known};
use crate::shrink::{literal, shrink};
use crate::tally::Tally;
use ws_proto_suite::failed;
use ws_proto_test::random::Random;
use ws_proto_test::stream::Script;

/// What an accepted request said.
#[derive(Debug, PartialEq, Eq)]
struct Accepted {
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    accept: Vec<u8>,
}

#[test]
fn a_server_makes_the_same_of_requests() {
    let mut tally = Tally::new(
        "requests",
        &[
            Known::BareLf,
            Known::EmptyLines,
            Known::Repeated,
            Known::Lists,
            Known::Offers,
            Known::Body,
            Known::Host,
            Known::Target,
            Known::KeyPadBits,
            Known::Pipelined,
        ],
    );
    let mut accepted = 0_u64;
    for index in 0..crate::streams() {
        let mut rng = Random::nth(crate::seed() ^ 3, index);
        let head = request(&mut rng);
        let cut = rng.pick(&[1, 7, 64, usize::MAX]);
        match judge(&head, cut) {
            Ok((known, both_accept)) => {
                tally.add(&known);
                accepted += u64::from(both_accept);
            }
            Err(difference) => {
                let small = shrink(head, b'a', |less| judge(less, cut).is_err());
                let difference = judge(&small, cut).err().unwrap_or(difference);
                panic!(
                    "request {index} of seed {:#x}: {difference}\nsmallest: {}\n\
                     ours:   {:?}\ntheirs: {:?}",
                    crate::seed(),
                    literal(&small),
                    ours(&small, cut),
                    theirs(&small)
                );
            }
        }
    }
    tally.finish();
    assert!(
        accepted * 5 > crate::streams(),
        "only {accepted} accepted by both"
    );
}

fn judge(head: &[u8], cut: usize) -> Result<(Vec<Known>, bool), String> {
    let (ours, theirs) = (ours(head, cut), theirs(head));
    let mut known = Vec::new();
    let refused = |text| Err(format!("{text}: only one of them refuses"));
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => {
            same(ours, theirs)?;
            return Ok((known, true));
        }
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => known.push(match error {
            HandshakeError::BareLf => Known::BareLf,
            HandshakeError::NotHttp if head.starts_with(b"\r\n\r") => Known::EmptyLines,
            HandshakeError::HostInvalid if heads::repeats(head, "host") => Known::Repeated,
            HandshakeError::HostInvalid if !heads::has_host(head) => Known::Host,
            HandshakeError::TargetInvalid if !is_plain_target(head) => Known::Target,
            HandshakeError::BodyPresent if heads::has_body(head) => Known::Body,
            HandshakeError::KeyInvalid if heads::repeats(head, "sec-websocket-key") => {
                Known::Repeated
            }
            HandshakeError::VersionRepeated if heads::repeats(head, "sec-websocket-version") => {
                Known::Repeated
            }
            HandshakeError::OriginRepeated if heads::repeats(head, "origin") => Known::Repeated,
            HandshakeError::ConnectionInvalid if !heads::upgrades(head) => Known::Lists,
            HandshakeError::SubprotocolInvalid if !heads::subprotocols_are_right(head) => {
                Known::Offers
            }
            HandshakeError::ExtensionsInvalid => Known::Offers,
            _ => return refused("ours"),
        }),
        (Ok(_), Err(error)) => known.push(match error {
            TheirError::Protocol(TheirRule::JunkAfterRequest)
                if heads::end(head).is_some_and(|end| end < head.len()) =>
            {
                Known::Pipelined
            }
            TheirError::Protocol(
                TheirRule::MissingUpgradeWebSocketHeader
                | TheirRule::MissingConnectionUpgradeHeader,
            ) if heads::upgrades(head) => Known::Lists,
            TheirError::Protocol(TheirRule::InvalidSecWebSocketKey) if heads::has_key(head) => {
                Known::KeyPadBits
            }
            TheirError::HttpFormat(_) => Known::Target,
            _ => return refused("theirs"),
        }),
    }
    Ok((known, false))
}

fn same(ours: &Accepted, theirs: &Accepted) -> Result<(), String> {
    if ours.accept != theirs.accept {
        return Err("different Sec-WebSocket-Accept".to_owned());
    }
    if ours.fields != theirs.fields {
        return Err("different header fields".to_owned());
    }
    // The path of `http://host?query` is empty, which they write out.
    if ours.target == theirs.target || format!("/{}", ours.target) == theirs.target {
        Ok(())
    } else {
        Err("different targets".to_owned())
    }
}

/// A path, of which both are sure.
fn is_plain_target(head: &[u8]) -> bool {
    heads::target(head).is_some_and(|target| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/?=&%.".contains(byte);
        target.starts_with(b"/") && target.iter().all(is_plain)
    })
}

fn request(rng: &mut Random) -> Vec<u8> {
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const FIELDS: &[Field] = &[
        Field {
            name: "Host",
            present: 97,
            repeated: 2,
            right: &["example.com", "localhost:8080", "[::1]:80", "10.0.0.1"],
            odd: &["", "a b", "a/b", "user@host", "host:99999", "[::1"],
        },
        Field {
            name: "Upgrade",
            present: 98,
            repeated: 3,
            right: &["websocket", "WebSocket", "WEBSOCKET"],
            odd: &[
                "websocket, h2c",
                "h2c",
                "websockets",
                "",
                "websocket/13",
                ",websocket",
            ],
        },
        Field {
            name: "Connection",
            present: 98,
            repeated: 3,
            right: &[
                "Upgrade",
                "keep-alive, Upgrade",
                "upgrade",
                "Upgrade,keep-alive",
            ],
            odd: &[
                "close",
                "",
                "keep-alive Upgrade",
                "Upgraded",
                ",,upgrade",
                "keep-alive",
            ],
        },
        Field {
            name: "Sec-WebSocket-Key",
            present: 98,
            repeated: 3,
            right: &[KEY, "AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+w=="],
            odd: &[
                "dGhlIHNhbXBsZSBub25jZR==",
                "AQIDBAUGBwgJCgsMDQ4PEC==",
                "dGhlIHNhbXBsZSBub25jZQ",
                "c2hvcnQ=",
                "",
                "dGhlIHNhbXBsZSBub25jZQ=",
                "dGhlIHNhbXBsZSBub25jZQ== x",
                "!GhlIHNhbXBsZSBub25jZQ==",
            ],
        },
        Field {
            name: "Sec-WebSocket-Version",
            present: 98,
            repeated: 3,
            right: &["13"],
            odd: &["8", "013", "13, 8", "", "+13", "14"],
        },
        Field {
            name: "Sec-WebSocket-Protocol",
            present: 30,
            repeated: 20,
            right: &["chat", "a, b, c", "x.y,z"],
            odd: &["a,,b", "a b", "a, a", ",", "", "a;b"],
        },
        Field {
            name: "Sec-WebSocket-Extensions",
            present: 30,
            repeated: 20,
            right: &[
                "permessage-deflate; client_max_window_bits",
                "x; a=1; b=\"2\", y",
            ],
            odd: &["x;", "x; =1", ";", ",", "x; a=\"", "x y"],
        },
        Field {
            name: "Origin",
            present: 30,
            repeated: 5,
            right: &["https://example.com", "null"],
            odd: &["", "b\u{fc}cher"],
        },
        Field {
            name: "Cookie",
            present: 30,
            repeated: 20,
            right: &["a=b; c=d", "k\u{f6}ln=\u{20ac}"],
            odd: &["", "\u{1f600}"],
        },
        Field {
            name: "Content-Length",
            present: 4,
            repeated: 10,
            right: &["0"],
            odd: &["5", "00", "-1", "0, 0"],
        },
        Field {
            name: "Transfer-Encoding",
            present: 1,
            repeated: 0,
            right: &["chunked"],
            odd: &["identity"],
        },
        Field {
            name: "Expect",
            present: 3,
            repeated: 0,
            right: &["100-continue"],
            odd: &[],
        },
    ];
    let odd = rng.pick(&[0, 0, 0, 5, 15]);
    let mut head = Vec::new();
    if rng.percent(odd) {
        head.extend(rng.pick(&[&b"\r\n"[..], b"\r\n\r\n"]));
    }
    let (method, target, version) = if rng.percent(odd * 2) {
        (
            rng.pick(&["GET", "GET", "GET", "POST", "HEAD", "get", "CONNECT"]),
            rng.pick(&[
                "*",
                "chat",
                "http://example.com/a?b",
                "wss://example.com",
                "/a#b",
                "//a",
                "/%zz",
                "http://h?x",
                "ftp://h/",
                "/a\"b",
                "/{a}",
                "/a|b",
                "example.com:80",
                "/<",
                "http://",
            ]),
            rng.pick(&[
                "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2",
            ]),
        )
    } else {
        let target = rng.pick(&["/", "/chat", "/chat?room=1&x=%20", "/a/b;c=1,2/~d"]);
        ("GET", target, "HTTP/1.1")
    };
    head.extend(format!("{method} {target} {version}\r\n").bytes());
    head.extend(heads::lines(rng, FIELDS, odd));
    head.extend(b"\r\n");
    if rng.percent(30) {
        heads::mutate(rng, &mut head);
    }
    if rng.percent(odd) {
        head.extend(b"\x81\x82\0\0\0\0hi");
    }
    head
}

fn ours(head: &[u8], cut: usize) -> Result<Accepted, HandshakeError> {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    let mut head = head.to_vec();
    for piece in head.chunks_mut(cut) {
        let mut input = Input::new(piece);
        let Some(upgrade) = handshake.receive(&mut input, &mut out).map_err(failed)? else {
            continue;
        };
        let target = upgrade.target().to_owned();
        let fields = upgrade.headers().iter();
        let fields = sorted(fields.map(|(name, value)| (name, value.to_vec())));
        upgrade
            .accept(&Accept::new().origins(OriginPolicy::any()), &mut out)
            .expect("nothing but a 101");
        return Ok(Accepted {
            target,
            fields,
            accept: accept_in(&out),
        });
    }
    match handshake.receive_eof() {
        Err(error) => Err(error),
        Ok(()) => panic!("the end of a head that is not complete is an error"),
    }
}

fn theirs(head: &[u8]) -> Result<Accepted, TheirError> {
    let mut seen = None;
    #[expect(clippy::result_large_err, reason = "their signature")]
    let look = |request: &TheirRequest, response: TheirResponse| {
        let fields = request.headers().iter();
        seen = Some((
            request
                .uri()
                .path_and_query()
                .map_or(String::new(), ToString::to_string),
            sorted(fields.map(|(name, value)| (name.as_str(), value.as_bytes().to_vec()))),
        ));
        Ok(response)
    };
    match tungstenite::accept_hdr(Script::new().then_read(head), look) {
        Ok(socket) => {
            let (target, fields) = seen.expect("looked at");
            Ok(Accepted {
                target,
                fields,
                accept: accept_in(socket.get_ref().written()),
            })
        }
        Err(TheirHandshakeError::Failure(error)) => Err(error),
        Err(TheirHandshakeError::Interrupted(_)) => panic!("the transport never blocks"),
    }
}

/// By name, those with the same name in their order.
fn sorted<'a>(fields: impl Iterator<Item = (&'a str, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<_> = fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

/// The accept key in a response.
fn accept_in(response: &[u8]) -> Vec<u8> {
    let text = core::str::from_utf8(response).expect("ASCII");
    assert!(text.starts_with("HTTP/1.1 101 "), "{text}");
    let line = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("Sec-WebSocket-Accept")
            .then_some(value)
    });
    line.expect("a 101 has it").as_bytes().to_vec()
}
