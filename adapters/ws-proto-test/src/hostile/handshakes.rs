//! Handshakes that must not be.

use std::time::Duration;

use super::Expected::{Bears, Ends, GivesUp, Refuses};
use super::Script::Handshake;
use super::{Expected, Misbehaviour, Setup, frames};
use crate::Side;
use crate::peer::{Head, KEY, Peer, response};
use crate::wire::{FIN, TEXT, frame};

const SECOND: Duration = Duration::from_secs(1);

const fn handshake(
    name: &'static str,
    what: &'static str,
    source: &'static str,
    expected: Expected,
    script: fn(&Setup) -> Peer,
) -> Misbehaviour {
    Misbehaviour::new(name, what, source, expected, Handshake(script))
}

/// A peer that has read the request, if it is a server.
fn begun(setup: &Setup) -> Peer {
    match setup.side {
        Side::Server => Peer::server().answer(|_| Vec::new()),
        Side::Client => Peer::client(),
    }
}

/// Reads until the stream ends, without a word.
fn watch(peer: Peer) -> Peer {
    peer.without_close().drain()
}

pub(super) fn of_both() -> Vec<Misbehaviour> {
    vec![
        handshake(
            "silent-handshake",
            "says nothing at all",
            "time",
            Ends,
            |setup| watch(begun(setup)),
        ),
        handshake(
            "slow-handshake",
            "sends its head with a second after each byte",
            "time",
            Ends,
            |setup| {
                watch(match setup.side {
                    Side::Server => begun(setup).trickle(
                        format!(
                            "HTTP/1.1 101 Switching Protocols\r\nServer: {}",
                            "x".repeat(3000)
                        ),
                        SECOND,
                    ),
                    Side::Client => begun(setup).trickle(
                        format!(
                            "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {}",
                            "x".repeat(3000)
                        ),
                        SECOND,
                    ),
                })
            },
        ),
        handshake(
            "endless-head",
            "sends a head that never ends",
            "memory",
            Ends,
            |setup| {
                let start = match setup.side {
                    Side::Server => "HTTP/1.1 101 Switching Protocols\r\n",
                    Side::Client => "GET / HTTP/1.1\r\nHost: localhost\r\n",
                };
                let lines = "X-Line: one more\r\n".repeat(100);
                watch(
                    begun(setup)
                        .send_raw(start)
                        .repeat(lines, u64::MAX, Duration::ZERO),
                )
            },
        ),
        handshake(
            "end-in-head",
            "ends its side inside of the head",
            "RFC 9112 8",
            Ends,
            |setup| {
                let start = match setup.side {
                    Side::Server => "HTTP/1.1 101 Switching Protocols\r\nUpgr",
                    Side::Client => "GET / HTTP/1.1\r\nHo",
                };
                watch(begun(setup).send_raw(start).end_writing())
            },
        ),
        handshake(
            "garbage",
            "sends bytes that are not HTTP",
            "RFC 9112 2",
            Ends,
            |setup| {
                watch(
                    begun(setup).send_raw([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 13, 10, 13, 10]),
                )
            },
        ),
        handshake(
            "head-and-frame",
            "sends its head and the first message in one write",
            "RFC 6455 4.1",
            Bears,
            |setup| {
                let text = frame(setup.side.peer(), FIN | TEXT, b"already here");
                frames::goes_on(match setup.side {
                    Side::Server => Peer::server()
                        .answer(move |request| [response(request, &[]), text.clone()].concat()),
                    // A client has to wait for the answer: its text comes at once after that.
                    Side::Client => setup.open().send_raw(text),
                })
            },
        ),
        handshake(
            "head-byte-by-byte",
            "sends its head in single bytes, in good time",
            "RFC 9112 2",
            Bears,
            |setup| {
                let pause = Duration::from_millis(5);
                frames::goes_on(match setup.side {
                    Side::Server => Peer::server()
                        .answer(|_| Vec::new())
                        .trickle(response(&sample_request(), &[]), pause),
                    Side::Client => {
                        let request = crate::peer::request(&setup.path, &setup.fields(&[]));
                        Peer::client().trickle(request, pause).expect_accepted()
                    }
                })
            },
        )
        .of_clients(),
    ]
}

