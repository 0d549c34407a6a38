//! Responses to a client.

use tungstenite::error::ProtocolError as TheirRule;
use tungstenite::{Error as TheirError, HandshakeError as TheirHandshakeError, Message, http};
use ws_proto::handshake::{ClientHandshake, ClientRequest, HandshakeError, Limits};
use ws_proto::{Config, Connection, Event, Input, Negotiated};

use crate::heads::{self, Field, Known};
use crate::shrink::{literal, shrink};
use crate::tally::Tally;
use ws_proto_test::random::Random;
use ws_proto_test::stream::Script;

/// An accepted response: the subprotocol, and the text message after it.
#[derive(Debug, PartialEq, Eq)]
struct Accepted {
    subprotocol: Option<String>,
    message: Option<String>,
}

#[test]
fn a_client_makes_the_same_of_responses() {
    let mut tally = Tally::new(
        "responses",
        &[
            Known::BareLf,
            Known::EmptyLines,
            Known::Repeated,
            Known::Lists,
            Known::Offers,
            Known::Folded,
            Known::Informational,
        ],
    );
    let mut accepted = 0_u64;
    for index in 0..crate::streams() {
        let mut rng = Random::nth(crate::seed() ^ 4, index);
        let head = response(&mut rng);
        let offered: &[&str] = rng.pick(&[&[][..], &["chat", "soap"]]);
        let cut = rng.pick(&[1, 7, 64, usize::MAX]);
        match judge(&head, offered, cut) {
            Ok((known, both_accept)) => {
                tally.add(&known);
                accepted += u64::from(both_accept);
            }
            Err(difference) => {
                let small = shrink(head, b'a', |less| judge(less, offered, cut).is_err());
                let difference = judge(&small, offered, cut).err().unwrap_or(difference);
                panic!(
                    "response {index} of seed {:#x}, offered {offered:?}: {difference}\nsmallest: {}\n\
                     ours:   {:?}\ntheirs: {:?}",
                    crate::seed(),
                    literal(&small),
                    ours(&small, offered, cut),
                    theirs(&small, offered)
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

fn judge(head: &[u8], offered: &[&str], cut: usize) -> Result<(Vec<Known>, bool), String> {
    let (ours, theirs) = (ours(head, offered, cut), theirs(head, offered));
    let mut known = Vec::new();
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => return Ok((known, true)),
        (Ok(_), Ok(_)) => return Err("accepted differently".to_owned()),
        (Err(HandshakeError::Refused { status }), Err(TheirError::Http(response)))
            if response.status() != *status =>
        {
            if !response.status().is_informational() {
                return Err("different statuses".to_owned());
            }
            known.push(Known::Informational);
        }
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => known.push(match error {
            HandshakeError::BareLf => Known::BareLf,
            HandshakeError::NotHttp if head.starts_with(b"\r\n") => Known::EmptyLines,
            HandshakeError::AcceptInvalid
            | HandshakeError::SubprotocolInvalid
            | HandshakeError::UpgradeInvalid
                if repeats(head) =>
            {
                Known::Repeated
            }
            HandshakeError::ExtensionNotOffered
            | HandshakeError::ExtensionRepeated
            | HandshakeError::ExtensionsInvalid => Known::Offers,
            _ => return Err("only ours refuses".to_owned()),
        }),
        (Ok(_), Err(error)) => known.push(match error {
            TheirError::Protocol(TheirRule::MissingConnectionUpgradeHeader)
                if heads::upgrades(head) =>
            {
                Known::Lists
            }
            TheirError::Http(response) if response.status().is_informational() => {
                Known::Informational
            }
            TheirError::Protocol(TheirRule::HttparseError(_)) if folds(head) => Known::Folded,
            _ => return Err("only theirs refuses".to_owned()),
        }),
    }
    Ok((known, false))
}

/// Whether one of the fields that have to stand once does not.
fn repeats(head: &[u8]) -> bool {
    ["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Upgrade"]
        .iter()
        .any(|name| heads::repeats(head, name))
}

fn folds(head: &[u8]) -> bool {
    head.windows(3)
        .any(|three| matches!(three, b"\r\n " | b"\r\n\t"))
}

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn response(rng: &mut Random) -> Vec<u8> {
    const FIELDS: &[Field] = &[
        Field {
            name: "Upgrade",
            present: 98,
            repeated: 3,
            right: &["websocket", "WebSocket"],
            odd: &["websocket, h2c", "", "h2c"],
        },
        Field {
            name: "Connection",
            present: 98,
            repeated: 3,
            right: &["Upgrade", "upgrade", "UPGRADE"],
            odd: &["keep-alive, Upgrade", "close", "", "Upgraded", ",upgrade"],
        },
        Field {
            name: "Sec-WebSocket-Accept",
            present: 98,
            repeated: 3,
            right: &[ACCEPT],
            odd: &[
                "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
                "",
                "x",
            ],
        },
        Field {
            name: "Sec-WebSocket-Protocol",
            present: 40,
            repeated: 5,
            right: &["chat", "soap"],
            odd: &["Chat", "mqtt", "", "chat, soap"],
        },
        Field {
            name: "Sec-WebSocket-Extensions",
            present: 4,
            repeated: 10,
            right: &["permessage-deflate"],
            odd: &["", ";"],
        },
        Field {
            name: "Date",
            present: 40,
            repeated: 5,
            right: &["Sat, 21 Nov 2026 22:00:00 GMT"],
            odd: &["", "\u{e9}"],
        },
        Field {
            name: "Content-Length",
            present: 4,
            repeated: 0,
            right: &["0"],
            odd: &["7"],
        },
        Field {
            name: "Transfer-Encoding",
            present: 2,
            repeated: 0,
            right: &["chunked"],
            odd: &[],
        },
    ];
    let odd = rng.pick(&[0, 0, 0, 5, 15]);
    let mut head = Vec::new();
    if rng.percent(odd) {
        head.extend(rng.pick(&[
            &b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"[..],
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"\r\n",
        ]));
    }
    let line = if rng.percent(odd * 2) {
        rng.pick(&[
            "HTTP/1.1 101 ",
            "HTTP/1.1 101",
            "HTTP/1.0 101 Switching Protocols",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 302 Found",
            "HTTP/1.1 401 No",
            "HTTP/1.1 503 Busy",
            "HTTP/2.0 101 x",
            "HTTP/1.1 1010 x",
            "HTTP/1.1 099 x",
            "HTTP/1.1 999 x",
        ])
    } else {
        "HTTP/1.1 101 Switching Protocols"
    };
    head.extend(format!("{line}\r\n").bytes());
    head.extend(heads::lines(rng, FIELDS, odd));
    head.extend(b"\r\n");
    if rng.percent(30) {
        heads::mutate(rng, &mut head);
    }
    if rng.percent(30) {
        head.extend(b"\x81\x02hi");
    }
    head
}

fn ours(head: &[u8], offered: &[&str], cut: usize) -> Result<Accepted, HandshakeError> {
    let request = ClientRequest::new("example.com", "/")
        .subprotocols(offered)
        .require_subprotocol(true);
    let nonce = *b"the sample nonce";
    let mut out = Vec::new();
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out).expect("valid");
    let mut head = head.to_vec();
    let mut established = None;
    let mut behind = Vec::new();
    for piece in head.chunks_mut(cut) {
        let mut input = Input::new(piece);
        if established.is_none() {
            let received = handshake.receive(&mut input)?;
            established = received.map(|answer| answer.subprotocol().map(str::to_owned));
        }
        if established.is_some() {
            behind.extend_from_slice(input.bytes());
        }
    }
    let Some(subprotocol) = established else {
        return match handshake.receive_eof() {
            Err(error) => Err(error),
            Ok(()) => panic!("the end of a head that is not complete is an error"),
        };
    };
    let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    let message = match connection.receive(&mut Input::new(&mut behind), &mut out) {
        Ok(Some(Event::Text(text))) => text.whole().map(str::to_owned),
        _ => None,
    };
    Ok(Accepted {
        subprotocol,
        message,
    })
}

fn theirs(head: &[u8], offered: &[&str]) -> Result<Accepted, TheirError> {
    let mut request = http::Request::get("ws://example.com/")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    if !offered.is_empty() {
        request = request.header("Sec-WebSocket-Protocol", offered.join(", "));
    }
    let request = request.body(()).expect("valid");
    match tungstenite::client(request, Script::new().then_read(head)) {
        Ok((mut socket, response)) => {
            let subprotocol = response.headers().get("Sec-WebSocket-Protocol");
            let message = match socket.read() {
                Ok(Message::Text(text)) => Some(text.to_string()),
                _ => None,
            };
            Ok(Accepted {
                subprotocol: subprotocol.map(|name| name.to_str().expect("ASCII").to_owned()),
                message,
            })
        }
        Err(TheirHandshakeError::Failure(error)) => Err(error),
        Err(TheirHandshakeError::Interrupted(_)) => panic!("the transport never blocks"),
    }
}