fn sample_request() -> Head {
    Head {
        line: "GET / HTTP/1.1".to_owned(),
        fields: vec![("Sec-WebSocket-Key".to_owned(), KEY.to_owned())],
    }
}

/// A server's head that is wrong.
const fn answer(
    name: &'static str,
    what: &'static str,
    source: &'static str,
    script: fn(&Setup) -> Peer,
) -> Misbehaviour {
    handshake(name, what, source, GivesUp, script).of_servers()
}

/// Answers with a 101 of which one piece of text is replaced by another.
fn replaced(from: &'static str, to: &'static str) -> Peer {
    watch(Peer::server().answer(move |request| {
        let head = String::from_utf8_lossy(&response(request, &[])).into_owned();
        head.replacen(from, to, 1).into_bytes()
    }))
}

fn extended(name: &'static str, value: &'static str) -> Peer {
    watch(Peer::server().answer(move |request| response(request, &[(name, value)])))
}

fn other(text: &'static str) -> Peer {
    watch(Peer::server().answer(move |_| text.into()))
}

pub(super) fn of_servers() -> Vec<Misbehaviour> {
    vec![
        answer(
            "wrong-accept",
            "answers with the accept value of another key",
            "RFC 6455 4.1",
            |_| {
                watch(Peer::server().answer(|_| {
                    let mut other = sample_request();
                    other.fields[0].1 = "AAAAAAAAAAAAAAAAAAAAAA==".to_owned();
                    response(&other, &[])
                }))
            },
        ),
        answer(
            "no-accept",
            "answers without an accept value",
            "RFC 6455 4.1",
            |_| replaced("Sec-WebSocket-Accept", "X-Accept"),
        ),
        answer(
            "no-upgrade",
            "answers 101 without Upgrade",
            "RFC 6455 4.1",
            |_| replaced("Upgrade: websocket\r\n", ""),
        ),
        answer(
            "other-upgrade",
            "upgrades to another protocol",
            "RFC 6455 4.1",
            |_| replaced("websocket", "h2c"),
        ),
        answer(
            "no-connection",
            "answers 101 without Connection",
            "RFC 6455 4.1",
            |_| replaced("Connection: Upgrade\r\n", ""),
        ),
        answer(
            "http-1.0",
            "answers 101 with HTTP/1.0",
            "RFC 6455 4.1",
            |_| replaced("HTTP/1.1", "HTTP/1.0"),
        ),
        answer(
            "unasked-subprotocol",
            "chooses a subprotocol that was not offered",
            "RFC 6455 4.1",
            |_| extended("Sec-WebSocket-Protocol", "nobody.asked.v1"),
        ),
        answer(
            "unasked-extension",
            "agrees to an extension that was not offered",
            "RFC 6455 4.1",
            |_| extended("Sec-WebSocket-Extensions", "x-nobody-asked"),
        ),
        answer("status-200", "answers with a page", "RFC 6455 4.1", |_| {
            other("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        }),
        answer("status-404", "refuses", "RFC 6455 4.1", |_| {
            other("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        }),
        answer("redirect", "redirects to itself", "RFC 6455 4.1", |_| {
            other("HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
        }),
        answer(
            "endless-refusal",
            "refuses with a body that never ends",
            "memory",
            |_| {
                other("HTTP/1.1 403 Forbidden\r\n\r\n").repeat(
                    vec![b'x'; 4096],
                    u64::MAX,
                    Duration::ZERO,
                )
            },
        ),
        answer("endless-100", "sends 100 Continue for ever", "time", |_| {
            let more = "HTTP/1.1 100 Continue\r\n\r\n".repeat(50);
            other("").repeat(more, u64::MAX, Duration::ZERO)
        }),
    ]
}

/// A client's head that is wrong.
const fn ask(
    name: &'static str,
    what: &'static str,
    source: &'static str,
    statuses: &'static [u16],
    script: fn(&Setup) -> Peer,
) -> Misbehaviour {
    handshake(name, what, source, Refuses(statuses), script).of_clients()
}

/// Asks with a head of which one piece of text is replaced by another.
fn asked(setup: &Setup, from: &str, to: &str) -> Peer {
    let head = crate::peer::request(&setup.path, &setup.fields(&[]));
    let head = String::from_utf8_lossy(&head).replacen(from, to, 1);
    watch(Peer::client().send_raw(head))
}

pub(super) fn of_clients() -> Vec<Misbehaviour> {
    vec![
        ask(
            "no-key",
            "asks without a key",
            "RFC 6455 4.2.1",
            &[400],
            |setup| asked(setup, "Sec-WebSocket-Key", "X-Key"),
        ),
        ask(
            "short-key",
            "asks with a key of 3 bytes",
            "RFC 6455 4.2.1",
            &[400],
            |setup| asked(setup, KEY, "AAAA"),
        ),
        ask(
            "two-keys",
            "asks with two keys",
            "RFC 6455 11.3.1",
            &[400],
            |setup| {
                asked(
                    setup,
                    "Sec-WebSocket-Key",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key",
                )
            },
        ),
        ask(
            "version-8",
            "asks for version 8 of the protocol",
            "RFC 6455 4.4",
            &[400, 426],
            |setup| asked(setup, "Version: 13", "Version: 8"),
        ),
        ask(
            "no-version",
            "asks without a version",
            "RFC 6455 4.2.1",
            &[400, 426],
            |setup| asked(setup, "Sec-WebSocket-Version", "X-Version"),
        ),
        ask(
            "no-host",
            "asks without Host",
            "RFC 9112 3.2",
            &[400],
            |setup| asked(setup, "Host:", "X-Host:"),
        ),
        ask(
            "two-hosts",
            "asks with two Hosts",
            "RFC 9112 3.2",
            &[400],
            |setup| asked(setup, "Upgrade:", "Host: elsewhere.example\r\nUpgrade:"),
        ),
        ask(
            "post",
            "asks with POST",
            "RFC 6455 4.2.1",
            &[400, 405, 426, 501],
            |setup| asked(setup, "GET ", "POST "),
        ),
        ask(
            "request-http-1.0",
            "asks with HTTP/1.0",
            "RFC 6455 4.2.1",
            &[400, 426, 505],
            |setup| asked(setup, "HTTP/1.1", "HTTP/1.0"),
        ),
        ask(
            "no-upgrade-asked",
            "asks for a page, not for WebSocket",
            "RFC 6455 4.2.1",
            &[200, 400, 404, 426],
            |setup| asked(setup, "Upgrade: websocket\r\nConnection: Upgrade\r\n", ""),
        ),
        ask(
            "request-body",
            "asks with a body",
            "RFC 9112 6",
            &[400, 413],
            |setup| asked(setup, "Upgrade:", "Content-Length: 5\r\nUpgrade:"),
        ),
        ask(
            "space-before-colon",
            "has a space before the colon of Host",
            "RFC 9112 5.1",
            &[400],
            |setup| asked(setup, "Host:", "Host :"),
        ),
        ask(
            "nul-in-head",
            "has a NUL in its head",
            "RFC 9110 5.5",
            &[400],
            |setup| asked(setup, "Upgrade:", "X-Nul: a\0b\r\nUpgrade:"),
        ),
        ask(
            "foreign-origin",
            "asks as a page of another site",
            "RFC 6455 10.2",
            &[403],
            |setup| {
                asked(
                    setup,
                    "Upgrade:",
                    "Origin: https://evil.example\r\nUpgrade:",
                )
            },
        ),
    ]
}
